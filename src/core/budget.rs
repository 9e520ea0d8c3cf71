//! Budgets: how often, how much and when something may be changed. What is over budget is not refused
//! for good: it is put off until a moment that people are told.

use super::history::{End, History, Run};
use super::inventory::Inventory;
use super::name::{HostName, PlaybookName, SystemName};
use super::policy::Policy;
use super::remedy::Plan;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// The limits in force, over all cases together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budgets {
    /// The least time between two runs of one playbook on one host.
    pub cooldown: Duration,
    /// Opens after runs of one playbook on one host that failed, one after another.
    pub failures: Breaker,
    /// Opens after runs that were proven and needed again: the remedy does not reach the cause.
    pub recurrences: Breaker,
    /// Remedies on one host in an hour.
    pub runs_an_hour: usize,
    /// Changes on one host in an hour.
    pub changes_an_hour: usize,
    /// A case waits so long at most for its budget; what is free again later is handed to a person.
    pub longest_wait: Duration,
}

/// So many within a day, and nothing is begun for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    pub count: usize,
    pub pause: Duration,
}

impl Default for Budgets {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        Self {
            cooldown: Duration::from_secs(5 * MINUTE),
            failures: Breaker { count: 3, pause: Duration::from_secs(HOUR) },
            recurrences: Breaker { count: 3, pause: Duration::from_secs(4 * HOUR) },
            runs_an_hour: 12,
            changes_an_hour: 120,
            longest_wait: Duration::from_secs(15 * MINUTE),
        }
    }
}

const HOUR: TimeDelta = TimeDelta::hours(1);
const DAY: TimeDelta = TimeDelta::days(1);

/// Nothing is begun before that moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delay {
    pub until: DateTime<Utc>,
    pub over: Over,
}

/// Which budget is used up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "budget")]
pub enum Over {
    #[error("{playbook} ran there at {}, and the next run has to wait", .at.format("%H:%M UTC"))]
    Cooldown { playbook: PlaybookName, at: DateTime<Utc> },
    #[error("{playbook} failed {count} times there, one run after another")]
    Failures { playbook: PlaybookName, count: usize },
    #[error("{playbook} was mended {count} times within a day there, and came back each time")]
    Recurrences { playbook: PlaybookName, count: usize },
    #[error("{count} remedies were begun on {host} within an hour")]
    Runs { host: HostName, count: usize },
    #[error("{count} changes were made on {host} within an hour")]
    Changes { host: HostName, count: usize },
    #[error("of the group {group}, {} may be changed within {}, and with this plan it would be {changed}", .allowed, humantime::format_duration(*.window))]
    BlastRadius { group: String, allowed: usize, changed: usize, window: Duration },
    #[error("nothing is changed now: {why}")]
    Freeze { why: String },
}

/// What puts a plan off; if several budgets are used up, the one that is free again last.
pub fn delay(
    policy: &Policy,
    inventory: &Inventory,
    system: &SystemName,
    plan: &Plan,
    history: &History,
    now: DateTime<Utc>,
) -> Option<Delay> {
    let hosts = plan.hosts();
    let runs: Vec<&Run> = history.runs_of(&plan.playbook, &hosts).collect();
    let budgets = &policy.budgets;
    let of_playbook = [
        cooldown(budgets, plan, &runs),
        failures(budgets, plan, &runs, now),
        recurrences(budgets, system, plan, &runs, now),
    ];
    let of_hosts = hosts.iter().flat_map(|host| {
        [runs_an_hour(budgets, host, history, now), changes_an_hour(budgets, plan, host, history, now)]
    });
    let freezes = policy.freezes.iter().map(|freeze| {
        let until = freeze.until(now)?;
        Some(Delay { until, over: Over::Freeze { why: freeze.why.clone() } })
    });
    let all = of_playbook.into_iter().chain(of_hosts).chain(freezes);
    let all = all.flatten().chain(blast_radius(inventory, &hosts, history, now));
    all.filter(|delay| delay.until > now).max_by_key(|delay| delay.until)
}

