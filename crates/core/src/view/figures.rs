//! Figures about a period, computed from journal facts alone: what was resolved, how long it took, and what turned out
//! to be wrong.

use crate::case::event::Source;
use crate::case::outcome::Outcome;
use crate::case::{Case, Phase, RemediationResult};
use crate::ids::CaseId;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The figures of one period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// The first moment of the period.
    pub from: DateTime<Utc>,
    /// The first moment after the period.
    pub until: DateTime<Utc>,
    /// The figures of all systems.
    pub all: SystemFigures,
    /// Those of each system, by its name. Tickets that name no system are under `-`.
    pub systems: BTreeMap<String, SystemFigures>,
    /// How long the tickets took that Fieldmedic closed.
    pub time_to_close: Durations,
    /// The medians of where that time went, in seconds.
    pub phases: PhaseMedians,
    /// How many tickets were handed to a person, by the code of the escalation.
    pub escalations: BTreeMap<&'static str, usize>,
    /// The hours that people would have spent on the tickets that were closed; `None` if it is not configured how long a
    /// ticket takes.
    pub hours_saved: Option<f64>,
    /// Cases that are no tickets: narrow commands, runs of schedules, and what was declined or cancelled.
    pub besides: usize,
}

/// What is counted for all systems together, and for each.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SystemFigures {
    /// Cases that were opened for a ticket, without those that were declined or cancelled.
    pub tickets: usize,
    /// Those of them that are at work or wait.
    pub open: usize,
    /// Those whose ticket was closed with proof, or with an answer.
    pub closed: usize,
    /// Those that people were called to.
    pub escalated: usize,
    /// Those whose ticket was left to its people, because it is about something else besides or alone.
    pub left_open: usize,
    /// The percentage of `closed` among the tickets that have ended; `None` if none has.
    pub auto_resolution: Option<f64>,
    /// Remediations that have ended.
    pub fixes: usize,
    /// Those that were proven.
    pub proven_fixes: usize,
    /// The percentage of `proven_fixes` among `fixes`; `None` if there are none.
    pub verified_success: Option<f64>,
    /// Tickets that a person confirmed.
    pub confirmed: usize,
    /// Tickets that were closed because nobody objected.
    pub confirmed_by_silence: usize,
    /// Closed tickets of which somebody said later that they are not settled.
    pub false_closes: usize,
    /// Faults that were found again after their ticket was closed.
    pub recurrences: usize,
}

/// A distribution of durations, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Durations {
    /// Half of them are shorter; `None` if there are none.
    pub median: Option<f64>,
    /// Nine of ten are shorter.
    pub p90: Option<f64>,
}

/// The medians of the phases of closed tickets, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct PhaseMedians {
    /// Opening connections to hosts.
    pub connect: Option<f64>,
    /// Probes before the verification.
    pub probes: Option<f64>,
    /// Changes.
    pub changes: Option<f64>,
    /// From the last change to the proof.
    pub verification: Option<f64>,
    /// Calls to GitHub.
    pub forge: Option<f64>,
}

