//! Events and actions as data for one line of a terminal. The sentences stand in `prompts/_line.md`.

use crate::case::Case;
use crate::case::detail::{Detail, Doubt, Failure, SkipReason};
use crate::case::dispute::CloseDispute;
use crate::case::event::{ChangeId, Event, ProbeReason, Publication, Source};
use crate::case::outcome::{Code, Outcome};
use crate::case::published::Published;
use crate::case::signal::SignalKind;
use crate::diagnosis::evidence::ProbeStatus;
use crate::ids::Direction;
use crate::policy::consent::Pause;
use crate::policy::deferral::Deferral;
use crate::text::format::{cut_at, format_minute, seconds, shortened};
use serde::Serialize;

/// The longest title or command in a line, in bytes.
const LONGEST_TEXT: usize = 160;

/// How many characters of a hash a line shows.
const SHORT_HASH: usize = 12;

/// What happened, or what is being done now.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "line")]
pub enum Line {
    /// Probes are being run.
    Probing { probes: usize },
    /// Hosts are being leased.
    Leasing { hosts: Vec<String> },
    /// A step or its rollback is being run.
    Changing { step: String, host: String, is_rollback: bool },
    /// The case was opened, with these playbooks.
    Opened { source: SourceLine, library: String },
    /// The ticket was read. `system` is `None` if it names none.
    Triaged { system: Option<String>, title: String, symptoms: Vec<SymptomLine> },
    /// Probes were run; `unanswered` of them gave no result.
    Probed { reason: ProbeLine, probes: usize, took_ms: u64, connect_ms: u64, unanswered: usize },
    /// A fault is there.
    FaultFound { title: String, summary: String },
    /// It is unknown whether a fault is there.
    FaultUnknown { playbook: String, problem: String },
    /// No fault is there, and none is unknown.
    NothingFound { ruled_out: usize },
    /// The hosts are leased. `waited`: another case had one of them.
    HostsLeased { hosts: Vec<String>, waited: bool },
    /// The issue was read again.
    Rechecked { is_open: bool },
    /// Changes are paused.
    Paused { pause: Pause },
    /// The pause has ended.
    Resumed,
    /// A plan waits for approval.
    ApprovalRequested { playbook: String, plan: String, until: String },
    /// A limit is exceeded.
    Deferred { deferral: Deferral },
    /// The fault was fixed before.
    RecurrenceDetected { playbook: String, count: usize },
    /// A person disputes the close of an earlier case.
    CloseDisputed { dispute: CloseDispute },
    /// Another case fixes the same fault.
    Linked { case: String, ticket: String, playbook: String },
    /// A person sent a signal. `plan` is the one that was approved.
    SignalReceived { by: String, signal: SignalLine, plan: Option<String> },
    /// A remediation was started.
    RemediationStarted { playbook: String, steps: usize, plan: String },
    /// A change was started.
    ChangeStarted { step: String, host: String, is_rollback: bool, attempt: u32, command: String },
    /// A change ended.
    ChangeEnded { success: bool, exit: String, seconds: f64, output: String },
    /// A change was not started.
    ChangeNotStarted { problem: String },
    /// A change may or may not have run.
    ChangeInDoubt { problem: String },
    /// A change was not needed, or could be left out.
    ChangeSkipped { why: SkipReason },
    /// The evidence says that a change in doubt was made.
    ChangeConfirmed,
    /// A change stays in doubt.
    ChangeAbandoned { why: Doubt },
    /// All steps were run; the verification begins.
    StepsCompleted,
    /// `held` of the conditions hold.
    ConditionsChecked { held: usize, conditions: usize },
    /// All conditions held.
    VerificationPassed { conditions: Vec<String> },
    /// The verification or a step failed.
    Failed { why: Failure },
    /// The remediation was rolled back, or that failed.
    RolledBack { clean: bool },
    /// The outcome. `code` and `detail` say why.
    OutcomeDecided { outcome: String, code: Option<Code>, detail: Option<Detail> },
    /// Something was published. `ticket` is a ticket about a recurring fault.
    Published { what: Publication, ticket: Option<String>, took_ms: u64 },
    /// The forge rejected it.
    PublishFailed { what: Publication, problem: String },
    /// The case ended.
    Ended,
}

