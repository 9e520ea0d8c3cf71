//! Budgets: how often, how much and when something may be changed. What is over budget is not refused
//! for good: it is put off until a moment that people are told.

use crate::diagnosis::plan::Plan;
use crate::ids::{HostName, PlaybookName, SystemName};
use crate::playbook::inventory::Inventory;
use crate::policy::change_freeze::ChangeFreeze;
pub use crate::policy::deferral::{Deferral, ExceededLimit};
use crate::policy::run_history::{RemediationRun, RunHistory, RunResult};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;
use std::time::Duration;

/// The limits in force, over all cases together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The least time between two runs of one playbook on one host.
    pub cooldown: Duration,
    /// Opens after runs of one playbook on one host that failed, one after another.
    pub failure_breaker: Breaker,
    /// Opens after runs that were proven and needed again: the remedy does not reach the cause.
    pub recurrence_breaker: Breaker,
    /// Remedies on one host in an hour.
    pub max_remediations_per_hour: usize,
    /// Changes on one host in an hour.
    pub max_changes_per_hour: usize,
    /// A case waits so long at most for its budget; what is free again later is handed to a person.
    pub max_wait: Duration,
}

/// So many within a day, and nothing is begun for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    /// How many runs open it.
    pub threshold: usize,
    /// How long it stays open, from the end of the last of them.
    pub open_for: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        Self {
            cooldown: Duration::from_secs(5 * MINUTE),
            failure_breaker: Breaker { threshold: 3, open_for: Duration::from_secs(HOUR) },
            recurrence_breaker: Breaker { threshold: 3, open_for: Duration::from_secs(4 * HOUR) },
            max_remediations_per_hour: 12,
            max_changes_per_hour: 120,
            max_wait: Duration::from_secs(15 * MINUTE),
        }
    }
}

impl Limits {
    /// The limits of an operation. One that is ordered again has not failed to reach a cause.
    pub fn of_operation(&self) -> Self {
        let recurrence_breaker = Breaker { threshold: usize::MAX, ..self.recurrence_breaker.clone() };
        Self { recurrence_breaker, ..self.clone() }
    }
}

const HOUR: TimeDelta = TimeDelta::hours(1);
const DAY: TimeDelta = TimeDelta::days(1);

/// What puts a plan off; if several budgets are used up, the one that is free again last.
pub fn deferral(
    limits: &Limits,
    change_freezes: &[ChangeFreeze],
    inventory: &Inventory,
    system: &SystemName,
    plan: &Plan,
    history: &RunHistory,
    now: DateTime<Utc>,
) -> Option<Deferral> {
    let hosts = plan.hosts();
    let runs: Vec<&RemediationRun> = history.runs_of(&plan.playbook, &hosts).collect();
    let budgets = limits;
    let of_playbook = [
        cooldown(budgets, &plan.playbook, &runs),
        failures(budgets, &plan.playbook, &runs, now),
        recurrences(budgets, system, &plan.playbook, &runs, now),
    ];
    let of_hosts = hosts.iter().flat_map(|host| {
        [runs_an_hour(budgets, host, history, now), changes_an_hour(budgets, plan, host, history, now)]
    });
    let freezes = change_freezes.iter().map(|freeze| {
        let until = freeze.until(now)?;
        Some(Deferral { until, exceeded: ExceededLimit::ChangeFreeze { why: freeze.reason.clone() } })
    });
    let all = of_playbook.into_iter().chain(of_hosts).chain(freezes);
    let all = all.flatten().chain(blast_radius(inventory, &hosts, history, now));
    all.filter(|delay| delay.until > now).max_by_key(|delay| delay.until)
}

pub(super) fn cooldown(
    budgets: &Limits,
    playbook: &PlaybookName,
    runs: &[&RemediationRun],
) -> Option<Deferral> {
    let at = runs.iter().map(|run| run.last_at()).max()?;
    let over = ExceededLimit::Cooldown { playbook: playbook.clone(), at };
    Some(Deferral { until: at + budgets.cooldown, exceeded: over })
}

pub(super) fn failures(
    budgets: &Limits,
    playbook: &PlaybookName,
    runs: &[&RemediationRun],
    now: DateTime<Utc>,
) -> Option<Deferral> {
    let failed = |run: &&&RemediationRun| matches!(run.end, Some(RunResult::Failed(at)) if at > now - DAY);
    let count = runs.iter().rev().take_while(failed).count();
    if count < budgets.failure_breaker.threshold {
        return None;
    }
    let over = ExceededLimit::Failures { playbook: playbook.clone(), count };
    Some(Deferral { until: runs.last()?.last_at() + budgets.failure_breaker.open_for, exceeded: over })
}