/// Computes the figures of the cases that were opened in a period. `false_closes` are those cases whose close somebody
/// disputed, at any time; `minutes_per_ticket` is what a person spends on a ticket.
pub fn figures(
    cases: &[Case],
    [from, until]: [DateTime<Utc>; 2],
    false_closes: &BTreeSet<CaseId>,
    minutes_per_ticket: Option<u32>,
) -> Figures {
    let mut all = SystemFigures::default();
    let mut systems: BTreeMap<String, SystemFigures> = BTreeMap::new();
    let mut escalations = BTreeMap::new();
    let (tickets, besides): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(|case| is_about_ticket(case));
    for case in &tickets {
        let system = case.triage.as_ref().and_then(|triage| triage.system.as_ref());
        let system = system.map_or_else(|| "-".to_owned(), |system| system.name.to_string());
        all.count(case, false_closes);
        systems.entry(system).or_default().count(case, false_closes);
        if let Some(Outcome::Escalated(escalation)) = &case.outcome {
            *escalations.entry(escalation.code.as_str()).or_default() += 1;
        }
    }
    all.compute();
    systems.values_mut().for_each(SystemFigures::compute);
    let closed: Vec<&Case> = tickets.into_iter().filter(|case| case.publishing.closed).collect();
    let seconds = |case: &&&Case| {
        let at = case.publishing.closed_at?;
        Some((at - case.opened_at).num_milliseconds() as f64 / 1000.0)
    };
    let hours = |minutes: u32| all.closed as f64 * f64::from(minutes) / 60.0;
    let phase = |of: fn(&Case) -> u64| median(closed.iter().map(|case| of(case) as f64 / 1000.0).collect());
    Figures {
        from,
        until,
        time_to_close: Durations::of(closed.iter().filter_map(|case| seconds(&case)).collect()),
        phases: PhaseMedians {
            connect: phase(|case| case.timings.connect),
            probes: phase(|case| case.timings.probes),
            changes: phase(|case| case.timings.changes),
            verification: phase(|case| case.timings.verification),
            forge: phase(|case| case.timings.forge),
        },
        hours_saved: minutes_per_ticket.map(hours),
        escalations,
        besides: besides.len(),
        all,
        systems,
    }
}

/// Whether a case was opened for what a ticket needs. A ticket that was closed or locked was never taken on.
fn is_about_ticket(case: &Case) -> bool {
    let is_taken = !matches!(case.outcome, Some(Outcome::Declined { .. } | Outcome::Cancelled));
    is_taken && case.is_for_full_ticket()
}

impl SystemFigures {
    fn count(&mut self, case: &Case, false_closes: &BTreeSet<CaseId>) {
        self.tickets += 1;
        match &case.outcome {
            None => self.open += 1,
            Some(Outcome::Escalated(_)) => self.escalated += 1,
            Some(Outcome::Resolved | Outcome::Answered { .. }) => self.closed += 1,
            Some(Outcome::Confirmed { by }) => {
                self.closed += 1;
                match by {
                    Some(_) => self.confirmed += 1,
                    None => self.confirmed_by_silence += 1,
                }
            }
            Some(Outcome::Partial { .. } | Outcome::Unrelated { .. }) => self.left_open += 1,
            // Not about a ticket; see above.
            Some(Outcome::Declined { .. } | Outcome::Cancelled) => {}
        }
        for remediation in &case.remediations {
            if let Phase::Finished { result, .. } = &remediation.phase {
                self.fixes += 1;
                self.proven_fixes += usize::from(*result == RemediationResult::Fixed);
            }
        }
        self.false_closes += usize::from(false_closes.contains(&case.id));
        self.recurrences += usize::from(matches!(case.source, Source::Recurrence { .. }));
    }

    fn compute(&mut self) {
        self.auto_resolution = percentage(self.closed, self.tickets - self.open);
        self.verified_success = percentage(self.proven_fixes, self.fixes);
    }
}

impl Durations {
    fn of(mut seconds: Vec<f64>) -> Self {
        seconds.sort_by(f64::total_cmp);
        Self { median: quantile(&seconds, 0.5), p90: quantile(&seconds, 0.9) }
    }
}

fn median(seconds: Vec<f64>) -> Option<f64> {
    Durations::of(seconds).median
}

/// The nearest-rank quantile of sorted values, to a tenth.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    let value = sorted.get(rank.saturating_sub(1))?;
    Some((value * 10.0).round() / 10.0)
}

/// A share in percent, to a tenth.
fn percentage(part: usize, of: usize) -> Option<f64> {
    (of > 0).then(|| (part as f64 * 1000.0 / of as f64).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        assert_eq!(Durations::of(values), Durations { median: Some(5.0), p90: Some(9.0) });
        assert_eq!(Durations::of(vec![7.26]), Durations { median: Some(7.3), p90: Some(7.3) });
        assert_eq!(Durations::of(Vec::new()), Durations::default());
    }

    #[test]
    fn a_share_of_nothing_is_unknown() {
        assert_eq!(percentage(0, 0), None);
        assert_eq!(percentage(0, 3), Some(0.0));
        assert_eq!(percentage(2, 3), Some(66.7));
    }
}