fn cooldown(budgets: &Budgets, plan: &Plan, runs: &[&Run]) -> Option<Delay> {
    let at = runs.iter().map(|run| run.last_at()).max()?;
    let over = Over::Cooldown { playbook: plan.playbook.clone(), at };
    Some(Delay { until: at + budgets.cooldown, over })
}

fn failures(budgets: &Budgets, plan: &Plan, runs: &[&Run], now: DateTime<Utc>) -> Option<Delay> {
    let failed = |run: &&&Run| matches!(run.end, Some(End::Failed(at)) if at > now - DAY);
    let count = runs.iter().rev().take_while(failed).count();
    if count < budgets.failures.count {
        return None;
    }
    let over = Over::Failures { playbook: plan.playbook.clone(), count };
    Some(Delay { until: runs.last()?.last_at() + budgets.failures.pause, over })
}

fn recurrences(
    budgets: &Budgets,
    system: &SystemName,
    plan: &Plan,
    runs: &[&Run],
    now: DateTime<Utc>,
) -> Option<Delay> {
    let mended = runs.iter().filter_map(|run| run.mended(system));
    let mended: Vec<DateTime<Utc>> = mended.filter(|at| *at > now - DAY).collect();
    if mended.len() < budgets.recurrences.count {
        return None;
    }
    let over = Over::Recurrences { playbook: plan.playbook.clone(), count: mended.len() };
    Some(Delay { until: *mended.last()? + budgets.recurrences.pause, over })
}

fn runs_an_hour(budgets: &Budgets, host: &HostName, history: &History, now: DateTime<Utc>) -> Option<Delay> {
    let here = history.runs.iter().filter(|run| run.hosts.contains(host)).map(|run| run.at);
    let (until, count) = free_again(here, budgets.runs_an_hour, 1, now)?;
    Some(Delay { until, over: Over::Runs { host: host.clone(), count } })
}

fn changes_an_hour(
    budgets: &Budgets,
    plan: &Plan,
    host: &HostName,
    history: &History,
    now: DateTime<Utc>,
) -> Option<Delay> {
    let asked = plan.steps.iter().filter(|step| step.host == *host).count();
    let here = history.changes.iter().filter(|(on, _)| on == host).map(|(_, at)| *at);
    let (until, count) = free_again(here, budgets.changes_an_hour, asked, now)?;
    Some(Delay { until, over: Over::Changes { host: host.clone(), count } })
}

/// When `asked` more fit below a limit for each hour, and how many there were in the last one. A plan
/// that is larger than the limit waits for an hour in which nothing else is done.
fn free_again(
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
    history: &History,
    now: DateTime<Utc>,
) -> Vec<Delay> {
    let over = |(name, group): (&HostName, &super::inventory::Group)| {
        let mine: BTreeSet<&HostName> = group.hosts.intersection(hosts).collect();
        if mine.is_empty() {
            return None;
        }
        let window = TimeDelta::from_std(group.window).unwrap_or(DAY);
        let recent = history.runs.iter().filter(|run| run.last_at() > now - window);
        let changed =
            recent.flat_map(|run| run.hosts.intersection(&group.hosts).map(move |host| (host, run)));
        let others: Vec<(&HostName, &Run)> = changed.filter(|(host, _)| !mine.contains(host)).collect();
        let distinct: BTreeSet<&HostName> = others.iter().map(|(host, _)| *host).collect();
        let allowed = group.allowed();
        if distinct.len() + mine.len() <= allowed {
            return None;
        }
        // A plan that is too large by itself is never small enough; it waits in vain, and is handed over.
        let first = others.iter().map(|(_, run)| run.last_at()).min().unwrap_or(now);
        let over = Over::BlastRadius {
            group: name.to_string(),
            allowed,
            changed: distinct.len() + mine.len(),
            window: group.window,
        };
        Some(Delay { until: first + window, over })
    };
    inventory.groups.iter().filter_map(over).collect()
}

#[cfg(test)]
mod tests;
