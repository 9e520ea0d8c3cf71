//! Events: what a case records. The journal stores them as payloads, which are types of their own in
//! `payload`; a rename here does not change what is stored.

pub use crate::case::published::Publication;
pub use crate::ids::{CaseId, ChangeId, Direction};

use crate::case::detail::{Doubt, Failure, SkipReason};
use crate::case::dispute::CloseDispute;
use crate::case::inquiry::InquiryPurpose;
use crate::case::outcome::Outcome;
use crate::case::published::Published;
use crate::case::signal::QueuedSignal;
use crate::chatops::scope::CaseScope;
use crate::diagnosis::diagnose::Diagnosis;
use crate::diagnosis::evidence::{Evidence, Observation};
use crate::diagnosis::plan::Plan;
use crate::expr::Truth;
use crate::ids::{HostName, LibraryHash, PlaybookName, ProbeName, ScheduleName};
use crate::policy::consent::Pause;
use crate::policy::deferral::Deferral;
use crate::reading::Reading;
use crate::text::redact::Redacted;
use crate::ticket::triage::{DetectedFault, Triage};
use crate::ticket::{Ticket, TicketId};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;
use std::fmt;

/// By which way a ticket came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A delivery of GitHub's webhook.
    Webhook,
    /// A poll of GitHub's issues.
    Poll,
    /// A slash command by this person.
    Command {
        /// The person's GitHub login.
        user: String,
        /// The comment that holds it.
        comment: Option<u64>,
        /// What the command allows the case to do.
        scope: CaseScope,
    },
    /// `fieldmedic resolve`.
    Terminal,
    /// Found by a sweep; with a suspect, the agent opened the ticket itself.
    Sweep {
        /// The fault for which Fieldmedic opened the ticket; `None` if a sweep found a ticket without a case.
        suspect: Option<DetectedFault>,
    },
    /// What another case had mended and proven was found again after the close.
    Recurrence {
        /// The case that had fixed the fault.
        of: CaseId,
        /// The fault that is back.
        suspect: DetectedFault,
    },
    /// A person says that what another case closed is not settled.
    CloseDispute(CloseDispute),
    /// A playbook that the configuration runs on a schedule. There is no issue.
    Schedule {
        /// The schedule's name in the configuration.
        schedule: ScheduleName,
        /// What is run: a request or an operation.
        scope: CaseScope,
    },
    /// A monitor says that something is wrong, or that it is over.
    Alert {
        /// The source of alerts in the configuration, or the login of a listed monitor on GitHub.
        by: String,
        /// The full ticket for an alert that fires; a look for one that is over.
        scope: CaseScope,
    },
}

/// Why a look is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeReason {
    /// To diagnose: all probes of the system type, or those of the request that is asked.
    Diagnose,
    /// Whether a step is needed.
    OnlyIf(ChangeId),
    /// Whether a change that is in doubt was made; the number is the attempt it asks about.
    ResolveDoubt(ChangeId, u32),
    /// To verify a remediation.
    Verify,
}

