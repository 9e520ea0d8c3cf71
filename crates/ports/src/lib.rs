//! The four ports to the outside: [`Forge`], [`Shell`], [`Journal`], [`Clock`].
//!
//! They are small on purpose. What an adapter may promise is written here; a contract test holds every
//! adapter to it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fieldmedic_core::case::event::{CaseId, Event, Record};
use fieldmedic_core::case::outcome::Outcome;
use fieldmedic_core::case::signal::{QueuedSignal, Signal};
use fieldmedic_core::diagnosis::evidence::RawObservation;
use fieldmedic_core::ids::HostName;
use fieldmedic_core::playbook::LibraryHash;
use fieldmedic_core::playbook::command::Command;
use fieldmedic_core::policy::permit::{Pause, Permit};
use fieldmedic_core::text::redact::Redacted;
use fieldmedic_core::ticket::{Repo, Ticket, TicketId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Where tickets live.
#[async_trait]
pub trait Forge: Send + Sync {
    /// The agent's own login.
    async fn me(&self) -> Result<String, ForgeError>;

    async fn ticket(&self, id: &TicketId) -> Result<Ticket, ForgeError>;

    /// Open issues with this label, oldest update first; with `since`, those updated at or after it.
    /// Pull requests are left out.
    async fn tickets(
        &self,
        repo: &Repo,
        label: &str,
        since: Option<DateTime<Utc>>,
    ) -> Result<Vec<Ticket>, ForgeError>;

    /// Comments on issues of the repository created or edited at or after `since`, oldest first.
    async fn comments(&self, repo: &Repo, since: DateTime<Utc>) -> Result<Vec<Comment>, ForgeError>;

    /// Creates the comment, or edits the one that opens with `marker` and that the agent wrote itself.
    /// A comment by anyone else never counts, whatever it holds.
    async fn upsert_comment(&self, id: &TicketId, marker: &Marker, body: &Redacted)
    -> Result<(), ForgeError>;

    /// Adds and removes labels; those added are created in the repository if they are missing. To add
    /// one that is there, or remove one that is not, is no error.
    async fn update_labels(&self, id: &TicketId, add: &[Label], remove: &[&str]) -> Result<(), ForgeError>;

    /// Assigns people. A login that cannot be assigned is left out by the forge, without an error.
    async fn assign(&self, id: &TicketId, logins: &[String]) -> Result<(), ForgeError>;

    /// Reacts to a comment; to react so again is no error.
    async fn react(&self, id: &TicketId, comment: u64, reaction: Reaction) -> Result<(), ForgeError>;

    /// The people who did something about an issue at or after `since`: who commented on it, reacted to a
    /// comment of the agent's, labelled, assigned, closed, opened or renamed it. The agent and other
    /// machines are left out, and so is who was only mentioned.
    async fn participants_since(
        &self,
        id: &TicketId,
        since: DateTime<Utc>,
    ) -> Result<BTreeSet<String>, ForgeError>;

    /// Opens an issue, unless the agent opened one whose body begins with this marker: then that one.
    async fn open(&self, new: &NewTicket) -> Result<TicketId, ForgeError>;

    /// Closes the issue; to close a closed one is no error.
    async fn close(&self, id: &TicketId, reason: CloseReason) -> Result<(), ForgeError>;

    /// Opens a closed issue again; to open an open one is no error.
    async fn reopen(&self, id: &TicketId) -> Result<(), ForgeError>;

    /// What a person may do in the repository.
    async fn permission(&self, repo: &Repo, login: &str) -> Result<Permission, ForgeError>;

    /// What the forge tried at or after `since` to tell the agent's webhook of this repository, and what
    /// came to nothing, however often it was tried; the oldest first. None if there is no webhook.
    ///
    /// # Errors
    /// [`ForgeError::Refused`], which is lasting, if the agent has not the right to read it.
    async fn failed_deliveries(
        &self,
        repo: &Repo,
        since: DateTime<Utc>,
    ) -> Result<Vec<FailedDelivery>, ForgeError>;

    /// Asks the forge to tell once more. It does so soon, but not before it answers; what comes of it
    /// stands in the log then.
    async fn redeliver(&self, repo: &Repo, id: DeliveryId) -> Result<(), ForgeError>;
}

/// A hidden first line by which the agent finds its own comment or issue: an HTML comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker(String);

impl Marker {
    /// `name` holds only letters, digits, `-`, `.` and `=`; anything else is dropped.
    pub fn new(name: &str) -> Self {
        let clean: String =
            name.chars().filter(|c| c.is_ascii_alphanumeric() || "-.= ".contains(*c)).collect();
        Self(format!("<!-- fieldmedic {clean} -->"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a text carries a marker of the agent's, anywhere in it.
    pub fn is_in(text: &str) -> bool {
        text.contains("<!-- fieldmedic ")
    }

    /// Whether a body begins with this marker.
    pub fn opens(&self, body: &str) -> bool {
        body.trim_start_matches('\u{FEFF}').trim_start().starts_with(self.as_str())
    }
}

/// A comment. As the forge gives it, its text is not redacted and must not be recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comment {
    pub id: u64,
    pub ticket: TicketId,
    pub author: String,
    /// The forge says that the author is a machine.
    pub by_bot: bool,
    pub body: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A label with what it looks like when it has to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    pub name: String,
    /// Six hex digits.
    pub color: &'static str,
    pub description: &'static str,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NewTicket {
    pub repo: Repo,
    pub marker: Marker,
    pub title: Redacted,
    pub body: Redacted,
    pub labels: Vec<String>,
}

/// Something that the forge could not tell the agent's webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedDelivery {
    /// The last attempt.
    pub id: DeliveryId,
    /// What all attempts have in common, and the webhook sees.
    pub guid: String,
    /// `issues`, `issue_comment`.
    pub event: String,
    /// Empty where the event has none.
    pub action: String,
    /// When it was tried last.
    pub delivered_at: DateTime<Utc>,
    /// How often it was tried.
    pub attempts: u32,
    /// What the webhook, or whatever stands before it, answered last.
    pub status: u16,
}

/// One attempt, by which it can be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeliveryId {
    /// A repository may have several hooks; an App has one, which has no number.
    pub hook: Option<u64>,
    pub number: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Heard, and being worked on.
    Eyes,
    /// What was asked for is done.
    Rocket,
    /// Refused or not understood.
    Confused,
    /// Gladly heard; nothing is done.
    ThumbsUp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    Completed,
    NotPlanned,
}

pub use fieldmedic_core::chatops::access::Permission;

/// What went wrong with the forge, sorted by what can be done next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// No answer, or a 5xx: try again.
    #[error("GitHub did not answer: {0}")]
    Unreachable(String),
    /// Too many requests: try again then.
    #[error("GitHub asks to wait: {why}")]
    Limited { why: String, wait: Option<Duration> },
    /// 401: the token is wrong or has expired. Mending the configuration helps; trying again does not.
    #[error("GitHub does not let the agent in: {0}")]
    Unauthorized(String),
    /// 404 or 410: it does not exist, or the token may not see it.
    #[error("{0} does not exist, or the token may not see it")]
    NotFound(String),
    /// It is in a repository of another name now. It is not followed: what was allowed where it was need
    /// not be allowed there.
    #[error("{what} is in {now} now; if the repository was renamed, write its new name into [github] repos")]
    Moved { what: String, now: String },
    /// Any other refusal: it will not be taken, however often it is tried.
    #[error("GitHub refused: {0}")]
    Refused(String),
}

