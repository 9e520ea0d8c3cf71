//! What each budget allows, told as a table: what was done before, and until when the next has to wait.

use crate::case::event::CaseId;
use crate::diagnosis::plan::PlannedStep;
use crate::ids::PlaybookName;
use crate::playbook::command::Unrenderable;
use crate::playbook::inventory::Group;
use crate::policy::change_freeze::{ChangeFreeze, Window};
use crate::policy::limits::*;
use crate::policy::permit::{Policy, Risk};
use std::collections::BTreeMap;

fn now() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn host(name: &str) -> HostName {
    HostName::new(name).unwrap()
}

fn system(name: &str) -> SystemName {
    SystemName::new(name).unwrap()
}

fn playbook(name: &str) -> PlaybookName {
    PlaybookName::new(name).unwrap()
}

/// A run that ended so many minutes ago, and took one.
fn run(name: &str, on: &str, ended: i64, end: fn(DateTime<Utc>) -> RunResult) -> RemediationRun {
    let at = now() - TimeDelta::minutes(ended);
    RemediationRun {
        case: CaseId::from_text("c0123456789ab").unwrap(),
        ticket: "example/tickets#1".parse().unwrap(),
        system: Some(system("gis")),
        playbook: playbook(name),
        hosts: BTreeSet::from([host(on)]),
        at: at - TimeDelta::minutes(1),
        end: Some(end(at)),
    }
}

fn plan(on: &[&str]) -> Plan {
    let step = |on: &&str| PlannedStep {
        name: "start".into(),
        host: host(on),
        command: Err(Unrenderable::Unknown { name: "x".into(), reason: "it was not read".into() }),
        rollback: None,
        backup: None,
    };
    Plan { playbook: playbook("p"), risk: Risk::Low, steps: on.iter().map(step).collect(), hash: "h".into() }
}

fn waits(
    policy: &Policy,
    inventory: &Inventory,
    on: &[&str],
    history: RunHistory,
) -> Option<(i64, ExceededLimit)> {
    let delay = deferral(
        &policy.limits,
        &policy.change_freezes,
        inventory,
        &system("gis"),
        &plan(on),
        &history,
        now(),
    )?;
    Some(((delay.until - now()).num_minutes(), delay.exceeded))
}

#[test]
fn one_playbook_on_one_host_is_held_to_its_past() {
    use RunResult::{Failed, Fixed};
    for (runs, minutes) in [
        (vec![], None),
        // The cooldown counts from the end of the last run, on this host alone.
        (vec![run("p", "a", 2, Fixed)], Some(3)),
        (vec![run("p", "a", 5, Fixed)], None),
        (vec![run("p", "b", 2, Fixed), run("q", "a", 2, Fixed)], None),
        // Three failures, one after another, open for an hour after the last.
        (vec![run("p", "a", 300, Failed), run("p", "a", 200, Failed), run("p", "a", 10, Failed)], Some(50)),
        (vec![run("p", "a", 300, Failed), run("p", "a", 200, Failed), run("p", "a", 60, Failed)], None),
        (vec![run("p", "a", 300, Failed), run("p", "a", 200, Fixed), run("p", "a", 10, Failed)], None),
        (vec![run("p", "a", 2000, Failed), run("p", "a", 200, Failed), run("p", "a", 10, Failed)], None),
        // Mended three times within a day and needed again: four hours.
        (vec![run("p", "a", 900, Fixed), run("p", "a", 500, Fixed), run("p", "a", 60, Fixed)], Some(180)),
        (vec![run("p", "a", 900, Fixed), run("p", "a", 500, Fixed), run("p", "a", 240, Fixed)], None),
        (vec![run("p", "a", 2000, Fixed), run("p", "a", 500, Fixed), run("p", "a", 60, Fixed)], None),
    ] {
        let history = RunHistory { runs: runs.clone(), ..RunHistory::default() };
        let policy = Policy::default();
        let got = waits(&policy, &Inventory::default(), &["a"], history);
        assert_eq!(got.map(|(minutes, _)| minutes), minutes, "{runs:?}");
    }
}

