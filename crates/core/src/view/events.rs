//! Events and actions as data for one line of a terminal. The sentences stand in `prompts/_line.md`.

use crate::case::Case;
use crate::case::detail::{Detail, Doubt, Failure, SkipReason};
use crate::case::dispute::CloseDispute;
use crate::case::event::{ChangeId, Event, ProbeReason, Publication, Source};
use crate::case::inquiry::{InquiryPurpose, ReporterAnswer};
use crate::case::outcome::{Code, Outcome};
use crate::case::published::Published;
use crate::case::signal::SignalKind;
use crate::diagnosis::evidence::ProbeStatus;
use crate::ids::Direction;
use crate::policy::consent::Pause;
use crate::policy::deferral::Deferral;
use crate::reading::Reading;
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
    Probing {
        /// How many.
        probes: usize,
    },
    /// Hosts are being leased.
    Leasing {
        /// The names of the hosts and groups.
        hosts: Vec<String>,
    },
    /// A step or its rollback is being run.
    Changing {
        /// The step's name.
        step: String,
        /// Where it runs.
        host: String,
        /// Its rollback is run.
        is_rollback: bool,
    },
    /// The case was opened, with these playbooks.
    Opened {
        /// By which way the ticket came in.
        source: SourceLine,
        /// The first 12 digits of the library's hash.
        library: String,
    },
    /// A reader read the words of the ticket.
    TicketRead {
        /// What it made of them.
        reading: Reading,
    },
    /// The reporter is asked.
    ReporterAsked {
        /// What is asked.
        purpose: InquiryPurpose,
        /// How long an answer is waited for.
        until: String,
    },
    /// The ticket was triaged. `system` is `None` if it names none.
    Triaged {
        /// The system's name.
        system: Option<String>,
        /// The ticket's title, at most 160 bytes of it.
        title: String,
        /// The faults that would explain the ticket.
        symptoms: Vec<SymptomLine>,
    },
    /// Probes were run; `unanswered` of them gave no result.
    Probed {
        /// Why they were run.
        reason: ProbeLine,
        /// How many.
        probes: usize,
        /// The whole look, in milliseconds.
        took_ms: u64,
        /// Opening the connections, in milliseconds; 0 where they were open.
        connect_ms: u64,
        /// How many did not run to their end.
        unanswered: usize,
    },
    /// A fault is there.
    FaultFound {
        /// The playbook's title.
        title: String,
        /// The evidence in one sentence.
        summary: String,
    },
    /// It is unknown whether a fault is there.
    FaultUnknown {
        /// The name of the fault's playbook.
        playbook: String,
        /// Why its condition is unknown.
        problem: String,
    },
    /// No fault is there, and none is unknown.
    NothingFound {
        /// How many faults were ruled out.
        ruled_out: usize,
    },
    /// The hosts are leased. `waited`: another case had one of them.
    HostsLeased {
        /// The names of the hosts and groups.
        hosts: Vec<String>,
        /// Another case held one of them, so earlier probes are stale.
        waited: bool,
    },
    /// The issue was read again.
    Rechecked {
        /// The issue is still open, and its conversation is not locked.
        is_open: bool,
    },
    /// Changes are paused.
    Paused {
        /// Who paused, since when and why.
        pause: Pause,
    },
    /// The pause has ended.
    Resumed,
    /// A plan waits for approval.
    ApprovalRequested {
        /// The name of the fault's playbook.
        playbook: String,
        /// The plan's short id, 16 hex digits.
        plan: String,
        /// When the case is escalated without an answer: `2026-12-24 12:00 UTC`.
        until: String,
    },
    /// A limit is exceeded.
    Deferred {
        /// Which limit, and until when the plan waits.
        deferral: Deferral,
    },
    /// The fault was fixed before.
    RecurrenceDetected {
        /// The name of the fault's playbook.
        playbook: String,
        /// How often it was fixed within seven days.
        count: usize,
    },
    /// A person disputes the close of an earlier case.
    CloseDisputed {
        /// Who disputes it, and which case closed the ticket.
        dispute: CloseDispute,
    },
    /// Another case fixes the same fault.
    Linked {
        /// The other case's number.
        case: String,
        /// The other case's ticket, `owner/name#12`.
        ticket: String,
        /// The name of the fault's playbook.
        playbook: String,
    },
    /// A person sent a signal. `plan` is the one that was approved.
    SignalReceived {
        /// Who sent it.
        by: String,
        /// What it says.
        signal: SignalLine,
        /// The id as written, the beginning of the plan's hash; `None` for other signals.
        plan: Option<String>,
    },
    /// A remediation was started.
    RemediationStarted {
        /// The name of the fault's playbook.
        playbook: String,
        /// How many steps the plan has.
        steps: usize,
        /// The plan's short id, 16 hex digits.
        plan: String,
    },
    /// A change was started.
    ChangeStarted {
        /// The step's name.
        step: String,
        /// Where it runs.
        host: String,
        /// Its rollback is run.
        is_rollback: bool,
        /// The number of this attempt at the change, from 1.
        attempt: u32,
        /// The first line of the command, at most 160 bytes of it.
        command: String,
    },
    /// A change ended.
    ChangeEnded {
        /// It succeeded, by the playbook's own measure.
        success: bool,
        /// How it ended: `exit 1`, `killed by TERM`.
        exit: String,
        /// How long it took, in seconds.
        seconds: f64,
        /// The last line of its output; may be empty.
        output: String,
    },
    /// A change was not started.
    ChangeNotStarted {
        /// Why not.
        problem: String,
    },
    /// A change may or may not have run.
    ChangeInDoubt {
        /// Why nobody knows.
        problem: String,
    },
    /// A change was not needed, or could be left out.
    ChangeSkipped {
        /// Why it was skipped.
        why: SkipReason,
    },
    /// The evidence says that a change in doubt was made.
    ChangeConfirmed,
    /// A change stays in doubt.
    ChangeAbandoned {
        /// Why nobody knows whether it ran.
        why: Doubt,
    },
    /// All steps were run; the verification begins.
    StepsCompleted,
    /// `held` of the conditions hold.
    ConditionsChecked {
        /// How many are true.
        held: usize,
        /// How many there are.
        conditions: usize,
    },
    /// All conditions held.
    VerificationPassed {
        /// The conditions in words, in their order.
        conditions: Vec<String>,
    },
    /// The verification or a step failed.
    Failed {
        /// What failed, and how.
        why: Failure,
    },
    /// The remediation was rolled back, or that failed.
    RolledBack {
        /// Every rollback succeeded.
        clean: bool,
    },
    /// The outcome. `code` and `detail` say why.
    OutcomeDecided {
        /// The outcome in one word, such as `resolved`.
        outcome: String,
        /// The code of an escalation.
        code: Option<Code>,
        /// The reason of an escalated or declined case.
        detail: Option<Detail>,
    },
    /// Something was published. `ticket` is a ticket about a recurring fault.
    Published {
        /// What was published.
        what: Publication,
        /// That ticket's address, `owner/name#12`; `None` for anything else, and if it was not opened.
        ticket: Option<String>,
        /// The time of the calls, in milliseconds.
        took_ms: u64,
    },
    /// The forge rejected it.
    PublishFailed {
        /// What was to be published.
        what: Publication,
        /// What the forge said.
        problem: String,
    },
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
    Command {
        /// The person's login.
        user: String,
    },
    /// `fieldmedic resolve`.
    Terminal,
    /// A sweep.
    Sweep,
    /// A fault that an earlier case fixed is back.
    Recurrence {
        /// The earlier case's number.
        case: String,
    },
    /// A person disputes the close of an earlier case.
    CloseDispute {
        /// Who disputes it, and which case closed the ticket.
        dispute: CloseDispute,
    },
    /// A schedule.
    Schedule {
        /// The schedule's name.
        schedule: String,
    },
    /// An alert.
    Alert {
        /// The monitor that sent it.
        by: String,
    },
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
    /// The answer to the question that the reporter was asked.
    #[serde(untagged)]
    Answer(ReporterAnswer),
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
        Event::TicketRead(reading) => Line::TicketRead { reading: reading.clone() },
        Event::ReporterAsked { purpose, until, .. } => {
            Line::ReporterAsked { purpose: *purpose, until: format_minute(*until) }
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
        Event::Probed { reason, evidence, .. } => {
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
                SignalKind::Answer(says) => (SignalLine::Answer(*says), None),
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
                Outcome::Resolved
                | Outcome::Confirmed { .. }
                | Outcome::Partial { .. }
                | Outcome::Unrelated { .. }
                | Outcome::Answered { .. }
                | Outcome::Cancelled => (None, None),
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
        Source::Schedule { schedule, .. } => SourceLine::Schedule { schedule: schedule.to_string() },
        Source::Alert { by, .. } => SourceLine::Alert { by: by.clone() },
    }
}

/// The first line of a text, cut where it is too long.
fn first_line(text: &str) -> String {
    shortened(text.lines().next().unwrap_or_default(), LONGEST_TEXT)
}