impl ForgeError {
    /// Trying again cannot help.
    pub fn is_permanent(&self) -> bool {
        matches!(self, ForgeError::NotFound(_) | ForgeError::Moved { .. } | ForgeError::Refused(_))
    }
}

/// The way to the hosts.
#[async_trait]
pub trait Shell: Send + Sync {
    /// Opens the connection to a host, or finds it open. Gives the time that opening took, zero if it
    /// was open.
    async fn connect(&self, host: &HostName) -> Result<Duration, ShellError>;

    /// Runs a command that only looks.
    async fn probe(&self, host: &HostName, command: &Command) -> Result<RawObservation, ShellError>;

    /// Runs a command that changes something. It takes policy's permit and the store's lease for this
    /// very host; an adapter refuses a lease for another host, or one that has run out.
    async fn change(
        &self,
        host: &HostName,
        command: &Command,
        permit: &Permit,
        lease: &Lease,
    ) -> Result<RawObservation, ShellError>;
}

/// Why a command gave no observation. The two lead to opposite actions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShellError {
    /// The host was never asked to run it: it is safe to try again.
    #[error("{why}")]
    NotStarted { why: String },
    /// The host was asked, and may have run it. `may_still_run`: it was told to stop and did not say that
    /// it has, so a second run could meet the first.
    #[error("{why}")]
    InDoubt { why: String, may_still_run: bool },
}

