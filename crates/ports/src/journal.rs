//! [`Journal`]: the records of cases, and the libraries that they were opened with.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fieldmedic_core::case::event::{CaseId, Event, EventKind};
use fieldmedic_core::case::outcome::Outcome;
use fieldmedic_core::case::record::Record;
use fieldmedic_core::ids::{HostName, SystemName};
use fieldmedic_core::playbook::LibraryHash;
use fieldmedic_core::policy::run_history::RunHistory;
use fieldmedic_core::ticket::TicketId;
use std::collections::{BTreeMap, BTreeSet};

/// The durable record of all cases.
///
/// # Errors
/// Every method: [`JournalError::Unavailable`] if the store cannot be used, [`JournalError::Unreadable`] if
/// it holds what this program cannot read.
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

    /// Keeps the files of a library under their hash, so that a case can be finished with the
    /// playbooks it began with. Path to text.
    async fn store_library(
        &self,
        hash: &LibraryHash,
        files: &BTreeMap<String, String>,
    ) -> Result<(), JournalError>;

    /// The files of a stored library, path to text. `None` if none were stored under this hash.
    async fn library(&self, hash: &LibraryHash) -> Result<Option<BTreeMap<String, String>>, JournalError>;

    /// The records of all cases that are of one of these kinds and not older than `since`, by their
    /// time, then by case and number. Cheap however large the journal is. A record that cannot be read is
    /// no error of the call.
    async fn history(&self, kinds: &[EventKind], since: DateTime<Utc>) -> Result<History, JournalError>;

    /// The runs that began at or after `since` on one of these hosts or on this system, and the changes of these
    /// hosts since then. An index keeps it, so it does not depend on how many other cases there are.
    async fn run_history(&self, of: &RunsOf<'_>) -> Result<RunHistory, JournalError>;

    /// Checks the hash chain of every case. Gives the number of records, and the first broken one of
    /// each damaged case.
    async fn audit(&self) -> Result<Audit, JournalError>;
}

/// Which part of the history of runs is asked for.
#[derive(Debug, Clone, Copy)]
pub struct RunsOf<'a> {
    /// The system.
    pub system: &'a SystemName,
    /// The hosts.
    pub hosts: &'a BTreeSet<HostName>,
    /// What began before is left out.
    pub since: DateTime<Utc>,
}

/// What opens a case.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCase {
    /// The id of the new case, derived from `ticket` and `key`.
    pub case: CaseId,
    /// The ticket of the case.
    pub ticket: TicketId,
    /// What came in, by its content: the same content never opens a second case.
    pub key: String,
    /// Other content that this case answers too, and that must not open another.
    pub also: Vec<String>,
    /// The time of the first record.
    pub at: DateTime<Utc>,
    /// The first record's event: [`Event::Opened`] with the snapshot of the ticket.
    pub first: Event,
}

/// What came of an opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenResult {
    /// A new case was opened, with this id.
    Opened(CaseId),
    /// This very content was taken in before.
    Duplicate,
    /// The ticket has a case that has not ended.
    Running(CaseId),
}

/// One line of the list of cases; a cache of what the records say.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseSummary {
    /// The case.
    pub id: CaseId,
    /// The ticket of the case.
    pub ticket: TicketId,
    /// The time of its first record.
    pub opened_at: DateTime<Utc>,
    /// The time of its last record.
    pub updated_at: DateTime<Utc>,
    /// `None` while it runs.
    pub outcome: Option<Outcome>,
}

/// Records of several cases.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Those that can be read, in their order.
    pub records: Vec<(CaseId, Record)>,
    /// The case of each record that cannot be read, and why.
    pub unreadable: Vec<(CaseId, JournalError)>,
}

impl History {
    /// All records, for whoever cannot do with a part of them.
    ///
    /// # Errors
    /// A record cannot be read.
    pub fn complete(self) -> Result<Vec<(CaseId, Record)>, JournalError> {
        match self.unreadable.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(self.records),
        }
    }
}

/// What an audit of the journal found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    /// How many cases were checked, archived ones included.
    pub cases: u64,
    /// How many records were checked. Those of archived cases are not in the journal and do not count.
    pub records: u64,
    /// The case and the sequence number of its first record that is not as it was written.
    pub broken: Vec<(CaseId, u64)>,
}

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The record `seq` of `case` cannot be written, because it is not the next one: another worker wrote to
    /// the case, or it was not opened. The caller must stop its work on the case.
    #[error("another worker has gone on with case {case}: record {seq} is not the next one")]
    Conflict {
        /// The case.
        case: CaseId,
        /// The number of the record that could not be written, from 0.
        seq: u64,
    },
    /// Full disk, lost server, damaged file: nothing may be done until it works again.
    #[error("the journal cannot be used: {0}")]
    Unavailable(String),
    /// A record that this program cannot read. To try again does not help.
    #[error("the journal holds what cannot be read: {0}")]
    Unreadable(String),
}

impl JournalError {
    /// To try again cannot help.
    pub fn is_permanent(&self) -> bool {
        matches!(self, JournalError::Unreadable(_))
    }
}
