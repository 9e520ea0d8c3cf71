//! [`Statistics`]: counts over all cases, for metrics.

use crate::journal::JournalError;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fieldmedic_core::case::event::CaseId;
use fieldmedic_core::case::outcome::Outcome;
use fieldmedic_core::ids::{PlaybookName, SystemName};
use std::time::Duration;

/// The upper bounds of the classes that the durations of cases are counted in. A last class has no bound.
pub const DURATION_BOUNDS: [Duration; 9] = [
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(60 * 60),
    Duration::from_secs(4 * 60 * 60),
    Duration::from_secs(12 * 60 * 60),
    Duration::from_secs(24 * 60 * 60),
    Duration::from_secs(3 * 24 * 60 * 60),
    Duration::from_secs(7 * 24 * 60 * 60),
];

/// Counts that the store can answer from its columns: no record is read.
///
/// # Errors
/// [`JournalError::Unavailable`] if the store cannot be used, [`JournalError::Unreadable`] if it holds what
/// this program cannot read.
#[async_trait]
pub trait Statistics: Send + Sync {
    /// All counts, of one state of the store. Runs and disputes count from `since` on.
    async fn statistics(&self, since: DateTime<Utc>) -> Result<Counts, JournalError>;
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// All cases that have ended, archived ones too, in groups. Two groups may differ in nothing but the
    /// version that wrote them.
    pub ended: Vec<EndedCases>,
    /// The cases that have not ended, oldest first.
    pub open: Vec<OpenCase>,
    /// The remediations that began in the period, whatever the number of their hosts.
    pub runs: Vec<RunCount>,
    /// How often people disputed a close in the period, by the system of the case that the dispute opened.
    pub disputes: Vec<(Option<SystemName>, u64)>,
    /// Deliveries that wait in the inbox, those under way included.
    pub deliveries: u64,
}

/// Cases with the same system, the same end and a duration in the same class.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedCases {
    /// What they were about, if that is known. An archived case loses it when the list is made anew.
    pub system: Option<SystemName>,
    /// The outcome of one of them. Its kind and its code are those of all; its details are not.
    pub example: Outcome,
    /// The index in [`DURATION_BOUNDS`] of the smallest bound that is not below the durations, or its length.
    pub class: usize,
    /// How many they are.
    pub cases: u64,
    /// The sum of their durations, from the first record to the last, in whole milliseconds.
    pub duration: Duration,
}

/// A case that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCase {
    /// The case.
    pub id: CaseId,
    /// What it is about, if that is known yet.
    pub system: Option<SystemName>,
    /// The hash of its last record: it is another one after every change.
    pub head: String,
}

/// Remediations of one playbook with the same result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunCount {
    /// The playbook.
    pub playbook: PlaybookName,
    /// Whether the fault was fixed; `None` while the remediation is under way.
    pub fixed: Option<bool>,
    /// How many they are.
    pub runs: u64,
}