/// The exclusive hold of a host by a case. Only a store grants one; `tests/tidy.rs` holds that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    host: HostName,
    case: CaseId,
    until: DateTime<Utc>,
}

impl Lease {
    /// For stores alone, when the hold has been written down.
    pub fn granted(host: HostName, case: CaseId, until: DateTime<Utc>) -> Self {
        Self { host, case, until }
    }

    pub fn host(&self) -> &HostName {
        &self.host
    }

    pub fn case(&self) -> &CaseId {
        &self.case
    }

    /// After this moment another case may hold the host.
    pub fn until(&self) -> DateTime<Utc> {
        self.until
    }

    /// The same hold, but nothing may be started under it after this moment.
    pub fn no_later_than(self, latest: DateTime<Utc>) -> Self {
        Self { until: self.until.min(latest), ..self }
    }

    /// Whether it allows a change of this host at this moment. Every [`Shell`] asks before it starts one.
    ///
    /// # Errors
    /// [`ShellError::NotStarted`] if it is for another host, or has run out.
    pub fn check(&self, host: &HostName, now: DateTime<Utc>) -> Result<(), ShellError> {
        let why = if self.host != *host {
            format!("the lease is for {}, and the change for {host}", self.host)
        } else if self.until <= now {
            format!("the lease of {host} ran out at {}", self.until.format("%H:%M:%S UTC"))
        } else {
            return Ok(());
        };
        Err(ShellError::NotStarted { why })
    }
}

