//! Events: what the journal records. Old records must stay readable, so fields are only ever added.

pub use crate::ids::{CaseId, ChangeId, Direction};

use crate::case::dispute::CloseDispute;
use crate::case::outcome::Outcome;
use crate::case::signal::QueuedSignal;
use crate::chatops::scope::CaseScope;
use crate::diagnosis::diagnose::Diagnosis;
use crate::diagnosis::evidence::{Evidence, Observation};
use crate::diagnosis::plan::Plan;
use crate::expr::Truth;
use crate::ids::{HostName, LibraryHash, PlaybookName};
use crate::policy::consent::Pause;
use crate::policy::deferral::Deferral;
use crate::text::redact::Redacted;
use crate::ticket::triage::{DetectedFault, Triage};
use crate::ticket::{Ticket, TicketId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// By which way a ticket came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "by")]
pub enum Source {
    Webhook,
    Poll,
    /// A slash command by this person.
    Command {
        user: String,
        /// The comment that holds it.
        #[serde(default)]
        comment: Option<u64>,
        #[serde(default)]
        errand: CaseScope,
    },
    /// `fieldmedic resolve`.
    Terminal,
    /// Found by a sweep; with a suspect, the agent opened the ticket itself.
    Sweep {
        suspect: Option<DetectedFault>,
    },
    /// What another case had mended and proven was found again after the close.
    Recurrence {
        of: CaseId,
        suspect: DetectedFault,
    },
    /// A person says that what another case closed is not settled.
    CloseDispute(CloseDispute),
}

/// Why a look is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeReason {
    Diagnose,
    /// Whether a step is needed.
    OnlyIf(ChangeId),
    /// Whether a change that is in doubt was made; the number is the attempt it asks about.
    ResolveDoubt(ChangeId, u32),
    Verify,
}

/// What is said on the forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Publication {
    /// Whether the issue is still open.
    TicketRefresh,
    /// Whether a plan may be carried out.
    ApprovalRequest,
    /// That the issue is open again, because its fault is back or a person objects to its close.
    Reopen,
    /// That a fault comes back again and again, in a ticket of its own.
    Problem,
    Status,
    Label,
    Report,
    Assign,
    Close,
}

/// One record's content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event", content = "with")]
pub enum Event {
    Opened {
        ticket: Ticket,
        door: Source,
        library: LibraryHash,
    },
    Triaged(Triage),
    Probed {
        purpose: ProbeReason,
        evidence: Evidence,
    },
    Diagnosed(Diagnosis),
    /// The hosts are held. `waited`: another case held one of them, so what was seen before is stale.
    HostsLeased {
        hosts: Vec<HostName>,
        waited: bool,
    },
    /// The issue was looked at again before anything is changed.
    Rechecked {
        open: bool,
    },
    /// A person has called a halt: the case waits before its next change.
    Paused(Pause),
    /// The halt is lifted. What was seen before is stale.
    Resumed,
    /// A plan needs a person's yes, and waits for it until a moment.
    ApprovalRequested {
        plan: Plan,
        until: DateTime<Utc>,
    },
    /// A budget is used up: nothing is begun before a moment.
    Deferred(Deferral),
    /// The fault that is about to be treated was mended so often within the last days.
    RecurrenceDetected {
        playbook: PlaybookName,
        hosts: BTreeSet<HostName>,
        count: usize,
    },
    /// The close of an earlier case was false: a person objects to it.
    CloseDisputed(CloseDispute),
    /// Another case treats the same fault: this one waits for it, and looks anew when it has ended.
    Linked {
        case: CaseId,
        ticket: TicketId,
        playbook: PlaybookName,
    },
    /// A word that a person left for this case has been read.
    SignalReceived(QueuedSignal),
    RemediationStarted(Plan),
    ChangeStarted {
        change: ChangeId,
        attempt: u32,
        host: HostName,
        command: Redacted,
    },
    ChangeEnded {
        change: ChangeId,
        observation: Observation,
        success: bool,
    },
    /// The host was never asked: nothing happened.
    ChangeNotStarted {
        change: ChangeId,
        why: Redacted,
    },
    /// The host is not this case's to change now; no attempt was made.
    ChangeBlocked {
        change: ChangeId,
        why: Redacted,
    },
    /// The host was asked, and nobody knows what came of it. `may_still_run`: it was told to stop, and
    /// may go on all the same.
    ChangeInDoubt {
        change: ChangeId,
        why: Redacted,
        #[serde(default)]
        may_still_run: bool,
    },
    ChangeSkipped {
        change: ChangeId,
        why: String,
    },
    /// The evidence says that a change in doubt was made.
    ChangeConfirmed {
        change: ChangeId,
    },
    /// A change in doubt that must not be touched.
    ChangeAbandoned {
        change: ChangeId,
        why: String,
    },
    StepsCompleted,
    ConditionsChecked {
        truths: Vec<Truth>,
    },
    /// The conditions in words, in the order of the checks.
    VerificationPassed {
        conditions: Vec<String>,
    },
    VerificationFailed {
        why: String,
    },
    RemediationFailed {
        why: String,
    },
    RolledBack {
        clean: bool,
    },
    OutcomeDecided(Outcome),
    /// Said and done on the forge; `took_ms` is the time of its calls.
    Published {
        act: Publication,
        stage: String,
        took_ms: u64,
    },
    /// The forge did not take it. `lasting`: it never will.
    PublishFailed {
        act: Publication,
        why: Redacted,
        lasting: bool,
    },
    Ended,
}

