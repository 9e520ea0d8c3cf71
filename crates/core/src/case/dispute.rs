//! Objections: a person says that a ticket, which the agent has closed, is not settled. The close was
//! false, as long as nobody knows better, and is counted as that.

use crate::case::event::{CaseId, Event, EventKind};
use crate::case::record::Record;
use serde::Serialize;
use std::collections::BTreeSet;

/// Who objects to which close.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CloseDispute {
    /// The case that closed the ticket.
    pub case: CaseId,
    /// Empty if nobody saw who it was.
    pub by: String,
    pub via: Via,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// Opened the issue again.
    Reopened,
    /// Said so in a comment.
    Comment,
}

/// How often the agent closed a ticket, and how often somebody objected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CloseStats {
    pub closed: BTreeSet<CaseId>,
    /// The cases whose close was false. They may have ended before the records that were counted.
    pub false_closes: BTreeSet<CaseId>,
}

impl CloseStats {
    /// The kinds of records that tell of closures.
    pub const KINDS: [EventKind; 2] = [EventKind::OutcomeDecided, EventKind::CloseDisputed];

    /// Counts what these records tell. A close is false once, however often somebody objects.
    pub fn count(records: &[(CaseId, Record)]) -> Self {
        let mut closures = Self::default();
        for (case, record) in records {
            match &record.event {
                Event::OutcomeDecided(outcome) if outcome.closes() => closures.closed.insert(case.clone()),
                Event::CloseDisputed(objection) => closures.false_closes.insert(objection.case.clone()),
                _ => false,
            };
        }
        closures
    }
}