pub(super) fn recurrences(
    budgets: &Limits,
    system: &SystemName,
    playbook: &PlaybookName,
    runs: &[&RemediationRun],
    now: DateTime<Utc>,
) -> Option<Deferral> {
    let mended = runs.iter().filter_map(|run| run.fixed(system));
    let mended: Vec<DateTime<Utc>> = mended.filter(|at| *at > now - DAY).collect();
    if mended.len() < budgets.recurrence_breaker.threshold {
        return None;
    }
    let over = ExceededLimit::Recurrences { playbook: playbook.clone(), count: mended.len() };
    Some(Deferral { until: *mended.last()? + budgets.recurrence_breaker.open_for, exceeded: over })
}

pub(super) fn runs_an_hour(
    budgets: &Limits,
    host: &HostName,
    history: &RunHistory,
    now: DateTime<Utc>,
) -> Option<Deferral> {
    let here = history.runs.iter().filter(|run| run.hosts.contains(host)).map(|run| run.at);
    let (until, count) = next_slot(here, budgets.max_remediations_per_hour, 1, now)?;
    Some(Deferral { until, exceeded: ExceededLimit::Runs { host: host.clone(), count } })
}

fn changes_an_hour(
    budgets: &Limits,
    plan: &Plan,
    host: &HostName,
    history: &RunHistory,
    now: DateTime<Utc>,
) -> Option<Deferral> {
    let asked = plan.steps.iter().filter(|step| step.host == *host).count();
    let here = history.changes.iter().filter(|(on, _)| on == host).map(|(_, at)| *at);
    let (until, count) = next_slot(here, budgets.max_changes_per_hour, asked, now)?;
    Some(Deferral { until, exceeded: ExceededLimit::Changes { host: host.clone(), count } })
}

/// When `asked` more fit below a limit for each hour, and how many there were in the last one. A plan
/// that is larger than the limit waits for an hour in which nothing else is done.
pub(super) fn next_slot(
    moments: impl Iterator<Item = DateTime<Utc>>,
    limit: usize,
    asked: usize,
    now: DateTime<Utc>,
) -> Option<(DateTime<Utc>, usize)> {
    let recent: Vec<DateTime<Utc>> = moments.filter(|at| *at > now - HOUR).collect();
    let too_many = (recent.len() + asked).checked_sub(limit).filter(|over| *over > 0)?;
    let last_to_leave = recent.get(too_many.min(recent.len()).checked_sub(1)?)?;
    Some((*last_to_leave + HOUR, recent.len()))
}

/// How many hosts of a group are changed within its window, with those of the plan.
fn blast_radius(
    inventory: &Inventory,
    hosts: &BTreeSet<HostName>,
    history: &RunHistory,
    now: DateTime<Utc>,
) -> Vec<Deferral> {
    let over = |(name, group): (&HostName, &crate::playbook::inventory::Group)| {
        let mine: BTreeSet<&HostName> = group.hosts.intersection(hosts).collect();
        if mine.is_empty() {
            return None;
        }
        let window = TimeDelta::from_std(group.window).unwrap_or(DAY);
        let recent = history.runs.iter().filter(|run| run.last_at() > now - window);
        let changed =
            recent.flat_map(|run| run.hosts.intersection(&group.hosts).map(move |host| (host, run)));
        let others: Vec<(&HostName, &RemediationRun)> =
            changed.filter(|(host, _)| !mine.contains(host)).collect();
        let distinct: BTreeSet<&HostName> = others.iter().map(|(host, _)| *host).collect();
        let allowed = group.allowed();
        if distinct.len() + mine.len() <= allowed {
            return None;
        }
        // A plan that is too large by itself is never small enough; it waits in vain, and is handed over.
        let first = others.iter().map(|(_, run)| run.last_at()).min().unwrap_or(now);
        let over = ExceededLimit::BlastRadius {
            group: name.to_string(),
            allowed,
            changed: distinct.len() + mine.len(),
            window: group.window,
        };
        Some(Deferral { until: first + window, exceeded: over })
    };
    inventory.groups.iter().filter_map(over).collect()
}

#[cfg(test)]
mod tests;
