//! Events: what a case records. The journal stores them as payloads, which are types of their own in
//! `payload`; a rename here does not change what is stored.

pub use crate::case::published::Publication;
pub use crate::ids::{CaseId, ChangeId, Direction};

use crate::case::detail::{Doubt, Failure, SkipReason};
use crate::case::dispute::CloseDispute;
use crate::case::outcome::Outcome;
use crate::case::published::Published;
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
use std::collections::BTreeSet;
use std::fmt;

/// By which way a ticket came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Webhook,
    Poll,
    /// A slash command by this person.
    Command {
        user: String,
        /// The comment that holds it.
        comment: Option<u64>,
        scope: CaseScope,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeReason {
    Diagnose,
    /// Whether a step is needed.
    OnlyIf(ChangeId),
    /// Whether a change that is in doubt was made; the number is the attempt it asks about.
    ResolveDoubt(ChangeId, u32),
    Verify,
}

/// One record's content.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Opened {
        ticket: Ticket,
        source: Source,
        library: LibraryHash,
    },
    Triaged(Triage),
    Probed {
        reason: ProbeReason,
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
        may_still_run: bool,
    },
    ChangeSkipped {
        change: ChangeId,
        why: SkipReason,
    },
    /// The evidence says that a change in doubt was made.
    ChangeConfirmed {
        change: ChangeId,
    },
    /// A change in doubt that must not be touched.
    ChangeAbandoned {
        change: ChangeId,
        why: Doubt,
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
        why: Failure,
    },
    RemediationFailed {
        why: Failure,
    },
    RolledBack {
        clean: bool,
    },
    OutcomeDecided(Outcome),
    /// Published on the forge. `took_ms`: the time of the calls, in milliseconds.
    Published {
        what: Published,
        took_ms: u64,
    },
    /// The forge refused it. `lasting`: a retry cannot help.
    PublishFailed {
        publication: Publication,
        why: Redacted,
        lasting: bool,
    },
    Ended,
}

impl Event {
    /// The version of the record format that is written. `upcast` reads all older ones. Version 2 took the
    /// version into the hash. Version 3 gave kinds and fields their present names.
    pub const VERSION: u32 = 3;

    /// The kind of this event.
    pub fn kind(&self) -> EventKind {
        match self {
            Event::Opened { .. } => EventKind::Opened,
            Event::Triaged(_) => EventKind::Triaged,
            Event::Probed { .. } => EventKind::Probed,
            Event::Diagnosed(_) => EventKind::Diagnosed,
            Event::HostsLeased { .. } => EventKind::HostsLeased,
            Event::Rechecked { .. } => EventKind::Rechecked,
            Event::Paused(_) => EventKind::Paused,
            Event::Resumed => EventKind::Resumed,
            Event::ApprovalRequested { .. } => EventKind::ApprovalRequested,
            Event::Deferred(_) => EventKind::Deferred,
            Event::RecurrenceDetected { .. } => EventKind::RecurrenceDetected,
            Event::CloseDisputed(_) => EventKind::CloseDisputed,
            Event::Linked { .. } => EventKind::Linked,
            Event::SignalReceived(_) => EventKind::SignalReceived,
            Event::RemediationStarted(_) => EventKind::RemediationStarted,
            Event::ChangeStarted { .. } => EventKind::ChangeStarted,
            Event::ChangeEnded { .. } => EventKind::ChangeEnded,
            Event::ChangeNotStarted { .. } => EventKind::ChangeNotStarted,
            Event::ChangeBlocked { .. } => EventKind::ChangeBlocked,
            Event::ChangeInDoubt { .. } => EventKind::ChangeInDoubt,
            Event::ChangeSkipped { .. } => EventKind::ChangeSkipped,
            Event::ChangeConfirmed { .. } => EventKind::ChangeConfirmed,
            Event::ChangeAbandoned { .. } => EventKind::ChangeAbandoned,
            Event::StepsCompleted => EventKind::StepsCompleted,
            Event::ConditionsChecked { .. } => EventKind::ConditionsChecked,
            Event::VerificationPassed { .. } => EventKind::VerificationPassed,
            Event::VerificationFailed { .. } => EventKind::VerificationFailed,
            Event::RemediationFailed { .. } => EventKind::RemediationFailed,
            Event::RolledBack { .. } => EventKind::RolledBack,
            Event::OutcomeDecided(_) => EventKind::OutcomeDecided,
            Event::Published { .. } => EventKind::Published,
            Event::PublishFailed { .. } => EventKind::PublishFailed,
            Event::Ended => EventKind::Ended,
        }
    }
}

macro_rules! kinds {
    ($($name:ident = $word:literal,)*) => {
        /// The kinds of events. The word of a kind is what the journal stores; `upcast` knows the words of
        /// older versions.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind {
            $(#[doc = concat!("`", $word, "`")] $name,)*
        }

        impl EventKind {
            /// All kinds.
            pub const ALL: &[EventKind] = &[$(EventKind::$name,)*];

            /// The word that records of today's version store.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(EventKind::$name => $word,)*
                }
            }
        }
    };
}

kinds! {
    Opened = "opened",
    Triaged = "triaged",
    Probed = "probed",
    Diagnosed = "diagnosed",
    HostsLeased = "hosts_leased",
    Rechecked = "rechecked",
    Paused = "paused",
    Resumed = "resumed",
    ApprovalRequested = "approval_requested",
    Deferred = "deferred",
    RecurrenceDetected = "recurrence_detected",
    CloseDisputed = "close_disputed",
    Linked = "linked",
    SignalReceived = "signal_received",
    RemediationStarted = "remediation_started",
    ChangeStarted = "change_started",
    ChangeEnded = "change_ended",
    ChangeNotStarted = "change_not_started",
    ChangeBlocked = "change_blocked",
    ChangeInDoubt = "change_in_doubt",
    ChangeSkipped = "change_skipped",
    ChangeConfirmed = "change_confirmed",
    ChangeAbandoned = "change_abandoned",
    StepsCompleted = "steps_completed",
    ConditionsChecked = "conditions_checked",
    VerificationPassed = "verification_passed",
    VerificationFailed = "verification_failed",
    RemediationFailed = "remediation_failed",
    RolledBack = "rolled_back",
    OutcomeDecided = "outcome_decided",
    Published = "published",
    PublishFailed = "publish_failed",
    Ended = "ended",
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PartialEq<&str> for EventKind {
    fn eq(&self, word: &&str) -> bool {
        self.as_str() == *word
    }
}
