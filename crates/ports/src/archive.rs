//! [`Archive`]: closed cases that leave the store for a file, with a stub that stays.

use crate::journal::JournalError;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fieldmedic_core::case::event::CaseId;
use serde::{Deserialize, Serialize};

/// Export and removal of closed cases.
///
/// # Errors
/// Every method: [`JournalError::Unavailable`] if the store cannot be used, [`JournalError::Unreadable`] if
/// it holds what this program cannot read.
#[async_trait]
pub trait Archive: Send + Sync {
    /// Cases that have ended and were last written before this time, oldest first, that are still here.
    async fn closed_before(&self, before: DateTime<Utc>) -> Result<Vec<CaseId>, JournalError>;

    /// The records of a case as they were written, in order.
    async fn stored_records(&self, case: &CaseId) -> Result<Vec<StoredRecord>, JournalError>;

    /// Removes the records of a case and leaves a stub, in one transaction. The list of cases and the keys
    /// that it was opened by stay.
    ///
    /// # Errors
    /// [`JournalError::Conflict`] if the case has not ended, its chain is broken, or it does not end with
    /// the record that the removal names: what is removed is what was exported, or nothing is.
    async fn remove_archived(&self, removal: &Removal) -> Result<(), JournalError>;

    /// Gives the space of what was removed back to the operating system, where the store does not do so by itself.
    /// Meanwhile nobody can write.
    async fn compact(&self) -> Result<(), JournalError> {
        Ok(())
    }

    /// The file that holds the records of a case; `None` if they are here.
    async fn archived_in(&self, case: &CaseId) -> Result<Option<String>, JournalError>;
}

/// One line of an archive: a record as the store has it, its body not decoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredRecord {
    /// The case.
    pub case: String,
    /// The number of the record in its case, from 0.
    pub seq: u64,
    /// When it was written: RFC 3339, UTC, six decimals.
    pub at: String,
    /// The version of the record format.
    pub version: u32,
    /// The event, byte for byte.
    pub body: String,
    /// The hash of the record, in the chain of its case.
    pub hash: String,
}

/// What is to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The case.
    pub case: CaseId,
    /// How many records were exported.
    pub records: u64,
    /// The hash of the last of them.
    pub head: String,
    /// The name of the file that holds them.
    pub archive: String,
    /// When they are removed.
    pub at: DateTime<Utc>,
}
