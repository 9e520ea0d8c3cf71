//! One case as an entry of an operations log: what kind of work it was, how severe, and for how long that is kept.

use crate::case::event::Source;
use crate::case::outcome::{Code, Outcome};
use crate::case::{Case, Phase, RemediationResult};
use crate::reading::Cue;
use crate::text::worded::worded_enum;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use std::collections::BTreeSet;

/// What kind of work a case was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkKind {
    /// Somebody reported it.
    Incident,
    /// A sweep or a check found it.
    Finding,
    /// Somebody ordered a change.
    Operation,
    /// Somebody asked.
    Request,
    /// A schedule ran it.
    Maintenance,
}

worded_enum! {
    /// How severe it was. The order is that of the words.
    pub enum Severity {
        /// Nothing was changed, and nobody was called.
        Low = "low",
        /// Something was changed.
        Medium = "medium",
        /// A person was called, or it concerned everybody.
        High = "high",
    }
}

/// How long entries are kept, by their severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRetention {
    /// Those of low severity.
    pub low: TimeDelta,
    /// Those of medium severity.
    pub medium: TimeDelta,
    /// Those of high severity.
    pub high: TimeDelta,
}

impl LogRetention {
    /// How long entries of this severity are kept.
    pub fn of(&self, severity: Severity) -> TimeDelta {
        match severity {
            Severity::Low => self.low,
            Severity::Medium => self.medium,
            Severity::High => self.high,
        }
    }

    /// The longest of them.
    pub fn longest(&self) -> TimeDelta {
        self.low.max(self.medium).max(self.high)
    }
}

impl Default for LogRetention {
    fn default() -> Self {
        Self { low: TimeDelta::days(90), medium: TimeDelta::days(365), high: TimeDelta::days(730) }
    }
}

/// What an entry says beside the report of its case. It depends on no record that only says how long something took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OperationsEntry {
    /// When the case was opened.
    pub at: DateTime<Utc>,
    /// What kind of work it was.
    pub kind: WorkKind,
    /// How severe it was.
    pub severity: Severity,
    /// The title of the ticket.
    pub title: String,
    /// The address of the ticket.
    pub ticket: String,
    /// Who reported or ordered it; empty for a schedule and a sweep.
    pub by: String,
    /// The hosts that were changed.
    pub hosts: BTreeSet<String>,
    /// When each remediation began, in the order of the report.
    pub started: Vec<DateTime<Utc>>,
    /// The symptoms that a reader found in the words.
    pub symptoms: Vec<String>,
    /// It concerned everybody, by the words.
    pub is_for_everyone: bool,
}

/// The entry of a case. `None`: there is nothing to log yet, or it was never taken on.
pub fn operations_entry(case: &Case) -> Option<OperationsEntry> {
    if matches!(case.outcome, Some(Outcome::Declined { .. })) {
        return None;
    }
    if case.outcome.is_none() && case.remediations.is_empty() {
        return None;
    }
    let reading = case.reading.as_ref();
    let cues = |cue: Cue| reading.is_some_and(|reading| reading.cues.iter().any(|read| read.cue == cue));
    let by = match &case.source {
        Source::Schedule { .. } | Source::Sweep { suspect: Some(_) } => String::new(),
        Source::Command { user, .. } => user.clone(),
        _ => case.ticket.author.clone(),
    };
    let hosts = case.remediations.iter().flat_map(|it| it.plan.hosts()).map(|host| host.to_string());
    Some(OperationsEntry {
        at: case.opened_at,
        kind: kind(case),
        severity: severity(case, cues(Cue::Everyone) || cues(Cue::Urgent)),
        title: case.ticket.title.to_string(),
        ticket: case.ticket.id.to_string(),
        by,
        hosts: hosts.collect(),
        started: case.remediations.iter().map(|it| it.started_at).collect(),
        symptoms: reading.map_or_else(Vec::new, |reading| {
            reading.symptoms.iter().take(3).map(|symptom| symptom.name.to_string()).collect()
        }),
        is_for_everyone: cues(Cue::Everyone),
    })
}

fn kind(case: &Case) -> WorkKind {
    match &case.source {
        Source::Schedule { .. } => WorkKind::Maintenance,
        Source::Sweep { suspect: Some(_) } | Source::Recurrence { .. } => WorkKind::Finding,
        _ if case.triage.as_ref().is_some_and(|triage| triage.intent.is_operation()) => WorkKind::Operation,
        _ if matches!(case.outcome, Some(Outcome::Answered { .. })) => WorkKind::Request,
        _ => WorkKind::Incident,
    }
}

fn severity(case: &Case, is_urgent: bool) -> Severity {
    let is_stuck = |phase: &Phase| {
        matches!(
            phase,
            Phase::Finished {
                result: RemediationResult::RollbackFailed { .. } | RemediationResult::InDoubt { .. },
                ..
            }
        )
    };
    let needs_person =
        matches!(&case.outcome, Some(Outcome::Escalated(escalation)) if escalation.code != Code::NoSystem);
    if needs_person || case.remediations.iter().any(|it| is_stuck(&it.phase)) {
        return Severity::High;
    }
    match (case.remediations.is_empty(), is_urgent) {
        (false, true) => Severity::High,
        (false, false) => Severity::Medium,
        (true, _) => Severity::Low,
    }
}
