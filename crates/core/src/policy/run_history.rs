//! History: what was changed lately, in all cases together. Budgets are reckoned from it.
//!
//! It is folded from the journal's records each time it is needed and kept nowhere else, so a restart
//! forgets nothing and resets nothing.

use crate::case::event::{CaseId, Event, EventKind};
use crate::case::record::Record;
use crate::ids::{HostName, PlaybookName, SystemName};
use crate::ticket::TicketId;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// The remedies and the changes of a stretch of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunHistory {
    /// In the order in which they were begun.
    pub runs: Vec<RemediationRun>,
    /// Every change that a host was asked for, forward or back.
    pub changes: Vec<(HostName, DateTime<Utc>)>,
    /// Which system a case is about.
    pub systems: BTreeMap<CaseId, SystemName>,
    /// The tickets of cases, where others have fixed something. The records that hold them are long, so
    /// they are not folded for it.
    pub tickets: BTreeMap<CaseId, TicketId>,
}

/// One run of a playbook's remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemediationRun {
    /// The case that began it.
    pub case: CaseId,
    /// Several may stand on one host.
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
    /// Mended and proven.
    Fixed(DateTime<Utc>),
    /// Not mended, or nobody knows.
    Failed(DateTime<Utc>),
}

impl RunHistory {
    /// The kinds of records that it is folded from.
    pub const KINDS: [EventKind; 6] = [
        EventKind::Triaged,
        EventKind::RemediationStarted,
        EventKind::ChangeStarted,
        EventKind::VerificationPassed,
        EventKind::RolledBack,
        EventKind::ChangeAbandoned,
    ];

    /// How far back it has to reach for every budget to be told.
    pub const LOOKBACK: TimeDelta = TimeDelta::days(7);

    /// From records in the order of their time.
    pub fn fold<'a>(records: impl IntoIterator<Item = &'a (CaseId, Record)>) -> Self {
        let mut history = Self::default();
        for (case, record) in records {
            history.take(case, record);
        }
        history
    }

    fn take(&mut self, case: &CaseId, record: &Record) {
        match &record.event {
            Event::Triaged(triage) => {
                let system = triage.system.as_ref().map(|site| (case.clone(), site.name.clone()));
                self.systems.extend(system);
            }
            Event::RemediationStarted(plan) => self.runs.push(RemediationRun {
                case: case.clone(),
                system: self.systems.get(case).cloned(),
                playbook: plan.playbook.clone(),
                hosts: plan.hosts(),
                at: record.at,
                end: None,
            }),
            Event::ChangeStarted { host, .. } => self.changes.push((host.clone(), record.at)),
            Event::VerificationPassed { .. } => self.end(case, RunResult::Fixed(record.at)),
            Event::RolledBack { .. } | Event::ChangeAbandoned { .. } => {
                self.end(case, RunResult::Failed(record.at))
            }
            _ => {}
        }
    }

    /// A case has one remedy under way at a time: its newest.
    fn end(&mut self, case: &CaseId, end: RunResult) {
        if let Some(run) = self.runs.iter_mut().rev().find(|run| run.case == *case) {
            run.end = Some(end);
        }
    }

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
    /// It proved that a fault of this system was mended.
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
