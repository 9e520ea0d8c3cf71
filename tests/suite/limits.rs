//! Limits across cases: what other cases did, or are doing, holds a case back.

use crate::scenarios;
use crate::snapshots::as_shown;
use crate::test_agent::{TestAgent, outcome};
use chrono::TimeDelta;
use fieldmedic::core::case::Case;
use fieldmedic::core::case::event::{CaseId, Event, Source};
use fieldmedic::core::case::outcome::Outcome;
use fieldmedic::core::decide::{DecisionInput, decide};
use fieldmedic::core::diagnosis::plan::{Plan, PlannedStep};
use fieldmedic::core::ids::{HostName, PlaybookName};
use fieldmedic::core::playbook::inventory::{Group, Inventory};
use fieldmedic::core::policy::permit::{Mode, Policy, Risk};
use fieldmedic::engine::Context;
use fieldmedic::ports::{Clock, NewCase};
use fieldmedic::scenario::ScenarioRun;
use insta::assert_snapshot;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

fn host(name: &str) -> HostName {
    HostName::new(name).expect("a name")
}

/// Puts `main` into a group of four hosts, of which one may be changed in an hour.
fn join_group(context: &mut Context) {
    let hosts = BTreeSet::from(["main", "a", "b", "c"].map(host));
    let group = Group { hosts, max_percent: 25, window: Duration::from_secs(3600) };
    let groups = BTreeMap::from([(host("group.gis"), group)]);
    context.inventory = Arc::new(Inventory { groups, ..(*context.inventory).clone() });
}

/// The scenario with the group.
pub async fn scene() -> ScenarioRun {
    let mut scene = scenarios::scene("worker-down").await;
    join_group(&mut scene.agent);
    scene
}

async fn agent_in_group() -> TestAgent {
    TestAgent::on("worker-down").context(join_group).build().await
}

/// Another case, which has begun to change this host.
pub async fn begin_elsewhere(scene: &ScenarioRun, on: &str, name: &str) -> CaseId {
    let journal = &scene.agent.journal;
    let mut ticket = scene.agent.forge.ticket(&scene.ticket).await.expect("the ticket");
    ticket.id.number += 100;
    let (id, at) = (CaseId::derive(&ticket.id, "elsewhere"), scene.clock.now());
    let first = Event::Opened {
        ticket: ticket.clone(),
        source: Source::Poll,
        library: scene.agent.library.hash.clone(),
    };
    let opening =
        NewCase { case: id.clone(), ticket: ticket.id, key: "elsewhere".into(), also: vec![], at, first };
    journal.open_case(&opening).await.expect("the journal works");
    let form = json!({ "form": { "words": ["true"] }, "cwd": null, "sudo": false, "timeout_ms": 1000 });
    let command = serde_json::from_value(form).expect("a command");
    let step = PlannedStep {
        name: "begin".into(),
        host: host(on),
        command: Ok(command),
        rollback: None,
        backup: None,
    };
    let playbook = PlaybookName::new(name).expect("a name");
    let plan = Plan { playbook, risk: Risk::Low, steps: vec![step], hash: "h".into() };
    journal.append(&id, 1, at, &Event::RemediationStarted(plan)).await.expect("the journal works");
    id
}

async fn work(agent: &TestAgent) -> Case {
    agent.works(&agent.opens_case().await).await
}