#[test]
fn what_was_mended_for_another_system_of_the_host_is_no_recurrence() {
    let mut runs: Vec<RemediationRun> =
        [900, 500, 60].map(|ended| run("p", "a", ended, RunResult::Fixed)).to_vec();
    let policy = Policy::default();
    let recurs = |runs: &[RemediationRun]| {
        let history = RunHistory { runs: runs.to_vec(), ..RunHistory::default() };
        waits(&policy, &Inventory::default(), &["a"], history).is_some()
    };
    assert!(recurs(&runs));
    runs[1].system = Some(system("another"));
    assert!(!recurs(&runs));
}

#[test]
fn a_run_that_is_under_way_counts() {
    let mut under_way = run("p", "a", 0, RunResult::Fixed);
    (under_way.at, under_way.end) = (now() - TimeDelta::minutes(2), None);
    let history = RunHistory { runs: vec![under_way], ..RunHistory::default() };
    let got = waits(&Policy::default(), &Inventory::default(), &["a"], history);
    assert_eq!(got.map(|(minutes, _)| minutes), Some(3));
}

#[test]
fn an_hour_holds_so_many_runs_and_changes_on_a_host() {
    let minutes_ago = |minutes| now() - TimeDelta::minutes(minutes);
    let budgets = Limits { max_remediations_per_hour: 2, max_changes_per_hour: 3, ..Limits::default() };
    let policy = Policy { limits: budgets, ..Policy::default() };
    let two = vec![run("q", "a", 40, RunResult::Fixed), run("r", "a", 20, RunResult::Failed)];
    let got = waits(
        &policy,
        &Inventory::default(),
        &["a"],
        RunHistory { runs: two.clone(), ..RunHistory::default() },
    );
    assert_eq!(got, Some((19, ExceededLimit::Runs { host: host("a"), count: 2 })));
    let elsewhere =
        waits(&policy, &Inventory::default(), &["b"], RunHistory { runs: two, ..RunHistory::default() });
    assert_eq!(elsewhere, None);

    let changes = [50, 30, 10].map(|minutes| (host("a"), minutes_ago(minutes))).to_vec();
    let history = RunHistory { changes, ..RunHistory::default() };
    let two_steps = waits(&policy, &Inventory::default(), &["a", "a"], history.clone());
    assert_eq!(two_steps, Some((30, ExceededLimit::Changes { host: host("a"), count: 3 })));
    let larger_than_the_limit = waits(&policy, &Inventory::default(), &["a"; 4], history);
    assert_eq!(larger_than_the_limit.map(|(minutes, _)| minutes), Some(50));
    let idle = waits(&policy, &Inventory::default(), &["a"; 4], RunHistory::default());
    assert_eq!(idle, None);
}

#[test]
fn only_a_share_of_a_group_is_changed_in_its_window() {
    let hosts = ["a", "b", "c", "d"].map(host);
    let group = |share| Group {
        hosts: BTreeSet::from(hosts.clone()),
        max_percent: share,
        window: Duration::from_secs(3600),
    };
    let inventory = |share| Inventory {
        groups: BTreeMap::from([(host("group.web"), group(share))]),
        ..Inventory::default()
    };
    let history = || RunHistory { runs: vec![run("q", "a", 20, RunResult::Fixed)], ..RunHistory::default() };
    for (share, on, minutes) in [
        (25, vec!["b"], Some(40)),
        (50, vec!["b"], None),
        (50, vec!["b", "c"], Some(40)),
        // The host that was changed already is not one more.
        (25, vec!["a"], None),
        (1, vec!["a"], None),
        (100, vec!["b", "c", "d"], None),
        (25, vec!["x"], None),
    ] {
        let got = waits(&Policy::default(), &inventory(share), &on, history());
        assert_eq!(got.map(|(minutes, _)| minutes), minutes, "{share} % {on:?}");
    }
    let too_large = waits(&Policy::default(), &inventory(25), &["b", "c"], RunHistory::default());
    assert_eq!(too_large.map(|(minutes, _)| minutes), Some(60));
}

#[test]
fn the_last_release_counts() {
    let until = now() + TimeDelta::minutes(7);
    let freeze =
        ChangeFreeze { window: Window::Once { from: now(), until }, reason: "the end of the month".into() };
    let policy = Policy { change_freezes: vec![freeze], ..Policy::default() };
    let history = RunHistory { runs: vec![run("p", "a", 2, RunResult::Fixed)], ..RunHistory::default() };
    let got = waits(&policy, &Inventory::default(), &["a"], history);
    assert_eq!(got, Some((7, ExceededLimit::ChangeFreeze { why: "the end of the month".into() })));
}
