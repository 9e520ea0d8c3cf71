//! Reports: what a case has to say, as data. The sentences stand in `prompts/`.

pub use crate::diagnosis::verify::Proof;
pub use crate::view::probes::ProbeView;
pub use crate::view::remediation::{RemediationView, StepView};

use crate::case::dispute::CloseDispute;
use crate::case::event::Source;
use crate::case::outcome::{Code, Outcome};
use crate::case::{Case, PendingApproval, Phase, RemediationResult, Timings};
use crate::diagnosis::diagnose::Diagnosis;
use crate::diagnosis::plan::Plan;
use crate::expr::MessageSpan;
use crate::ids::PlaybookName;
use crate::playbook::{Fault, Library, SystemType};
use crate::policy::permit::{Pause, Risk};
use crate::text::format::format_minute;
use crate::ticket::triage::{Intent, UnknownSystemName};
use crate::view::probes::probes;
use crate::view::remediation::{summary_of, tell};
use serde::Serialize;

/// Everything that a status comment, a final report or `case show` may say about a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub case: String,
    pub ticket: String,
    /// The system's name; empty if the ticket names none.
    pub system: String,
    pub stage: String,
    /// The stage in one word: `looking`, `treating`, `verifying`, `undoing`, `paused`, `asking`,
    /// `linked`, `delayed` or `ended`.
    pub phase: String,
    /// The outcome's word, or `working`.
    pub outcome: String,
    /// The code of an escalation, else empty.
    pub code: String,
    pub why: String,
    pub opened_by_agent: bool,
    /// The halt under which it waits.
    pub pause: Option<Pause>,
    /// What it waits for a person's yes to.
    pub question: Option<ApprovalView>,
    /// The budget that it waits for.
    pub deferral: Option<WaitingView>,
    /// Another case about the same fault.
    pub related: Option<RelatedView>,
    /// How often the fault was mended before within seven days; 0 if it was not.
    pub recurrences: usize,
    /// The ticket about a fault that comes back again and again, else empty.
    pub problem: String,
    /// Who said yes to the newest plan.
    pub approved_by: Option<String>,
    /// A rehearsal, or an agent that only observes: what it would have done.
    pub proposal: Vec<ProposedStep>,
    /// What was mended, in sentences for those who reported it.
    pub reporter_message: Vec<String>,
    /// Who objects to the close of an earlier case.
    pub dispute: Option<CloseDispute>,
    /// What the ticket's form says of the place, and nobody knows.
    pub unknown_names: Vec<UnknownSystemName>,
    /// The words of the ticket that a finding accounts for.
    pub words: Vec<String>,
    pub findings: Vec<FindingView>,
    pub remediations: Vec<RemediationView>,
    pub unknown: Vec<FindingView>,
    pub ruled_out: Vec<String>,
    pub advice: Vec<String>,
    pub prevention: Vec<Vec<MessageSpan>>,
    pub probes: Vec<ProbeView>,
    /// The request that was answered, else empty.
    pub request: String,
    pub timings: Timings,
    /// From the first record to the newest, in seconds.
    pub seconds: i64,
    /// The newest record's moment.
    pub as_of: String,
}

/// A playbook's title and a sentence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FindingView {
    pub title: String,
    pub text: String,
}

/// A plan that needs a person's yes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApprovalView {
    pub playbook: String,
    /// The beginning of the plan's hash, which the answer repeats.
    pub plan: String,
    /// People were asked about another plan before.
    pub changed: bool,
    pub risk: Risk,
    /// `2026-12-24 12:00 UTC`.
    pub until: String,
    pub steps: Vec<ProposedStep>,
}

/// Another case about the same fault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RelatedView {
    pub ticket: String,
    /// Of the fault.
    pub title: String,
    /// It has not come to its end.
    pub is_awaited: bool,
}

/// A budget that is used up.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WaitingView {
    /// `2026-12-24 12:00 UTC`.
    pub until: String,
    pub why: String,
}

/// A change that was not made, or not yet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProposedStep {
    pub name: String,
    /// The condition under which the step is made; empty if it always is.
    pub only_if: String,
    pub host: String,
    pub command: String,
    /// Empty if there is no way back.
    pub rollback: String,
}

