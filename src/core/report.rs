//! Reports: what a case has to say, as data. The sentences stand in `prompts/`.

mod look;
mod treatment;

pub use look::Looked;
pub(super) use treatment::proof;
pub use treatment::{Proof, StepTold, Told};

use super::case::{Asked, Case, Phase, Spent, Treated};
use super::event::Door;
use super::expr::Span;
use super::moment::minute;
use super::name::PlaybookName;
use super::objection::Objection;
use super::outcome::{Code, Outcome};
use super::playbook::{Fault, Library, System};
use super::policy::{Pause, Risk};
use super::remedy::Plan;
use super::triage::{Asks, Stranger};
use look::sights;
use serde::Serialize;
use treatment::tell;

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
    pub question: Option<Question>,
    /// The budget that it waits for.
    pub delay: Option<Waiting>,
    /// Another case about the same fault.
    pub kin: Option<KinTold>,
    /// How often the fault was mended before within seven days; 0 if it was not.
    pub recurrences: usize,
    /// The ticket about a fault that comes back again and again, else empty.
    pub problem: String,
    /// Who said yes to the newest plan.
    pub approved_by: Option<String>,
    /// A rehearsal, or an agent that only observes: what it would have done.
    pub proposal: Vec<Proposed>,
    /// What was mended, in sentences for those who reported it.
    pub says: Vec<String>,
    /// Who objects to the close of an earlier case.
    pub objection: Option<Objection>,
    /// What the ticket's form says of the place, and nobody knows.
    pub strangers: Vec<Stranger>,
    /// The words of the ticket that a finding accounts for.
    pub words: Vec<String>,
    pub findings: Vec<Line>,
    pub treatments: Vec<Told>,
    pub unknown: Vec<Line>,
    pub ruled_out: Vec<String>,
    pub advice: Vec<String>,
    pub notes: Vec<Vec<Span>>,
    pub sights: Vec<Looked>,
    /// The request that was answered, else empty.
    pub request: String,
    pub spent: Spent,
    /// From the first record to the newest, in seconds.
    pub seconds: i64,
    /// The newest record's moment.
    pub as_of: String,
}

/// A playbook's title and a sentence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    pub title: String,
    pub text: String,
}

/// A plan that needs a person's yes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Question {
    pub playbook: String,
    /// The beginning of the plan's hash, which the answer repeats.
    pub plan: String,
    /// People were asked about another plan before.
    pub changed: bool,
    pub risk: Risk,
    /// `2026-12-24 12:00 UTC`.
    pub until: String,
    pub steps: Vec<Proposed>,
}

/// Another case about the same fault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KinTold {
    pub ticket: String,
    /// Of the fault.
    pub title: String,
    /// It has not come to its end.
    pub is_awaited: bool,
}

/// A budget that is used up.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Waiting {
    /// `2026-12-24 12:00 UTC`.
    pub until: String,
    pub why: String,
}

/// A change that was not made, or not yet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proposed {
    pub name: String,
    /// The condition under which the step is made; empty if it always is.
    pub only_if: String,
    pub host: String,
    pub command: String,
    /// Empty if there is no way back.
    pub undo: String,
}

