//! Limits across cases: one case is held to what others have done, and to what they are doing.

use crate::scenarios;
use chrono::TimeDelta;
use fieldmedic::core::case::Case;
use fieldmedic::core::case::event::{CaseId, Event, Source};
use fieldmedic::core::case::outcome::Outcome;
use fieldmedic::core::diagnosis::plan::{Plan, PlannedStep};
use fieldmedic::core::ids::{HostName, PlaybookName};
use fieldmedic::core::playbook::inventory::{Group, Inventory};
use fieldmedic::core::policy::permit::{Policy, Risk};
use fieldmedic::engine::poll;
use fieldmedic::engine::{Shutdown, run_case, run_case_waiting};
use fieldmedic::ports::{Clock, NewCase};
use fieldmedic::scenario::ScenarioRun;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

fn host(name: &str) -> HostName {
    HostName::new(name).expect("a name")
}

/// A scenario with `main` in a group of four hosts, of which one may be changed in an hour.
pub async fn scene() -> ScenarioRun {
    let mut scene = scenarios::scene("worker-down").await;
    let hosts = BTreeSet::from(["main", "a", "b", "c"].map(host));
    let group = Group { hosts, max_percent: 25, window: Duration::from_secs(3600) };
    let groups = BTreeMap::from([(host("group.gis"), group)]);
    scene.agent.inventory = Arc::new(Inventory { groups, ..(*scene.agent.inventory).clone() });
    scene
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

async fn work(scene: &ScenarioRun) -> Case {
    let id = scene.take_in().await.expect("the ticket is taken in");
    let (stop, _pull) = Shutdown::new();
    run_case_waiting(&scene.agent, &id, &stop).await.expect("the case goes on")
}

fn held_back(case: &Case) -> &str {
    match &case.outcome {
        Some(Outcome::Escalated(escalation)) if escalation.code.as_str() == "held-back" => &escalation.why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_second_host_of_a_group_is_left_alone_for_a_while() {
    let scene = scene().await;
    begin_elsewhere(&scene, "a", "anything").await;
    let case = work(&scene).await;
    assert!(held_back(&case).contains("group.gis"), "{}", held_back(&case));
    assert!(!scene.host.lock().log().iter().any(|logged| logged.line.contains("up -d")));
}

#[tokio::test]
async fn a_group_is_held_while_one_of_it_is_changed() {
    let scene = scene().await;
    let other = begin_elsewhere(&scene, "x", "anything").await;
    let now = scene.clock.now();
    let journal = &scene.agent.journal;
    journal
        .acquire_lease(&host("group.gis"), &other, now, Duration::from_secs(30))
        .await
        .expect("it is free");
    let case = work(&scene).await;
    assert_eq!(case.outcome, Some(Outcome::Resolved));
    let records = journal.load(&case.id).await.expect("the journal works");
    let held = records.iter().find_map(|record| match &record.event {
        Event::HostsLeased { hosts, waited } => Some((hosts.clone(), *waited, record.at)),
        _ => None,
    });
    let (hosts, waited, at) = held.expect("it held them");
    assert_eq!(hosts, [host("group.gis"), host("main")]);
    assert!(waited && at >= now + TimeDelta::seconds(30), "{at}");
    assert!(
        records.iter().filter(|record| record.event.kind() == "diagnosed").count() > 2,
        "it looked again"
    );
}

#[tokio::test]
async fn a_short_wait_is_waited_for_and_said() {
    let scene = scene().await;
    begin_elsewhere(&scene, "main", "worker-down").await;
    let id = scene.take_in().await.expect("the ticket is taken in");
    let (stop, _pull) = Shutdown::new();
    let case = run_case(&scene.agent, &id, &stop).await.expect("the case goes on");
    assert!(case.waiting().is_some() && case.leased_hosts.is_empty(), "{case:?}");
    let journal = &scene.agent.journal;
    let other = CaseId::from_text("c00000000000a").expect("a case");
    let free = journal.acquire_lease(&host("main"), &other, scene.clock.now(), Duration::from_secs(1)).await;
    assert!(free.expect("the journal works").is_some(), "a case that waits keeps no host");
    let issue = scene.hub.issue(&scene.ticket).expect("the issue is there");
    assert!(issue.comments[0].body.contains("Waiting until"), "{:?}", issue.comments);
    let case = run_case_waiting(&scene.agent, &id, &stop).await.expect("the case goes on");
    assert_eq!(case.outcome, Some(Outcome::Resolved));
}

#[tokio::test]
async fn a_budget_that_cannot_be_told_holds_everything_back() {
    use fieldmedic::core::decide::{DecisionInput, decide};
    let mut scene = scene().await;
    scene.agent.policy =
        Arc::new(Policy { mode: fieldmedic::core::policy::permit::Mode::Observe, ..Policy::default() });
    let case = work(&scene).await;
    // The same case, as it stood before it was refused, with a policy that would act.
    let records = scene.agent.journal.load(&case.id).await.expect("the journal works");
    let diagnosed =
        records.iter().rposition(|record| record.event.kind() == "diagnosed").expect("a diagnosis");
    let case = Case::fold(&case.id, &records[..=diagnosed]).expect("a history");
    let policy = Policy { mode: fieldmedic::core::policy::permit::Mode::Act, ..Policy::default() };
    let world = DecisionInput {
        library: &scene.agent.library,
        inventory: &scene.agent.inventory,
        policy: &policy,
        pause: None,
        signals: &[],
        history: None,
        now: scene.clock.now(),
    };
    let action = format!("{:?}", decide(&case, world));
    assert!(action.contains("HeldBack"), "{action}");
}

#[tokio::test]
async fn the_label_of_a_halt_stops_its_ticket_alone() {
    let scene = scene().await;
    poll(&scene.agent).await.expect("GitHub answers");
    scene.hub.label(&scene.ticket, "ops-lead", "medic:pause").expect("labelled");
    let id = scene.take_in().await.expect("the ticket is taken in");
    let (stop, _pull) = Shutdown::new();
    let case = run_case(&scene.agent, &id, &stop).await.expect("the case goes on");
    assert!(case.paused.is_some(), "{case:?}");
    assert_eq!(scene.agent.journal.pause_state().await.expect("the journal works"), None);
    assert!(!scene.host.lock().log().iter().any(|logged| logged.line.contains("up -d")));
    scene.hub.unlabel(&scene.ticket, "ops-lead", "medic:pause").expect("unlabelled");
    let case = run_case_waiting(&scene.agent, &id, &stop).await.expect("the case goes on");
    assert_eq!(case.outcome, Some(Outcome::Resolved), "it notices by itself that the label is gone");
}
