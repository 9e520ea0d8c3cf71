//! History: what was changed lately, in all cases together. Limits are computed from it.
//!
//! A store keeps an index of it, which it derives from the records as they are written, so a restart forgets
//! nothing and resets nothing.

use crate::case::event::{CaseId, Event, EventKind};
use crate::case::record::Record;
use crate::diagnosis::plan::Plan;
use crate::ids::{HostName, PlaybookName, SystemName};
use crate::ticket::TicketId;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;

/// The remediations and the changes of a stretch of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunHistory {
    /// In the order in which they were begun.
    pub runs: Vec<RemediationRun>,
    /// Every change that a host was asked for, forward or back, by its time.
    pub changes: Vec<(HostName, DateTime<Utc>)>,
}

/// One run of a playbook's remediation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemediationRun {
    /// The case that began it.
    pub case: CaseId,
    /// The ticket of that case.
    pub ticket: TicketId,
    /// Several may stand on one host. `None` if it is not known.
    pub system: Option<SystemName>,
    /// The fault's playbook.
    pub playbook: PlaybookName,
    /// Every host of the plan.
    pub hosts: BTreeSet<HostName>,
    /// When it was begun.
    pub at: DateTime<Utc>,
    /// `None` while it is under way.
    pub end: Option<RunResult>,
}

/// How and when a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunResult {
    /// Fixed and proven.
    Fixed(DateTime<Utc>),
    /// Not fixed, or nobody knows.
    Failed(DateTime<Utc>),
}

/// What a record adds to the history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RunEvent<'a> {
    /// A run of this plan began.
    Started(&'a Plan),
    /// A host was asked for a change.
    ChangeStarted(&'a HostName),
    /// The newest run of the case ended. A case has one run under way at a time.
    Ended {
        /// Fixed and proven; else not fixed, or nobody knows.
        fixed: bool,
    },
}

impl<'a> RunEvent<'a> {
    /// The kinds of records that add to the history.
    pub const KINDS: [EventKind; 5] = [
        EventKind::RemediationStarted,
        EventKind::ChangeStarted,
        EventKind::VerificationPassed,
        EventKind::RolledBack,
        EventKind::ChangeAbandoned,
    ];

    /// What an event adds; `None` if nothing.
    pub fn of(event: &'a Event) -> Option<Self> {
        match event {
            Event::RemediationStarted(plan) => Some(RunEvent::Started(plan)),
            Event::ChangeStarted { host, .. } => Some(RunEvent::ChangeStarted(host)),
            Event::VerificationPassed { .. } => Some(RunEvent::Ended { fixed: true }),
            Event::RolledBack { .. } | Event::ChangeAbandoned { .. } => {
                Some(RunEvent::Ended { fixed: false })
            }
            _ => None,
        }
    }
}

impl RunHistory {
    /// How far back it has to reach for every limit to be computed.
    pub const LOOKBACK: TimeDelta = TimeDelta::days(7);

    /// The runs of a playbook on one of these hosts.
    pub fn runs_of<'a>(
        &'a self,
        playbook: &'a PlaybookName,
        hosts: &'a BTreeSet<HostName>,
    ) -> impl DoubleEndedIterator<Item = &'a RemediationRun> {
        self.runs.iter().filter(move |run| run.playbook == *playbook && !run.hosts.is_disjoint(hosts))
    }
}

impl RemediationRun {
    /// When it proved that a fault of this system was fixed.
    pub fn fixed(&self, system: &SystemName) -> Option<DateTime<Utc>> {
        match self.end {
            Some(RunResult::Fixed(at)) if self.system.as_ref() == Some(system) => Some(at),
            _ => None,
        }
    }

    /// When it ended; while it is under way, when it was begun.
    pub fn last_at(&self) -> DateTime<Utc> {
        match self.end {
            Some(RunResult::Fixed(at) | RunResult::Failed(at)) => at,
            None => self.at,
        }
    }
}

/// How often the agent closed a ticket, and how often somebody objected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CloseStats {
    /// The cases whose outcome closes their ticket.
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