/// Draws up the report of a case.
pub fn report(case: &Case, library: &Library) -> Report {
    let site = case.triage.as_ref().and_then(|triage| triage.system.as_ref());
    let system = site.and_then(|site| library.systems.get(&site.system_type));
    let fault = |name: &PlaybookName| system.and_then(|system: &SystemType| system.fault(name));
    let first = case.diagnoses.first();
    let (code, why) = match &case.outcome {
        Some(Outcome::Escalated(escalation)) => (escalation.code.to_string(), escalation.why.clone()),
        Some(Outcome::Declined { why }) => (String::new(), why.clone()),
        Some(Outcome::Cancelled) => (String::new(), cancelled(case)),
        _ => Default::default(),
    };
    let faults: Vec<&Fault> = case
        .diagnoses
        .iter()
        .flat_map(|diagnosis| &diagnosis.findings)
        .filter_map(|finding| fault(&finding.playbook))
        .fold(Vec::new(), |mut all, fault| {
            if !all.iter().any(|known: &&Fault| known.name == fault.name) {
                all.push(fault);
            }
            all
        });
    let treated = |fault: &&&Fault| case.remediations.iter().any(|t| t.plan.playbook == fault.name);
    // What another case has mended if this one is resolved; it may have been gone before this one looked.
    let is_resolved = matches!(case.outcome, Some(Outcome::Resolved));
    let of_kin = case.related.as_ref().filter(|_| is_resolved).and_then(|kin| fault(&kin.playbook));
    let is_of_kin = |fault: &Fault| of_kin.is_some_and(|known| known.name == fault.name);
    let mended = |fault: &Fault| {
        let mut ended = case.remediations.iter().filter(|t| t.plan.playbook == fault.name);
        is_of_kin(fault)
            || ended.any(|t| matches!(t.phase, Phase::Finished { result: RemediationResult::Fixed, .. }))
    };
    let titles = |names: &[PlaybookName]| {
        names.iter().map(|name| fault(name).map_or(name.to_string(), |f| f.title.clone())).collect()
    };
    let last = case.diagnosis();
    let params = site.zip(system).map(|(site, system)| system.params(&site.params)).unwrap_or_default();
    Report {
        case: case.id.to_string(),
        ticket: case.ticket.id.to_string(),
        system: site.map_or_else(String::new, |site| site.name.to_string()),
        stage: case.status_key().to_string(),
        phase: case.phase_key().to_owned(),
        outcome: case.outcome.as_ref().map_or("working", Outcome::word).to_owned(),
        proposal: if changes_nothing_yet(&code) { proposal(case, system) } else { Vec::new() },
        code,
        why,
        opened_by_agent: matches!(
            &case.source,
            Source::Sweep { suspect: Some(_) } | Source::Recurrence { .. }
        ),
        pause: case.paused.clone(),
        question: case
            .pending_approval
            .as_ref()
            .map(|asked| question(case, asked, fault(&asked.plan.playbook))),
        deferral: case
            .deferral
            .as_ref()
            .map(|delay| WaitingView { until: format_minute(delay.until), why: delay.exceeded.to_string() }),
        related: case.related.as_ref().map(|kin| RelatedView {
            ticket: kin.ticket.to_string(),
            title: fault(&kin.playbook).map_or(kin.playbook.to_string(), |fault| fault.title.clone()),
            is_awaited: kin.is_awaited,
        }),
        recurrences: case.recurrence.as_ref().map_or(0, |recurred| recurred.count),
        problem: case.publishing.problem.clone().unwrap_or_default(),
        approved_by: case.approval.as_ref().map(|approval| approval.by.clone()),
        reporter_message: faults
            .iter()
            .copied()
            .filter(|fault| mended(fault))
            .chain(of_kin.filter(|_| !faults.iter().any(|fault| is_of_kin(fault))))
            .filter_map(|fault| fault.reporter_message.clone())
            .collect(),
        dispute: case.dispute.clone(),
        unknown_names: case.triage.as_ref().map_or_else(Vec::new, |triage| triage.unknown_names.clone()),
        words: words(case),
        findings: faults
            .iter()
            .filter(|fault| !treated(fault))
            .map(|fault| FindingView { title: fault.title.clone(), text: summary_of(case, fault) })
            .collect(),
        remediations: case
            .remediations
            .iter()
            .map(|treatment| tell(case, treatment, fault(&treatment.plan.playbook)))
            .collect(),
        unknown: last.map(|diagnosis| unknowns(diagnosis, fault)).unwrap_or_default(),
        ruled_out: first.map(|diagnosis| titles(&diagnosis.ruled_out)).unwrap_or_default(),
        advice: faults.iter().filter(|fault| !mended(fault)).map(|fault| fault.advice.clone()).collect(),
        prevention: faults
            .iter()
            .filter_map(|fault| fault.prevention.as_ref())
            .map(|note| note.spans(&case.evidence.scope(&params)))
            .filter(|note| note.iter().any(|span| !span.text.trim().is_empty()))
            .collect(),
        probes: probes(&case.evidence),
        request: match case.triage.as_ref().map(|triage| &triage.intent) {
            Some(Intent::Question { request, .. }) => request.to_string(),
            _ => String::new(),
        },
        timings: case.timings,
        seconds: (case.updated_at - case.opened_at).num_seconds(),
        as_of: format_minute(case.updated_at),
    }
}