/// The durable memory: cases, leases, and what was taken in.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Opens a case with its first record, in one transaction with the memory of its keys. Content that
    /// meets a running case is not remembered: it may open a case when that one has ended.
    async fn open_case(&self, opening: &NewCase) -> Result<OpenResult, JournalError>;

    /// Appends the record with the sequence number `seq`.
    ///
    /// # Errors
    /// [`JournalError::Conflict`] if it is not the next one of a case that was opened: somebody else
    /// works on this case, and the caller must stop.
    async fn append(
        &self,
        case: &CaseId,
        seq: u64,
        at: DateTime<Utc>,
        event: &Event,
    ) -> Result<(), JournalError>;

    /// All records of a case, in order; empty if there is no such case.
    async fn load(&self, case: &CaseId) -> Result<Vec<Record>, JournalError>;

    /// Cases that have not ended, oldest first.
    async fn open_cases(&self) -> Result<Vec<CaseId>, JournalError>;

    /// The newest cases first, at most `limit`.
    async fn cases(&self, limit: u32) -> Result<Vec<CaseSummary>, JournalError>;

    /// All cases of a ticket, the newest first. Upper and lower case in its repository's name are the same.
    async fn cases_of(&self, ticket: &TicketId) -> Result<Vec<CaseSummary>, JournalError>;

    /// Claims a case for a worker until `now + ttl`. A worker renews by claiming again, and with the
    /// claim it renews the hosts that the case holds. `false`: another worker has it.
    ///
    /// `now` is the caller's time. An adapter that several machines share goes by its own clock instead,
    /// for this as for [`Journal::hold`], [`Journal::take_turn`] and [`Journal::next_parcel`], so that theirs need not agree.
    async fn claim(
        &self,
        case: &CaseId,
        worker: &str,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<bool, JournalError>;

    /// Gives up a claim; no error if it is not held.
    async fn release(&self, case: &CaseId, worker: &str) -> Result<(), JournalError>;

    /// Holds a host for a case until `now + ttl`. The same case may hold it again, which renews it.
    /// `None`: another case has it.
    async fn acquire_lease(
        &self,
        host: &HostName,
        case: &CaseId,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<Option<Lease>, JournalError>;

    /// Frees every host that the case holds.
    async fn release_leases(&self, case: &CaseId) -> Result<(), JournalError>;

    /// Keeps the files of a library under their hash, so that a case can be finished with the
    /// playbooks it began with. Path to text.
    async fn store_library(
        &self,
        hash: &LibraryHash,
        files: &BTreeMap<String, String>,
    ) -> Result<(), JournalError>;

    async fn library(&self, hash: &LibraryHash) -> Result<Option<BTreeMap<String, String>>, JournalError>;

    /// A remembered moment: how far a poll has read, when a sweep last ran.
    async fn cursor(&self, name: &str) -> Result<Option<DateTime<Utc>>, JournalError>;

    async fn set_cursor(&self, name: &str, at: DateTime<Utc>) -> Result<(), JournalError>;

    /// Takes a turn at something that must not be done by two replicas at once and cannot be done twice
    /// without harm. `false`: somebody took one less than `every` ago.
    async fn try_once_every(
        &self,
        name: &str,
        now: DateTime<Utc>,
        every: Duration,
    ) -> Result<bool, JournalError>;

    /// Keeps something that came in at a door until it was worked. `false`: one with its key waits
    /// already.
    async fn enqueue_delivery(&self, parcel: &QueuedDelivery) -> Result<bool, JournalError>;

    /// The oldest parcel that nobody works on. Others do not get it before `now + ttl`.
    async fn next_delivery(
        &self,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<Option<QueuedDelivery>, JournalError>;

    /// Forgets a parcel that was worked.
    async fn ack_delivery(&self, key: &str) -> Result<(), JournalError>;

    /// The halt that is in force.
    async fn pause_state(&self) -> Result<Option<Pause>, JournalError>;

    /// Calls a halt in place of any other, or lifts it.
    async fn set_pause(&self, pause: Option<&Pause>) -> Result<(), JournalError>;

    /// Leaves a word for a case. The same key is kept once for a case; `false`: it was there.
    ///
    /// The driver of a case, and nobody else, writes its records: others speak to it in this way.
    async fn send_signal(&self, case: &CaseId, key: &str, word: &Signal) -> Result<bool, JournalError>;

    /// The words that were left for a case, in the order in which they were.
    async fn signals(&self, case: &CaseId) -> Result<Vec<QueuedSignal>, JournalError>;

    /// The records of all cases that are of one of these kinds and not older than `since`, by their
    /// time, then by case and number. Cheap however large the journal is.
    async fn history(
        &self,
        kinds: &[&str],
        since: DateTime<Utc>,
    ) -> Result<Vec<(CaseId, Record)>, JournalError>;

    /// Checks the hash chain of every case. Gives the number of records, and the first broken one of
    /// each damaged case.
    async fn audit(&self) -> Result<Audit, JournalError>;
}

/// Something that came in at a door. What is in it is redacted.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuedDelivery {
    /// What it is, by its content: the same content has the same key.
    pub key: String,
    pub body: serde_json::Value,
}

/// What opens a case.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCase {
    pub case: CaseId,
    pub ticket: TicketId,
    /// What came in, by its content: the same content never opens a second case.
    pub key: String,
    /// Other content that this case answers too, and that must not open another.
    pub also: Vec<String>,
    pub at: DateTime<Utc>,
    pub first: Event,
}

/// What came of an opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenResult {
    Opened(CaseId),
    /// This very content was taken in before.
    Duplicate,
    /// The ticket has a case that has not ended.
    Running(CaseId),
}

/// One line of the list of cases; a cache of what the records say.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseSummary {
    pub id: CaseId,
    pub ticket: TicketId,
    pub opened_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// `None` while it runs.
    pub outcome: Option<Outcome>,
}

/// What an audit of the journal found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    pub cases: u64,
    pub records: u64,
    /// The case and the sequence number of its first record that is not as it was written.
    pub broken: Vec<(CaseId, u64)>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    #[error("another worker has gone on with case {case}: record {seq} is not the next one")]
    Conflict { case: CaseId, seq: u64 },
    /// Full disk, lost server, damaged file: nothing may be done until it works again.
    #[error("the journal cannot be used: {0}")]
    Unavailable(String),
    /// A record that this program cannot read.
    #[error("the journal holds what cannot be read: {0}")]
    Unreadable(String),
}

impl JournalError {
    /// Trying again cannot help: a record is damaged, or of a later version.
    pub fn is_permanent(&self) -> bool {
        matches!(self, JournalError::Unreadable(_))
    }
}

/// Time, so that tests can play it.
#[async_trait]
pub trait Clock: Send + Sync {
    fn now(&self) -> DateTime<Utc>;

    async fn sleep_until(&self, at: DateTime<Utc>);
}
