//! What the limits hold back now, whatever is planned: for people who ask why nothing happens.

use crate::ids::{HostName, PlaybookName, SystemName};
use crate::playbook::inventory::Inventory;
use crate::policy::deferral::{Deferral, ExceededLimit};
use crate::policy::limits::{Limits, cooldown, failures, next_slot, recurrences, runs_an_hour};
use crate::policy::run_history::{RemediationRun, RunHistory};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;

/// A limit that would put off the next plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingLimit {
    /// Where it holds: the name of a host, or of a group of hosts.
    pub place: HostName,
    /// The playbook that it holds for; `None`: for every one.
    pub playbook: Option<PlaybookName>,
    /// Which limit, and until when.
    pub deferral: Deferral,
}

/// Every limit that holds something back at `now`; the one that ends first stands first.
pub fn standing_limits(
    limits: &Limits,
    inventory: &Inventory,
    history: &RunHistory,
    now: DateTime<Utc>,
) -> Vec<StandingLimit> {
    let mut found = Vec::new();
    let hosts: BTreeSet<&HostName> = history.runs.iter().flat_map(|run| &run.hosts).collect();
    for host in hosts {
        let here = BTreeSet::from([host.clone()]);
        let playbooks: BTreeSet<&PlaybookName> =
            history.runs.iter().filter(|run| run.hosts.contains(host)).map(|run| &run.playbook).collect();
        for playbook in playbooks {
            let runs: Vec<&RemediationRun> = history.runs_of(playbook, &here).collect();
            let systems: BTreeSet<&SystemName> = runs.iter().filter_map(|run| run.system.as_ref()).collect();
            let recurred =
                systems.iter().filter_map(|system| recurrences(limits, system, playbook, &runs, now));
            let of_playbook = cooldown(limits, playbook, &runs).into_iter();
            let of_playbook = of_playbook.chain(failures(limits, playbook, &runs, now)).chain(recurred);
            // Of several, people wait for the last.
            if let Some(deferral) = of_playbook.max_by_key(|deferral| deferral.until) {
                found.push(StandingLimit { place: host.clone(), playbook: Some(playbook.clone()), deferral });
            }
        }
        let changes = history.changes.iter().filter(|(on, _)| on == host).map(|(_, at)| *at);
        let changes = next_slot(changes, limits.max_changes_per_hour, 1, now).map(|(until, count)| {
            Deferral { until, exceeded: ExceededLimit::Changes { host: host.clone(), count } }
        });
        let of_host = runs_an_hour(limits, host, history, now).into_iter().chain(changes);
        if let Some(deferral) = of_host.max_by_key(|deferral| deferral.until) {
            found.push(StandingLimit { place: host.clone(), playbook: None, deferral });
        }
    }
    found.extend(full_groups(inventory, history, now));
    found.retain(|limit| limit.deferral.until > now);
    found.sort_by_key(|limit| limit.deferral.until);
    found
}

/// The groups of which no further host may be changed.
fn full_groups(
    inventory: &Inventory,
    history: &RunHistory,
    now: DateTime<Utc>,
) -> impl Iterator<Item = StandingLimit> {
    inventory.groups.iter().filter_map(move |(name, group)| {
        let window = TimeDelta::from_std(group.window).ok()?;
        let recent = || {
            let recent = history.runs.iter().filter(move |run| run.last_at() > now - window);
            recent.filter(|run| !run.hosts.is_disjoint(&group.hosts))
        };
        let changed: BTreeSet<&HostName> =
            recent().flat_map(|run| run.hosts.intersection(&group.hosts)).collect();
        let allowed = group.allowed();
        if changed.len() < allowed {
            return None;
        }
        let until = recent().map(RemediationRun::last_at).min()? + group.window;
        let exceeded = ExceededLimit::BlastRadius {
            group: name.to_string(),
            allowed,
            changed: changed.len() + 1,
            window: group.window,
        };
        Some(StandingLimit { place: name.clone(), playbook: None, deferral: Deferral { until, exceeded } })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::CaseId;
    use crate::playbook::inventory::Group;
    use crate::policy::run_history::RunResult;
    use std::time::Duration;

    fn run(host: &str, started: DateTime<Utc>, fixed: bool) -> RemediationRun {
        let at = started + TimeDelta::minutes(1);
        RemediationRun {
            case: CaseId::derive(&host, &started.to_string()),
            ticket: "example/tickets#1".parse().unwrap(),
            system: Some(SystemName::new("north").unwrap()),
            playbook: PlaybookName::new("worker-down").unwrap(),
            hosts: BTreeSet::from([HostName::new(host).unwrap()]),
            at: started,
            end: Some(if fixed { RunResult::Fixed(at) } else { RunResult::Failed(at) }),
        }
    }

    #[test]
    fn what_holds_back_the_next_plan_is_listed_with_its_end() {
        let now: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
        let group = Group {
            hosts: ["web-1", "web-2"].map(|name| HostName::new(name).unwrap()).into(),
            max_percent: 50,
            window: Duration::from_secs(1800),
        };
        let inventory = Inventory {
            groups: [(HostName::new("group-web").unwrap(), group)].into(),
            ..Inventory::default()
        };
        let minutes = |ago: i64| now - TimeDelta::minutes(ago);
        let history = RunHistory {
            runs: vec![
                // Three failures in a row: the breaker is open for an hour.
                run("db", minutes(50), false),
                run("db", minutes(40), false),
                run("db", minutes(30), false),
                // It cools down for five minutes, and half of its group has been changed.
                run("web-1", minutes(4), true),
                // That is long over.
                run("mail", minutes(400), true),
            ],
            changes: Vec::new(),
        };
        let limits = standing_limits(&Limits::default(), &inventory, &history, now);
        let told: Vec<(String, i64)> = limits
            .iter()
            .map(|limit| (limit.place.to_string(), (limit.deferral.until - now).num_minutes()))
            .collect();
        let expect = [("web-1", 2), ("group-web", 27), ("db", 31)].map(|(name, in_)| (name.to_owned(), in_));
        assert_eq!(told, expect);
        assert!(matches!(limits[2].deferral.exceeded, ExceededLimit::Failures { count: 3, .. }));
        assert_eq!(standing_limits(&Limits::default(), &inventory, &RunHistory::default(), now), []);
    }
}
