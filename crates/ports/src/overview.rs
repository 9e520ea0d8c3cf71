//! [`Overview`]: what is asked of the journal to show many cases at once.
//!
//! Every answer comes from an index and is bounded, however many cases there are. No record is decoded.

use crate::journal::{CaseSummary, JournalError};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fieldmedic_core::diagnosis::diagnose::{Finding, Unknown};
use fieldmedic_core::ids::{CaseId, PlaybookName, SystemName};
use serde::{Deserialize, Serialize};

/// Lists and counts of cases, and how systems were when they were looked at last.
///
/// # Errors
/// Every method: [`JournalError::Unavailable`] if the store cannot be used, [`JournalError::Unreadable`] if
/// it holds what this program cannot read.
#[async_trait]
pub trait Overview: Send + Sync {
    /// The cases that fit a query, the newest first.
    async fn find_cases(&self, query: &CaseQuery) -> Result<Vec<CaseEntry>, JournalError>;

    /// Cases that have not ended, oldest first, at most `limit`.
    async fn running_cases(&self, limit: u32) -> Result<Vec<CaseEntry>, JournalError>;

    /// How the remediations ended that began at or after `since`, for each system and playbook.
    async fn playbook_runs(&self, since: DateTime<Utc>) -> Result<Vec<PlaybookRuns>, JournalError>;

    /// Keeps what a sweep found on one system, in the place of what an earlier one found.
    async fn keep_sweep(&self, sweep: &SystemSweep) -> Result<(), JournalError>;

    /// What the newest sweep found on each system, by the system's name. What another version has written and this
    /// one cannot read is left out: the next sweep replaces it.
    async fn sweeps(&self) -> Result<Vec<SystemSweep>, JournalError>;
}

/// Which cases are asked for. What is `None` or empty excludes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseQuery {
    /// The word of the outcome, such as `resolved`; `working` for cases without one.
    pub outcome: Option<String>,
    /// The system that the ticket is about.
    pub system: Option<SystemName>,
    /// Each must be part of the title, the ticket's address, the case's id, the system, the outcome or the code of
    /// an escalation. Upper and lower case are the same. Only the first [`CaseQuery::WORDS`] count.
    pub words: Vec<String>,
    /// Only cases that come after this one in the list.
    pub after: Option<(DateTime<Utc>, CaseId)>,
    /// At most so many.
    pub limit: u32,
}

impl CaseQuery {
    /// How many words of a query count.
    pub const WORDS: usize = 4;
}

/// One line of a list of cases.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseEntry {
    /// What the list of cases knows in any case.
    pub summary: CaseSummary,
    /// The title of the ticket, shortened. `None` where it is not known any more.
    pub title: Option<String>,
    /// The system that the ticket is about, once that is known.
    pub system: Option<SystemName>,
    /// Nothing is left to do.
    pub has_ended: bool,
    /// Changes with each record of the case.
    pub head: String,
}

/// How remediations of one playbook on one system ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaybookRuns {
    /// The system, if it is known.
    pub system: Option<SystemName>,
    /// The playbook.
    pub playbook: PlaybookName,
    /// How many were begun.
    pub begun: u64,
    /// How many of them were fixed and proven.
    pub fixed: u64,
    /// How many of them were not fixed, or nobody knows.
    pub failed: u64,
    /// When the newest began.
    pub newest_at: DateTime<Utc>,
}

/// What a sweep found on a system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemSweep {
    /// The system.
    pub system: SystemName,
    /// When its probes were begun.
    pub at: DateTime<Utc>,
    /// No host answered.
    pub is_unreachable: bool,
    /// The faults that are there.
    pub findings: Vec<Finding>,
    /// The faults of which nobody can tell. Only the first are kept.
    pub unknown: Vec<Unknown>,
    /// How many of them there are.
    pub unknown_count: usize,
    /// How many faults were ruled out.
    pub ruled_out: usize,
}
