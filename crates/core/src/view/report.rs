//! Reports: what a case has to say, as data. The sentences stand in `prompts/`.

pub use crate::diagnosis::verify::Proof;
pub use crate::view::probes::{FactView, ProbeState, ProbeView};
pub use crate::view::remediation::{RemediationState, RemediationView, StepStatus, StepView};

use crate::case::detail::Detail;
use crate::case::dispute::CloseDispute;
use crate::case::inquiry::InquiryPurpose;
use crate::case::outcome::{Code, Escalation, Outcome, Remainder};
use crate::case::{Case, PendingApproval, Phase, RemediationResult, Timings};
use crate::diagnosis::diagnose::Diagnosis;
use crate::diagnosis::plan::Plan;
use crate::expr::MessageSpan;
use crate::ids::PlaybookName;
use crate::playbook::command::Command;
use crate::playbook::{Fault, Library, SystemType};
use crate::policy::consent::Pause;
use crate::policy::deferral::ExceededLimit;
use crate::policy::mode::Risk;
use crate::reading::{Reading, Topic};
use crate::text::format::format_minute;
use crate::ticket::triage::{Intent, UnknownSystemName};
use crate::view::probes::probes;
use crate::view::remediation::{remediation, summary_of};
use serde::Serialize;

/// So many sentences are shown that may be about something else.
const MAX_BESIDES: usize = 3;

/// Everything that a status comment, a final report or `case show` may say about a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The case's number: `c` and 12 hex digits.
    pub case: String,
    /// The system's name; `None` if the ticket names none.
    pub system: Option<String>,
    /// The stage with its numbers: `looking`, `treating 1.2`, `delayed until 2026-12-24 12:00:00 UTC`.
    pub stage: String,
    /// The stage in one word: `looking`, `treating`, `verifying`, `undoing`, `paused`, `asking`,
    /// `linked`, `delayed` or `ended`.
    pub phase: String,
    /// The outcome's word, or `working`.
    pub outcome: String,
    /// The code of an escalation.
    pub code: Option<Code>,
    /// Why it ended so.
    pub detail: Option<Detail>,
    /// The pause that it waits for.
    pub pause: Option<Pause>,
    /// The plan that waits for approval.
    pub question: Option<ApprovalView>,
    /// The limit that it waits for.
    pub deferral: Option<WaitingView>,
    /// Another case about the same fault.
    pub related: Option<RelatedView>,
    /// How often the fault was fixed before within seven days; 0 if it was not.
    pub recurrences: usize,
    /// The ticket about a fault that keeps coming back.
    pub problem: Option<String>,
    /// Who approved the newest plan.
    pub approved_by: Option<String>,
    /// Who confirmed that it works; `None` if nobody did.
    pub confirmed_by: Option<String>,
    /// What the words are about, if it is nothing that Fieldmedic handles.
    pub topic: Option<Topic>,
    /// What the ticket stays open for, beside what was fixed or answered.
    pub rest: Vec<Remainder>,
    /// The sentences that may be about something else than what was fixed.
    pub besides: Vec<String>,
    /// What a reader made of the words; `None` where nobody read them.
    pub reading: Option<Reading>,
    /// What the reporter is asked.
    pub inquiry: Option<InquiryView>,
    /// The steps of a plan that was not started.
    pub proposal: Vec<ProposedStep>,
    /// What was fixed, in sentences for those who reported it.
    pub reporter_message: Vec<String>,
    /// Who disputes the close of an earlier case.
    pub dispute: Option<CloseDispute>,
    /// Names in the ticket's form that are unknown.
    pub unknown_names: Vec<UnknownSystemName>,
    /// The faults that any diagnosis found and no remediation was started for, without those that are gone.
    pub findings: Vec<FindingView>,
    /// The titles of the faults that were found, and are gone since something else was fixed.
    pub gone: Vec<String>,
    /// The remediations, in the order in which they were started.
    pub remediations: Vec<RemediationView>,
    /// What the newest diagnosis could not tell. Faults with the same cause stand in one entry.
    pub unknown: Vec<FindingView>,
    /// The titles of the faults that the first diagnosis ruled out.
    pub ruled_out: Vec<String>,
    /// What a person should do, for each fault that was found and not fixed; in Markdown.
    pub advice: Vec<String>,
    /// How to keep the faults that were found from coming back. Each note is one list of pieces.
    pub prevention: Vec<Vec<MessageSpan>>,
    /// The newest result of each probe, by name.
    pub probes: Vec<ProbeView>,
    /// The request that was answered.
    pub request: Option<String>,
    /// A person ordered an operation.
    pub is_operation: bool,
    /// Where the time went.
    pub timings: Timings,
    /// From the first record to the newest, in seconds.
    pub seconds: i64,
    /// The newest record's moment.
    pub as_of: String,
}