impl Event {
    /// The version of the record format. A reader of a later version knows how to read this one.
    /// Version 2 took the version into the hash; the format is the same.
    pub const VERSION: u32 = 2;

    /// One word for it, as the journal's `kind` column has it.
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Opened { .. } => "opened",
            Event::Triaged(_) => "triaged",
            Event::Probed { .. } => "probed",
            Event::Diagnosed(_) => "diagnosed",
            Event::HostsLeased { .. } => "hosts_leased",
            Event::Rechecked { .. } => "rechecked",
            Event::Paused(_) => "paused",
            Event::Resumed => "resumed",
            Event::ApprovalRequested { .. } => "approval_requested",
            Event::Deferred(_) => "deferred",
            Event::RecurrenceDetected { .. } => "recurrence_detected",
            Event::CloseDisputed(_) => "close_disputed",
            Event::Linked { .. } => "linked",
            Event::SignalReceived(_) => "signal_received",
            Event::RemediationStarted(_) => "remediation_started",
            Event::ChangeStarted { .. } => "change_started",
            Event::ChangeEnded { .. } => "change_ended",
            Event::ChangeNotStarted { .. } => "change_not_started",
            Event::ChangeBlocked { .. } => "change_blocked",
            Event::ChangeInDoubt { .. } => "change_in_doubt",
            Event::ChangeSkipped { .. } => "change_skipped",
            Event::ChangeConfirmed { .. } => "change_confirmed",
            Event::ChangeAbandoned { .. } => "change_abandoned",
            Event::StepsCompleted => "steps_completed",
            Event::ConditionsChecked { .. } => "conditions_checked",
            Event::VerificationPassed { .. } => "verification_passed",
            Event::VerificationFailed { .. } => "verification_failed",
            Event::RemediationFailed { .. } => "remediation_failed",
            Event::RolledBack { .. } => "rolled_back",
            Event::OutcomeDecided(_) => "outcome_decided",
            Event::Published { .. } => "published",
            Event::PublishFailed { .. } => "publish_failed",
            Event::Ended => "ended",
        }
    }
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub seq: u64,
    pub at: DateTime<Utc>,
    pub event: Event,
}

/// The hash of a record: SHA-256 in hex over the hash before it and everything that the record holds.
/// An edit anywhere breaks the chain from there on. Records of version 1 were written without their
/// version in it, and are checked so.
pub fn chain(prev: &str, case: &CaseId, seq: u64, at: DateTime<Utc>, version: u32, body: &str) -> String {
    let at = at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let mut hash = Sha256::new();
    let (seq, number) = (seq.to_string(), version.to_string());
    let version = (version > 1).then_some(number.as_str());
    for part in [prev, case.as_str(), &seq, &at, body].into_iter().chain(version) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}