/// What could not be told. One cause is said once, with everything that it hides.
fn unknowns<'a>(
    diagnosis: &Diagnosis,
    fault: impl Fn(&PlaybookName) -> Option<&'a Fault>,
) -> Vec<FindingView> {
    let mut told: Vec<FindingView> = Vec::new();
    for unknown in &diagnosis.unknown {
        let title = fault(&unknown.playbook).map_or(unknown.playbook.to_string(), |f| f.title.clone());
        match told.iter_mut().find(|view| view.text == unknown.cause()) {
            Some(view) => view.title = format!("{}; {title}", view.title),
            None => told.push(FindingView { title, text: unknown.cause().to_owned() }),
        }
    }
    told
}

fn words(case: &Case) -> Vec<String> {
    let Some(triage) = &case.triage else { return Vec::new() };
    let found = |name: &PlaybookName| {
        case.diagnoses.iter().flat_map(|d| &d.findings).any(|finding| finding.playbook == *name)
    };
    let matches = triage.matched_faults.iter().filter(|found_words| found(&found_words.playbook));
    let mut words: Vec<String> = matches.map(|found_words| found_words.words.clone()).collect();
    words.sort();
    words.dedup();
    words
}

/// Escalations of plans that were not begun.
fn changes_nothing_yet(code: &str) -> bool {
    [Code::NotPermitted, Code::Denied, Code::NoAnswer, Code::HeldBack, Code::StillBroken]
        .iter()
        .any(|it| it.as_str() == code)
}

/// What the first finding's remedy would do, rendered anew from the evidence.
fn proposal(case: &Case, system: Option<&SystemType>) -> Vec<ProposedStep> {
    let proposed = || {
        let site = case.triage.as_ref()?.system.as_ref()?;
        let system = system?;
        let finding = case.diagnosis()?.findings.first()?;
        let fault = system.fault(&finding.playbook)?;
        let plan =
            crate::diagnosis::plan::plan(system, site, fault, &case.evidence, &case.backup_name()).ok()?;
        Some(steps(&plan, fault))
    };
    proposed().unwrap_or_default()
}

fn steps(plan: &Plan, fault: &Fault) -> Vec<ProposedStep> {
    let steps = plan.steps.iter().zip(&fault.remediation);
    let told = steps.filter_map(|(planned, step)| {
        Some(ProposedStep {
            name: planned.name.clone(),
            only_if: step.only_if.as_ref().map(|expr| expr.source().to_owned()).unwrap_or_default(),
            host: planned.host.to_string(),
            command: planned.command.as_ref().ok()?.line(),
            rollback: planned
                .rollback
                .as_ref()
                .map(crate::playbook::command::Command::line)
                .unwrap_or_default(),
        })
    });
    told.collect()
}

fn question(case: &Case, asked: &PendingApproval, fault: Option<&Fault>) -> ApprovalView {
    ApprovalView {
        playbook: asked.plan.playbook.to_string(),
        plan: asked.plan.short_id().to_owned(),
        changed: case.approval_requests > 1,
        risk: asked.plan.risk,
        until: format_minute(asked.until),
        steps: fault.map(|fault| steps(&asked.plan, fault)).unwrap_or_default(),
    }
}

fn cancelled(case: &Case) -> String {
    case.cancelled_by.as_ref().map_or_else(String::new, |by| format!("{by} called it off"))
}