fn held_back(case: &Case) -> String {
    match &case.outcome {
        Some(Outcome::Escalated(escalation)) if escalation.code.as_str() == "held-back" => {
            format!("{:?}", escalation.detail)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_second_host_of_a_group_is_not_changed_within_the_window() {
    let agent = agent_in_group().await;
    begin_elsewhere(agent.run(), "a", "anything").await;
    let case = work(&agent).await;
    assert!(held_back(&case).contains("group.gis"), "{}", held_back(&case));
    assert_eq!(agent.changes(), 0);
    agent.sees(&["report", "call"]);
}

#[tokio::test]
async fn a_group_is_leased_while_one_of_its_hosts_is_changed() {
    let agent = agent_in_group().await;
    let other = begin_elsewhere(agent.run(), "x", "anything").await;
    let now = agent.clock().now();
    let lease = agent.journal().acquire_lease(&host("group.gis"), &other, now, Duration::from_secs(30)).await;
    assert!(lease.expect("the journal works").is_some(), "it is free");
    let case = work(&agent).await;
    assert_eq!(outcome(&case), "resolved");
    let records = agent.records(&case.id).await;
    let leased = records.iter().find_map(|record| match &record.event {
        Event::HostsLeased { hosts, waited } => Some((hosts.clone(), *waited, record.at)),
        _ => None,
    });
    let (hosts, waited, at) = leased.expect("it leased them");
    assert_eq!(hosts, [host("group.gis"), host("main")]);
    assert!(waited && at >= now + TimeDelta::seconds(30), "{at}");
    let diagnoses = records.iter().filter(|record| record.event.kind() == "diagnosed").count();
    assert!(diagnoses > 2, "it probed again after the wait");
    agent.sees(&["status", "report"]);
}

#[tokio::test]
async fn a_short_deferral_is_waited_for_and_published() {
    let agent = agent_in_group().await;
    begin_elsewhere(agent.run(), "main", "worker-down").await;
    let id = agent.opens_case().await;
    let case = agent.works_without_waiting(&id).await;
    assert!(case.waiting().is_some() && case.leased_hosts.is_empty(), "{case:?}");
    let other = CaseId::from_text("c00000000000a").expect("a case");
    let now = agent.clock().now();
    let lease = agent.journal().acquire_lease(&host("main"), &other, now, Duration::from_secs(1)).await;
    assert!(lease.expect("the journal works").is_some(), "a case that waits leases no host");
    assert_snapshot!(as_shown(&agent.comment("status")), @"
    <!-- fieldmedic case=[case] kind=status -->
    ### 🩺 Deferred · `qfieldcloud`

    ⏱️ **Deferred until [time] UTC**: worker-down ran there at [time] UTC, and the next run has to wait.

    - 🔎 Worker containers are not running: 0 of 4 workers are running

    <details><summary>Evidence: 22 probes</summary> … </details>

    <sub>Case `[case]` · as of [time] UTC</sub>
    ");
    let case = agent.works(&id).await;
    assert_eq!(outcome(&case), "resolved");
    agent.sees(&["status", "report"]);
}

#[tokio::test]
async fn limits_that_cannot_be_evaluated_hold_everything_back() {
    let agent = TestAgent::on("worker-down").context(join_group).observe_mode().build().await;
    let case = work(&agent).await;
    // The same case as it stood before it was refused, with a policy that would act.
    let records = agent.records(&case.id).await;
    let diagnosed = records.iter().rposition(|record| record.event.kind() == "diagnosed");
    let case = Case::fold(&case.id, &records[..=diagnosed.expect("a diagnosis")]).expect("a history");
    let policy = Policy { mode: Mode::Act, ..Policy::default() };
    let input = DecisionInput {
        library: &agent.context().library,
        inventory: &agent.context().inventory,
        policy: &policy,
        pause: None,
        signals: &[],
        history: None,
        now: agent.clock().now(),
    };
    let action = format!("{:?}", decide(&case, input));
    assert!(action.contains("HeldBack"), "{action}");
    agent.sees(&["report", "call"]);
}

#[tokio::test]
async fn the_pause_label_stops_its_ticket_alone() {
    let agent = agent_in_group().await;
    agent.polls().await;
    agent.github().label(agent.ticket(), "ops-lead", "medic:pause").expect("labelled");
    let id = agent.opens_case().await;
    let case = agent.works_without_waiting(&id).await;
    assert!(case.paused.is_some(), "{case:?}");
    assert_eq!(agent.pause().await, None, "nothing else is paused");
    assert_eq!(agent.changes(), 0);
    agent.github().unlabel(agent.ticket(), "ops-lead", "medic:pause").expect("unlabelled");
    let case = agent.works(&id).await;
    assert_eq!(outcome(&case), "resolved", "it notices that the label is gone");
    agent.sees(&["status", "report"]);
}