/// By which way a ticket came in.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum SourceLine {
    /// A webhook.
    Webhook,
    /// The poll.
    Poll,
    /// A command of a person.
    Command { user: String },
    /// `fieldmedic resolve`.
    Terminal,
    /// A sweep.
    Sweep,
    /// A fault that an earlier case fixed is back.
    Recurrence { case: String },
    /// A person disputes the close of an earlier case.
    CloseDispute { dispute: CloseDispute },
}

/// A fault that would explain the ticket, and the words that say so.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SymptomLine {
    /// The fault.
    pub playbook: String,
    /// The words of the ticket.
    pub words: String,
}

/// Why probes were run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeLine {
    /// For the diagnosis.
    Diagnose,
    /// To see whether a step is needed.
    OnlyIf,
    /// To see whether a change in doubt was made.
    ResolveDoubt,
    /// For the verification.
    Verify,
}

/// What a person said to a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalLine {
    /// Yes to a plan.
    Approve,
    /// No to a plan.
    Deny,
    /// Cancel the case.
    Cancel,
    /// Pause the case.
    Pause,
    /// Resume the case.
    Resume,
}

/// The lines of an event: one for each fault of a diagnosis, and a single one for any other event.
pub fn lines(case: &Case, event: &Event) -> Vec<Line> {
    if let Event::Diagnosed(diagnosis) = event {
        let found = diagnosis.findings.iter().map(|finding| Line::FaultFound {
            title: finding.title.clone(),
            summary: finding.summary.clone(),
        });
        let unknown = diagnosis.unknown.iter().map(|unknown| Line::FaultUnknown {
            playbook: unknown.playbook.to_string(),
            problem: unknown.why.clone(),
        });
        let lines: Vec<Line> = found.chain(unknown).collect();
        if !lines.is_empty() {
            return lines;
        }
    }
    vec![line(case, event)]
}

/// The name of a change's step, as the playbook has it.
pub fn step_name(case: &Case, change: &ChangeId) -> String {
    let remediation = case.remediations.get(change.remediation);
    let step = remediation.and_then(|remediation| remediation.plan.steps.get(change.step));
    step.map(|step| step.name.clone()).unwrap_or_default()
}