/// One record's content.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The case was opened. It is the first record of every case.
    Opened {
        /// The issue as it was then.
        ticket: Ticket,
        /// How the ticket came in.
        source: Source,
        /// The playbooks that the case is pinned to.
        library: LibraryHash,
    },
    /// A reader has read the words of the ticket.
    TicketRead(Reading),
    /// The ticket was triaged.
    Triaged(Triage),
    /// Probes were run.
    Probed {
        /// What they were run for.
        reason: ProbeReason,
        /// What they returned; only of this round.
        evidence: Evidence,
        /// Those whose results are as in the look before. A record does not repeat them; in memory this is empty, and
        /// `evidence` has them all. See [`repeated`](crate::case::repeated).
        unchanged: BTreeSet<ProbeName>,
    },
    /// The newest evidence was diagnosed. Empty for a question that is not about health.
    Diagnosed(Diagnosis),
    /// The hosts are held. `waited`: another case held one of them, so what was seen before is stale.
    HostsLeased {
        /// The hosts and groups of hosts that were leased, without those that the case already had.
        hosts: Vec<HostName>,
        /// Whether another case had leased one of them.
        waited: bool,
    },
    /// The issue was looked at again before anything is changed.
    Rechecked {
        /// False if the issue is closed, locked, or cannot be read any more.
        open: bool,
    },
    /// A person has paused changes: the case waits before its next change.
    Paused(Pause),
    /// The pause is lifted. What was seen before is stale.
    Resumed,
    /// A plan needs a person's yes, and waits for it until a moment.
    ApprovalRequested {
        /// The plan to approve.
        plan: Plan,
        /// When the request expires.
        until: DateTime<Utc>,
    },
    /// The reporter is asked, and an answer is waited for until a moment.
    ReporterAsked {
        /// What is asked.
        purpose: InquiryPurpose,
        /// When the reporter is reminded, once.
        remind_at: DateTime<Utc>,
        /// When it is waited no longer.
        until: DateTime<Utc>,
    },
    /// A budget is used up: nothing is begun before a moment.
    Deferred(Deferral),
    /// The fault that is about to be fixed was fixed so often within the last days.
    RecurrenceDetected {
        /// The playbook of the fault.
        playbook: PlaybookName,
        /// The hosts of the plan that is about to fix it again.
        hosts: BTreeSet<HostName>,
        /// How often it was fixed in the seven days before, without this time.
        count: usize,
    },
    /// The close of an earlier case was false: a person objects to it.
    CloseDisputed(CloseDispute),
    /// Another case fixes the same fault: this one waits for it, and looks anew when it has ended.
    Linked {
        /// The other case.
        case: CaseId,
        /// The ticket of the other case.
        ticket: TicketId,
        /// The playbook of the fault.
        playbook: PlaybookName,
    },
    /// A word that a person left for this case has been read.
    SignalReceived(QueuedSignal),
    /// The remediation starts: its plan is permitted, and its hosts are leased.
    RemediationStarted(Plan),
    /// The intent of a change, stored before the host is asked.
    ChangeStarted {
        /// Which change.
        change: ChangeId,
        /// The number of the attempt, from 1. An attempt that did not start is not counted.
        attempt: u32,
        /// The host that is asked.
        host: HostName,
        /// The full command line, redacted.
        command: Redacted,
    },
    /// The host returned the result of a change.
    ChangeEnded {
        /// Which change.
        change: ChangeId,
        /// What the host returned.
        observation: Observation,
        /// For a step, whether its `expect` holds; without one, and for a rollback, whether it exited with 0.
        success: bool,
    },
    /// The host was never asked: nothing happened.
    ChangeNotStarted {
        /// Which change.
        change: ChangeId,
        /// Why the host could not be asked.
        why: Redacted,
    },
    /// The host is not this case's to change now; no attempt was made.
    ChangeBlocked {
        /// Which change.
        change: ChangeId,
        /// Why the attempt was not made.
        why: Redacted,
    },
    /// The host was asked, and nobody knows what came of it. `may_still_run`: it was told to stop, and
    /// may go on all the same.
    ChangeInDoubt {
        /// Which change.
        change: ChangeId,
        /// Why there is no result.
        why: Redacted,
        /// Whether the attempt may go on after it was told to stop.
        may_still_run: bool,
    },
    /// A step was left out.
    ChangeSkipped {
        /// Which change.
        change: ChangeId,
        /// Why it was not needed, or could be left out.
        why: SkipReason,
    },
    /// The evidence says that a change in doubt was made.
    ChangeConfirmed {
        /// Which change.
        change: ChangeId,
    },
    /// A change in doubt that must not be touched.
    ChangeAbandoned {
        /// Which change.
        change: ChangeId,
        /// Why nobody knows whether it ran, and why it is not tried again.
        why: Doubt,
    },
    /// Every step is settled, and at least one changed something. The verification begins.
    StepsCompleted,
    /// One round of the verification.
    ConditionsChecked {
        /// Whether each condition is as wanted. The first is that the fault's own has become false; the
        /// playbook's `verify` follows.
        truths: Vec<Truth>,
    },
    /// The conditions in words, in the order of the checks.
    VerificationPassed {
        /// In the words of the playbook; the first is the fault's own, as `no longer: …`.
        conditions: Vec<String>,
    },
    /// The verification did not pass. The rollback begins.
    VerificationFailed {
        /// Why it did not pass.
        why: Failure,
    },
    /// The steps failed, changed nothing, or were cancelled. The rollback begins.
    RemediationFailed {
        /// Why the remediation failed.
        why: Failure,
    },
    /// The rollback has ended, and the remediation with it.
    RolledBack {
        /// Whether every rollback that was needed succeeded.
        clean: bool,
    },
    /// The outcome was decided. What is left is to publish it.
    OutcomeDecided(Outcome),
    /// Published on the forge. `took_ms`: the time of the calls, in milliseconds.
    Published {
        /// What was published, with the data that says whether it is up to date.
        what: Published,
        /// The time of the calls, in milliseconds.
        took_ms: u64,
    },
    /// The forge refused it. `lasting`: a retry cannot help.
    PublishFailed {
        /// What was to be published.
        publication: Publication,
        /// The error, redacted.
        why: Redacted,
        /// Whether a retry cannot help.
        lasting: bool,
    },
    /// Nothing is left to do. The last record of a case.
    Ended,
}

impl Event {
    /// The version of the record format that is written. `upcast` reads all older ones. Version 2 took the
    /// version into the hash. Version 3 gave kinds and fields their present names. Version 4 added what a reader
    /// made of the words, questions to the reporter, and the outcomes that follow from them. Version 5 does not repeat
    /// results of probes, and compresses evidence. Version 6 added operations, version 7 runs of
    /// schedules.
    pub const VERSION: u32 = 7;

    /// The kind of this event.
    pub fn kind(&self) -> EventKind {
        match self {
            Event::Opened { .. } => EventKind::Opened,
            Event::TicketRead(_) => EventKind::TicketRead,
            Event::Triaged(_) => EventKind::Triaged,
            Event::Probed { .. } => EventKind::Probed,
            Event::Diagnosed(_) => EventKind::Diagnosed,
            Event::HostsLeased { .. } => EventKind::HostsLeased,
            Event::Rechecked { .. } => EventKind::Rechecked,
            Event::Paused(_) => EventKind::Paused,
            Event::Resumed => EventKind::Resumed,
            Event::ApprovalRequested { .. } => EventKind::ApprovalRequested,
            Event::ReporterAsked { .. } => EventKind::ReporterAsked,
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
    TicketRead = "ticket_read",
    Triaged = "triaged",
    Probed = "probed",
    Diagnosed = "diagnosed",
    HostsLeased = "hosts_leased",
    Rechecked = "rechecked",
    Paused = "paused",
    Resumed = "resumed",
    ApprovalRequested = "approval_requested",
    ReporterAsked = "reporter_asked",
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