/// A playbook's title and a sentence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FindingView {
    /// The playbook's title; those of several, parted by `; `, if one cause hides several faults.
    pub title: String,
    /// The evidence for the fault, or the cause for which it is unknown.
    pub text: String,
}

/// A plan that needs a person's yes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApprovalView {
    /// The name of the fault's playbook.
    pub playbook: String,
    /// Its title.
    pub title: String,
    /// The evidence for the fault.
    pub text: String,
    /// The beginning of the plan's hash, which the answer repeats.
    pub plan: String,
    /// People were asked about another plan before.
    pub changed: bool,
    /// The risk that the playbook declares.
    pub risk: Risk,
    /// `2026-12-24 12:00 UTC`.
    pub until: String,
    /// What would be done, without steps whose command could not be rendered.
    pub steps: Vec<ProposedStep>,
}

/// A question to the reporter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InquiryView {
    /// What is asked.
    pub purpose: InquiryPurpose,
    /// How long an answer is waited for: `2026-12-24 12:00 UTC`.
    pub until: String,
}

/// Another case about the same fault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RelatedView {
    /// The other case's ticket, `owner/name#12`.
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
    /// Which limit.
    pub exceeded: ExceededLimit,
}

/// A change that was not made, or not yet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProposedStep {
    /// The step's name, as the playbook has it.
    pub name: String,
    /// The condition under which the step is made; `None` if it always is.
    pub only_if: Option<String>,
    /// The host on which it would run.
    pub host: String,
    /// The exact line, so that a person can run it.
    pub command: String,
    /// `None` if there is no way back.
    pub rollback: Option<String>,
}

/// Draws up the report of a case.
pub fn report(case: &Case, library: &Library) -> Report {
    let site = case.triage.as_ref().and_then(|triage| triage.system.as_ref());
    let system = case.triage.as_ref().and_then(|triage| triage.system(library));
    let system = system.as_deref();
    let fault = |name: &PlaybookName| system.and_then(|system: &SystemType| system.fault(name));
    let first = case.diagnoses.first();
    let (code, detail) = match &case.outcome {
        Some(Outcome::Escalated(Escalation { code, detail })) => (Some(*code), Some(detail.clone())),
        Some(Outcome::Declined { detail }) => (None, Some(detail.clone())),
        Some(Outcome::Cancelled) => {
            (None, case.cancelled_by.as_ref().map(|by| Detail::Cancelled { by: by.clone() }))
        }
        _ => (None, None),
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
    let is_resolved = case.outcome.as_ref().is_some_and(Outcome::is_fix);
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
    // Ruled out after a fix: it was a consequence, or passed by itself.
    let is_gone = |fault: &&&Fault| {
        let is_ruled_out = last.is_some_and(|last| last.ruled_out.contains(&fault.name));
        !treated(fault) && !case.remediations.is_empty() && is_ruled_out
    };
    let params = site.zip(system).map(|(site, system)| system.params(&site.params)).unwrap_or_default();
    Report {
        case: case.id.to_string(),
        system: site.map(|site| site.name.to_string()),
        stage: case.status_key().to_string(),
        phase: case.phase_key().to_owned(),
        outcome: case.outcome.as_ref().map_or("working", Outcome::word).to_owned(),
        proposal: if code.is_some_and(changes_nothing_yet) { proposal(case, system) } else { Vec::new() },
        confirmed_by: match &case.outcome {
            Some(Outcome::Confirmed { by }) => by.clone(),
            _ => None,
        },
        topic: match &case.outcome {
            Some(Outcome::Unrelated { topic }) => Some(*topic),
            _ => None,
        },
        rest: match &case.outcome {
            Some(Outcome::Partial { rest }) => rest.clone(),
            _ => Vec::new(),
        },
        besides: system
            .map(|system| case.unclear_besides_fix(system))
            .unwrap_or_default()
            .into_iter()
            .map(|sentence| sentence.words.clone())
            .take(MAX_BESIDES)
            .collect(),
        reading: case.reading.clone(),
        inquiry: case
            .inquiry
            .as_ref()
            .map(|inquiry| InquiryView { purpose: inquiry.purpose, until: format_minute(inquiry.until) }),
        code,
        detail,
        pause: case.paused.clone(),
        question: case
            .pending_approval
            .as_ref()
            .map(|asked| question(case, asked, fault(&asked.plan.playbook))),
        deferral: case
            .deferral
            .as_ref()
            .map(|delay| WaitingView { until: format_minute(delay.until), exceeded: delay.exceeded.clone() }),
        related: case.related.as_ref().map(|kin| RelatedView {
            ticket: kin.ticket.to_string(),
            title: fault(&kin.playbook).map_or(kin.playbook.to_string(), |fault| fault.title.clone()),
            is_awaited: kin.is_awaited,
        }),
        recurrences: case.recurrence.as_ref().map_or(0, |recurred| recurred.count),
        problem: case.publishing.problem.clone().filter(|ticket| !ticket.is_empty()),
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
        findings: faults
            .iter()
            .filter(|fault| !treated(fault) && !is_gone(fault))
            .map(|fault| FindingView { title: fault.title.clone(), text: summary_of(case, fault) })
            .collect(),
        gone: faults.iter().filter(is_gone).map(|fault| fault.title.clone()).collect(),
        remediations: case
            .remediations
            .iter()
            .map(|done| remediation(case, done, fault(&done.plan.playbook)))
            .collect(),
        unknown: last.map(|diagnosis| unknowns(diagnosis, fault)).unwrap_or_default(),
        ruled_out: first.map(|diagnosis| titles(&diagnosis.ruled_out)).unwrap_or_default(),
        advice: faults
            .iter()
            .filter(|fault| !mended(fault) && !is_gone(fault))
            .map(|fault| fault.advice.clone())
            .collect(),
        prevention: faults
            .iter()
            .filter_map(|fault| fault.prevention.as_ref())
            .map(|note| note.spans(&case.evidence.scope(&params)))
            .filter(|note| note.iter().any(|span| !span.text.trim().is_empty()))
            .collect(),
        probes: probes(&case.evidence),
        request: match case.triage.as_ref().map(|triage| &triage.intent) {
            Some(Intent::Question { request, .. }) => Some(request.to_string()),
            Some(Intent::Operation { .. } | Intent::Problem) | None => None,
        },
        is_operation: case
            .triage
            .as_ref()
            .is_some_and(|triage| matches!(triage.intent, Intent::Operation { .. })),
        timings: case.timings,
        seconds: (case.updated_at - case.opened_at).num_seconds(),
        as_of: format_minute(case.updated_at),
    }
}

/// What is unknown. One cause is shown once, with everything that it hides.
fn unknowns<'a>(
    diagnosis: &Diagnosis,
    fault: impl Fn(&PlaybookName) -> Option<&'a Fault>,
) -> Vec<FindingView> {
    let mut views: Vec<FindingView> = Vec::new();
    for unknown in &diagnosis.unknown {
        let title = fault(&unknown.playbook).map_or(unknown.playbook.to_string(), |f| f.title.clone());
        match views.iter_mut().find(|view| view.text == unknown.cause()) {
            Some(view) => view.title = format!("{}; {title}", view.title),
            None => views.push(FindingView { title, text: unknown.cause().to_owned() }),
        }
    }
    views
}