fn line(case: &Case, event: &Event) -> Line {
    match event {
        Event::Opened { source, library, .. } => {
            Line::Opened { source: source_line(source), library: cut_at(&library.0, SHORT_HASH).to_owned() }
        }
        Event::Triaged(triage) => Line::Triaged {
            system: triage.system.as_ref().map(|system| system.name.to_string()),
            title: first_line(case.ticket.title.as_str()),
            symptoms: triage
                .matched_faults
                .iter()
                .map(|found| SymptomLine { playbook: found.playbook.to_string(), words: found.words.clone() })
                .collect(),
        },
        Event::Probed { reason, evidence } => {
            let is_answered = |status: &ProbeStatus| matches!(status, ProbeStatus::Completed(_));
            Line::Probed {
                reason: match reason {
                    ProbeReason::Diagnose => ProbeLine::Diagnose,
                    ProbeReason::OnlyIf(_) => ProbeLine::OnlyIf,
                    ProbeReason::ResolveDoubt(..) => ProbeLine::ResolveDoubt,
                    ProbeReason::Verify => ProbeLine::Verify,
                },
                probes: evidence.probes.len(),
                took_ms: evidence.took_ms,
                connect_ms: evidence.connect_ms,
                unanswered: evidence.probes.values().filter(|probe| !is_answered(&probe.status)).count(),
            }
        }
        Event::Diagnosed(diagnosis) => Line::NothingFound { ruled_out: diagnosis.ruled_out.len() },
        Event::HostsLeased { hosts, waited } => {
            Line::HostsLeased { hosts: hosts.iter().map(ToString::to_string).collect(), waited: *waited }
        }
        Event::Rechecked { open } => Line::Rechecked { is_open: *open },
        Event::Paused(pause) => Line::Paused { pause: pause.clone() },
        Event::Resumed => Line::Resumed,
        Event::ApprovalRequested { plan, until } => Line::ApprovalRequested {
            playbook: plan.playbook.to_string(),
            plan: plan.short_id().to_owned(),
            until: format_minute(*until),
        },
        Event::Deferred(deferral) => Line::Deferred { deferral: deferral.clone() },
        Event::RecurrenceDetected { playbook, count, .. } => {
            Line::RecurrenceDetected { playbook: playbook.to_string(), count: *count }
        }
        Event::CloseDisputed(dispute) => Line::CloseDisputed { dispute: dispute.clone() },
        Event::Linked { case, ticket, playbook } => Line::Linked {
            case: case.to_string(),
            ticket: ticket.to_string(),
            playbook: playbook.to_string(),
        },
        Event::SignalReceived(queued) => {
            let (signal, plan) = match &queued.signal.kind {
                SignalKind::Approve { plan } => (SignalLine::Approve, Some(plan.clone())),
                SignalKind::Deny => (SignalLine::Deny, None),
                SignalKind::Cancel => (SignalLine::Cancel, None),
                SignalKind::Pause => (SignalLine::Pause, None),
                SignalKind::Resume => (SignalLine::Resume, None),
            };
            Line::SignalReceived { by: queued.signal.by.clone(), signal, plan }
        }
        Event::RemediationStarted(plan) => Line::RemediationStarted {
            playbook: plan.playbook.to_string(),
            steps: plan.steps.len(),
            plan: plan.short_id().to_owned(),
        },
        Event::ChangeStarted { change, attempt, host, command } => Line::ChangeStarted {
            step: step_name(case, change),
            host: host.to_string(),
            is_rollback: change.direction == Direction::Rollback,
            attempt: *attempt,
            command: first_line(command.as_str()),
        },
        Event::ChangeEnded { observation, success, .. } => Line::ChangeEnded {
            success: *success,
            exit: observation.exit.to_string(),
            seconds: seconds(observation.took_ms),
            output: observation.last_line().to_owned(),
        },
        Event::ChangeNotStarted { why, .. } | Event::ChangeBlocked { why, .. } => {
            Line::ChangeNotStarted { problem: why.to_string() }
        }
        Event::ChangeInDoubt { why, .. } => Line::ChangeInDoubt { problem: why.to_string() },
        Event::ChangeSkipped { why, .. } => Line::ChangeSkipped { why: why.clone() },
        Event::ChangeConfirmed { .. } => Line::ChangeConfirmed,
        Event::ChangeAbandoned { why, .. } => Line::ChangeAbandoned { why: why.clone() },
        Event::StepsCompleted => Line::StepsCompleted,
        Event::ConditionsChecked { truths } => Line::ConditionsChecked {
            held: truths.iter().filter(|truth| truth.is_true()).count(),
            conditions: truths.len(),
        },
        Event::VerificationPassed { conditions } => {
            Line::VerificationPassed { conditions: conditions.clone() }
        }
        Event::VerificationFailed { why } | Event::RemediationFailed { why } => {
            Line::Failed { why: why.clone() }
        }
        Event::RolledBack { clean } => Line::RolledBack { clean: *clean },
        Event::OutcomeDecided(outcome) => {
            let (code, detail) = match outcome {
                Outcome::Escalated(escalation) => (Some(escalation.code), Some(escalation.detail.clone())),
                Outcome::Declined { detail } => (None, Some(detail.clone())),
                Outcome::Resolved | Outcome::Answered { .. } | Outcome::Cancelled => (None, None),
            };
            Line::OutcomeDecided { outcome: outcome.word().to_owned(), code, detail }
        }
        Event::Published { what, took_ms } => Line::Published {
            what: what.publication(),
            ticket: match what {
                Published::Problem { ticket } => ticket.as_ref().map(ToString::to_string),
                _ => None,
            },
            took_ms: *took_ms,
        },
        Event::PublishFailed { publication, why, .. } => {
            Line::PublishFailed { what: *publication, problem: why.to_string() }
        }
        Event::Ended => Line::Ended,
    }
}

fn source_line(source: &Source) -> SourceLine {
    match source {
        Source::Webhook => SourceLine::Webhook,
        Source::Poll => SourceLine::Poll,
        Source::Command { user, .. } => SourceLine::Command { user: user.clone() },
        Source::Terminal => SourceLine::Terminal,
        Source::Sweep { .. } => SourceLine::Sweep,
        Source::Recurrence { of, .. } => SourceLine::Recurrence { case: of.to_string() },
        Source::CloseDispute(dispute) => SourceLine::CloseDispute { dispute: dispute.clone() },
    }
}

/// The first line of a text, cut where it is too long.
fn first_line(text: &str) -> String {
    shortened(text.lines().next().unwrap_or_default(), LONGEST_TEXT)
}