/// Draws up the report of a case.
pub fn report(case: &Case, library: &Library) -> Report {
    let site = case.triage.as_ref().and_then(|triage| triage.site.as_ref());
    let system = site.and_then(|site| library.systems.get(&site.kind));
    let fault = |name: &PlaybookName| system.and_then(|system: &System| system.fault(name));
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
    let treated = |fault: &&&Fault| case.treatments.iter().any(|t| t.plan.playbook == fault.name);
    // What another case has mended if this one is resolved; it may have been gone before this one looked.
    let is_resolved = matches!(case.outcome, Some(Outcome::Resolved));
    let of_kin = case.kin.as_ref().filter(|_| is_resolved).and_then(|kin| fault(&kin.playbook));
    let is_of_kin = |fault: &Fault| of_kin.is_some_and(|known| known.name == fault.name);
    let mended = |fault: &Fault| {
        let mut ended = case.treatments.iter().filter(|t| t.plan.playbook == fault.name);
        is_of_kin(fault) || ended.any(|t| matches!(t.phase, Phase::Over { result: Treated::Mended, .. }))
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
        stage: case.stage_word(),
        phase: case.phase_word().to_owned(),
        outcome: case.outcome.as_ref().map_or("working", Outcome::word).to_owned(),
        proposal: if changes_nothing_yet(&code) { proposal(case, system) } else { Vec::new() },
        code,
        why,
        opened_by_agent: matches!(&case.door, Door::Sweep { suspect: Some(_) } | Door::Recurrence { .. }),
        pause: case.paused.clone(),
        question: case.asked.as_ref().map(|asked| question(case, asked, fault(&asked.plan.playbook))),
        delay: case
            .delay
            .as_ref()
            .map(|delay| Waiting { until: minute(delay.until), why: delay.over.to_string() }),
        kin: case.kin.as_ref().map(|kin| KinTold {
            ticket: kin.ticket.to_string(),
            title: fault(&kin.playbook).map_or(kin.playbook.to_string(), |fault| fault.title.clone()),
            is_awaited: kin.is_awaited,
        }),
        recurrences: case.recurred.as_ref().map_or(0, |recurred| recurred.count),
        problem: case.talk.problem.clone().unwrap_or_default(),
        approved_by: case.approval.as_ref().map(|approval| approval.by.clone()),
        says: faults
            .iter()
            .copied()
            .filter(|fault| mended(fault))
            .chain(of_kin.filter(|_| !faults.iter().any(|fault| is_of_kin(fault))))
            .filter_map(|fault| fault.says.clone())
            .collect(),
        objection: case.objection.clone(),
        strangers: case.triage.as_ref().map_or_else(Vec::new, |triage| triage.strangers.clone()),
        words: words(case),
        findings: faults
            .iter()
            .filter(|fault| !treated(fault))
            .map(|fault| Line { title: fault.title.clone(), text: because(case, fault) })
            .collect(),
        treatments: case
            .treatments
            .iter()
            .map(|treatment| tell(case, treatment, fault(&treatment.plan.playbook)))
            .collect(),
        unknown: last
            .map(|diagnosis| &diagnosis.unknown[..])
            .unwrap_or_default()
            .iter()
            .map(|unknown| Line {
                title: fault(&unknown.playbook).map_or(unknown.playbook.to_string(), |f| f.title.clone()),
                text: unknown.why.clone(),
            })
            .collect(),
        ruled_out: first.map(|diagnosis| titles(&diagnosis.ruled_out)).unwrap_or_default(),
        advice: faults.iter().filter(|fault| !mended(fault)).map(|fault| fault.advice.clone()).collect(),
        notes: faults
            .iter()
            .filter_map(|fault| fault.note.as_ref())
            .map(|note| note.spans(&case.evidence.scope(&params)))
            .filter(|note| note.iter().any(|span| !span.text.trim().is_empty()))
            .collect(),
        sights: sights(&case.evidence),
        request: match case.triage.as_ref().map(|triage| &triage.asks) {
            Some(Asks::Question { request, .. }) => request.to_string(),
            _ => String::new(),
        },
        spent: case.spent,
        seconds: (case.updated_at - case.opened_at).num_seconds(),
        as_of: minute(case.updated_at),
    }
}

fn words(case: &Case) -> Vec<String> {
    let Some(triage) = &case.triage else { return Vec::new() };
    let found = |name: &PlaybookName| {
        case.diagnoses.iter().flat_map(|d| &d.findings).any(|finding| finding.playbook == *name)
    };
    let matches = triage.explained_by.iter().filter(|found_words| found(&found_words.playbook));
    let mut words: Vec<String> = matches.map(|found_words| found_words.words.clone()).collect();
    words.sort();
    words.dedup();
    words
}

fn because(case: &Case, fault: &Fault) -> String {
    let findings = case.diagnoses.iter().flat_map(|diagnosis| &diagnosis.findings);
    let mut of_fault = findings.filter(|finding| finding.playbook == fault.name);
    of_fault.next().map_or_else(String::new, |finding| finding.because.clone())
}

/// Escalations of plans that were not begun.
fn changes_nothing_yet(code: &str) -> bool {
    [Code::NotPermitted, Code::Denied, Code::NoAnswer, Code::HeldBack, Code::StillBroken]
        .iter()
        .any(|it| it.as_str() == code)
}

/// What the first finding's remedy would do, rendered anew from the evidence.
fn proposal(case: &Case, system: Option<&System>) -> Vec<Proposed> {
    let proposed = || {
        let site = case.triage.as_ref()?.site.as_ref()?;
        let system = system?;
        let finding = case.diagnosis()?.findings.first()?;
        let fault = system.fault(&finding.playbook)?;
        let plan = super::remedy::plan(system, site, fault, &case.evidence, &case.keep_name()).ok()?;
        Some(steps(&plan, fault))
    };
    proposed().unwrap_or_default()
}

fn steps(plan: &Plan, fault: &Fault) -> Vec<Proposed> {
    let steps = plan.steps.iter().zip(&fault.remedy);
    let told = steps.filter_map(|(planned, step)| {
        Some(Proposed {
            name: planned.name.clone(),
            only_if: step.only_if.as_ref().map(|expr| expr.source().to_owned()).unwrap_or_default(),
            host: planned.host.to_string(),
            command: planned.command.as_ref().ok()?.line(),
            undo: planned.undo.as_ref().map(super::command::Command::line).unwrap_or_default(),
        })
    });
    told.collect()
}

fn question(case: &Case, asked: &Asked, fault: Option<&Fault>) -> Question {
    Question {
        playbook: asked.plan.playbook.to_string(),
        plan: asked.plan.short().to_owned(),
        changed: case.questions > 1,
        risk: asked.plan.risk,
        until: minute(asked.until),
        steps: fault.map(|fault| steps(&asked.plan, fault)).unwrap_or_default(),
    }
}

fn cancelled(case: &Case) -> String {
    case.cancelled_by.as_ref().map_or_else(String::new, |by| format!("{by} called it off"))
}

fn seconds(ms: u64) -> f64 {
    (ms as f64 / 100.0).round() / 10.0
}