/// Escalations of plans that were not begun.
fn changes_nothing_yet(code: Code) -> bool {
    matches!(code, Code::NotPermitted | Code::Denied | Code::NoAnswer | Code::HeldBack | Code::StillBroken)
}

/// What the remedy would do that was not begun, rendered anew from the evidence.
fn proposal(case: &Case, system: Option<&SystemType>) -> Vec<ProposedStep> {
    let proposed = || {
        let site = case.triage.as_ref()?.system.as_ref()?;
        let system = system?;
        let refused = match &case.outcome {
            Some(Outcome::Escalated(Escalation {
                detail: Detail::NotPermitted { playbook, .. } | Detail::HeldBack { playbook, .. },
                ..
            })) => Some(playbook),
            _ => None,
        };
        let mut found = case.diagnosis()?.findings.iter().map(|finding| &finding.playbook);
        let fixable = || found.find(|playbook| !system.is_for_people(playbook));
        let fault = system.fault(refused.or_else(fixable)?)?;
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
            only_if: step.only_if.as_ref().map(|expr| expr.source().to_owned()),
            host: planned.host.to_string(),
            command: planned.command.as_ref().ok()?.line(),
            rollback: planned.rollback.as_ref().map(Command::line),
        })
    });
    told.collect()
}

fn question(case: &Case, asked: &PendingApproval, fault: Option<&Fault>) -> ApprovalView {
    ApprovalView {
        playbook: asked.plan.playbook.to_string(),
        title: fault.map_or_else(|| asked.plan.playbook.to_string(), |fault| fault.title.clone()),
        text: fault.map_or_else(String::new, |fault| summary_of(case, fault)),
        plan: asked.plan.short_id().to_owned(),
        changed: case.approval_requests > 1,
        risk: asked.plan.risk,
        until: format_minute(asked.until),
        steps: fault.map(|fault| steps(&asked.plan, fault)).unwrap_or_default(),
    }
}
