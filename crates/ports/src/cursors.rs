//! [`Cursors`]: how far things were read, what was done already, and who does what only one may do.

use crate::journal::JournalError;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use fieldmedic_core::case::event::CaseId;
use fieldmedic_core::ids::AlertSourceName;
use fieldmedic_core::ids::SystemName;
use fieldmedic_core::measurement::SeriesName;
use fieldmedic_core::notice::watch::Subject;
use fieldmedic_core::ticket::alert::{AlertState, Fingerprint};
use fieldmedic_core::ticket::{Repo, TicketId};
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// Times that outlive the process.
///
/// # Errors
/// Every method: [`JournalError::Unavailable`] if the store cannot be used, [`JournalError::Unreadable`] if
/// it holds what this program cannot read.
#[async_trait]
pub trait Cursors: Send + Sync {
    /// Where a cursor stands.
    async fn cursor(&self, cursor: &Cursor) -> Result<Option<DateTime<Utc>>, JournalError>;

    /// Moves a cursor.
    async fn set_cursor(&self, cursor: &Cursor, at: DateTime<Utc>) -> Result<(), JournalError>;

    /// When something was done that is done once. `None`: never. A key is kept for its time to live at least.
    async fn done_at(&self, key: &DedupeKey) -> Result<Option<DateTime<Utc>>, JournalError>;

    /// Records that it is done. It also removes some keys that have expired at `now`, at most
    /// [`PURGED_AT_ONCE`], so that they never pile up and no call takes long.
    async fn mark_done(&self, key: &DedupeKey, now: DateTime<Utc>) -> Result<(), JournalError>;

    /// Takes the turn at something that two replicas must not do at once and that cannot be done twice
    /// without harm. `false`: somebody took the turn less than `every` ago. Turns older than
    /// [`TURN_TTL`] are removed, at most [`PURGED_AT_ONCE`] by each call.
    async fn try_once_every(
        &self,
        name: &str,
        now: DateTime<Utc>,
        every: Duration,
    ) -> Result<bool, JournalError>;
}

/// How many expired rows one call removes at most.
pub const PURGED_AT_ONCE: u32 = 50;

/// A turn that was taken longer ago than this is forgotten. No caller asks for a longer interval.
pub const TURN_TTL: TimeDelta = TimeDelta::days(7);

/// How far something was read or done. There are few: one for each repository or task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cursor {
    /// The newest update of an issue that was polled.
    PollTickets(Repo),
    /// The newest update of a comment that was polled.
    PollComments(Repo),
    /// The oldest failed delivery that may still be asked for.
    Deliveries(Repo),
    /// When a periodic task was last started; for one with a cron expression, at least when it was first seen.
    Task(Cow<'static, str>),
    /// Up to when records of cases were looked through for notices.
    Notices,
    /// When that was begun. What is older is told to nobody.
    NoticesBegun,
    /// Up to when cases that have ended were exported as traces.
    Traces,
    /// When people were told of a trouble of something that is watched.
    TroubleTold(Subject),
    /// When they were told of its end.
    TroubleOver(Subject),
}

/// The key in the store. It is what versions before typed cursors wrote, so that an upgrade reads nothing
/// twice.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cursor::PollTickets(repo) => write!(f, "poll {repo} tickets"),
            Cursor::PollComments(repo) => write!(f, "poll {repo}"),
            Cursor::Deliveries(repo) => write!(f, "deliveries {repo}"),
            Cursor::Task(name) => f.write_str(name),
            Cursor::Notices => f.write_str("notices"),
            Cursor::NoticesBegun => f.write_str("notices begun"),
            Cursor::Traces => f.write_str("traces"),
            Cursor::TroubleTold(subject) => write!(f, "told trouble {subject}"),
            Cursor::TroubleOver(subject) => write!(f, "told end {subject}"),
        }
    }
}

/// Something that is done once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DedupeKey {
    /// A case that was fixed was probed again.
    RecurrenceCheck(CaseId),
    /// People were reminded of an escalated case.
    Reminder(CaseId),
    /// A case that has ended was exported as a trace.
    Traced(CaseId),
    /// A chat command was followed.
    ChatCommand {
        /// The ticket.
        ticket: TicketId,
        /// The number of the comment that holds it.
        comment: u64,
    },
    /// Feedback in a comment was taken in.
    Feedback {
        /// The ticket.
        ticket: TicketId,
        /// The number of the comment.
        comment: u64,
    },
    /// People were warned by a ticket that a series runs to its limit.
    Forecast {
        /// The system.
        system: SystemName,
        /// The series.
        series: SeriesName,
    },
    /// The author of a command without permission was told so.
    Refusal {
        /// The repository.
        repo: Repo,
        /// The login, in lower case.
        author: String,
    },
    /// An alert began to be in this state. The later of its two keys says in which it is.
    AlertState {
        /// The monitor that sends it.
        source: AlertSourceName,
        /// Which of its alerts.
        fingerprint: Fingerprint,
        /// Firing, or over.
        state: AlertState,
    },
    /// An alert may have a ticket opened. It is kept while GitHub fails.
    AlertAdmitted {
        /// The monitor that sends it.
        source: AlertSourceName,
        /// Which of its alerts.
        fingerprint: Fingerprint,
    },
}

impl DedupeKey {
    /// How long the key is kept. It is longer than the same thing can come up again: the forge keeps
    /// deliveries for three days, and a poll starts at most where the last one ended.
    pub fn ttl(&self) -> TimeDelta {
        match self {
            DedupeKey::RecurrenceCheck(_) => TimeDelta::days(30),
            DedupeKey::Reminder(_) => TimeDelta::days(90),
            DedupeKey::Traced(_) => TimeDelta::days(7),
            DedupeKey::ChatCommand { .. } | DedupeKey::Feedback { .. } => TimeDelta::days(400),
            DedupeKey::Forecast { .. } => TimeDelta::days(14),
            DedupeKey::Refusal { .. } | DedupeKey::AlertAdmitted { .. } => TimeDelta::days(1),
            DedupeKey::AlertState { .. } => TimeDelta::days(90),
        }
    }
}

/// The key in the store. It is what versions before typed keys wrote, so that an upgrade does nothing twice.
impl fmt::Display for DedupeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DedupeKey::RecurrenceCheck(case) => write!(f, "watched {case}"),
            DedupeKey::Reminder(case) => write!(f, "reminded {case}"),
            DedupeKey::Traced(case) => write!(f, "traced {case}"),
            DedupeKey::ChatCommand { ticket, comment } => write!(f, "comment {ticket} {comment}"),
            DedupeKey::Feedback { ticket, comment } => write!(f, "reply {ticket} {comment}"),
            DedupeKey::Forecast { system, series } => write!(f, "forecast {system} {series}"),
            DedupeKey::Refusal { repo, author } => write!(f, "refused {repo} {author}"),
            DedupeKey::AlertState { source, fingerprint, state } => {
                write!(f, "alert {source} {fingerprint} {state}")
            }
            DedupeKey::AlertAdmitted { source, fingerprint } => {
                write!(f, "alert {source} {fingerprint} admitted")
            }
        }
    }
}
