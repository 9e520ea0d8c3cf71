//! The doors: what a webhook brings is kept before it is answered, worked once, and not lost by anybody's
//! death.

use crate::harness::{Rig, terminate, until};
use crate::porter::{Porter, SECRET};
use crate::scenarios;
use crate::taps::{Broken, Deed, Tap, tapped};
use async_trait::async_trait;
use chrono::TimeDelta;
use fieldmedic::core::policy::schedule::Schedule;
use fieldmedic::core::ticket::TicketId;
use fieldmedic::engine::{Context, DueCheck, ScheduledTask, Shutdown};
use fieldmedic::engine::{poll, redeliver};
use fieldmedic::ports::{Clock, Journal, Store};
use fieldmedic::sandbox::github::{FaultPoint, Hooks, InjectedFault, RepoRole};
use fieldmedic::scenario::ScenarioRun;
use fieldmedic::store::Sqlite;
use fieldmedic::web;
use http::{Method, StatusCode};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::net::TcpListener;

const MEDIC: &str = "fieldmedic-bot";

/// A healthy system with a ticket.
async fn scene() -> ScenarioRun {
    scenarios::scene("status").await
}

/// The same, and webhooks that wait to be brought.
async fn held() -> ScenarioRun {
    let scene = scene().await;
    scene.hub.hold_webhooks(SECRET);
    scene
}

fn file(scene: &ScenarioRun, title: &str) -> TicketId {
    let repo = &scene.ticket.repo;
    scene.hub.file(repo, "field-agent", title, "", &["support"]).expect("it is filed")
}

async fn cases(journal: &dyn Store) -> usize {
    journal.cases(1000).await.expect("the journal can be read").len()
}

#[tokio::test]
async fn the_same_webhook_ten_times_at_once_opens_one_case() {
    let scene = held().await;
    let mut porter = Porter::new(&scene.agent);
    file(&scene, "Please check QField system status");
    // Opened and labelled, as GitHub tells of an issue that is filed with a label.
    let letters = scene.hub.fetch_webhooks();
    assert!(!letters.is_empty());
    for letter in &letters {
        let brought = (0..10).map(|_| porter.bring(letter));
        for status in futures_of(brought).await {
            assert_eq!(status, StatusCode::ACCEPTED);
        }
    }
    assert_eq!(porter.work().await.len(), 1);
    assert_eq!(cases(&*scene.agent.journal).await, 1);
    assert_eq!(porter.bring(&letters[0]).await, StatusCode::ACCEPTED, "and again, when it was worked");
    assert_eq!((porter.work().await.len(), cases(&*scene.agent.journal).await), (0, 1));
}

/// Polls them side by side.
async fn futures_of<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut all: Vec<_> = futures.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        all.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(value) => {
                done.push(value);
                false
            }
            std::task::Poll::Pending => true,
        });
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}

/// A journal that cannot keep what comes in, a few times.
struct Full(AtomicU32);

#[async_trait]
impl Tap for Full {
    async fn before(&self, deed: Deed<'_>) -> Result<(), Broken> {
        let is_full = matches!(deed, Deed::Write("receive"))
            && self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if is_full { Err(Broken("the disk is full".into())) } else { Ok(()) }
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_answered_for() {
    let scene = held().await;
    let mut porter = Porter::new(&tapped(&scene.agent, Arc::new(Full(AtomicU32::new(1)))));
    file(&scene, "Please check QField system status");
    let letter = scene.hub.fetch_webhooks().remove(0);
    assert_eq!(porter.bring(&letter).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(porter.bring(&letter).await, StatusCode::ACCEPTED, "GitHub is asked to bring it again");
    assert_eq!(porter.work().await.len(), 1);
}

#[tokio::test]
async fn what_was_answered_for_outlives_the_process() {
    let scene = held().await;
    let dying = Porter::new(&scene.agent);
    let id = file(&scene, "Please check QField system status");
    for letter in scene.hub.fetch_webhooks() {
        assert_eq!(dying.bring(&letter).await, StatusCode::ACCEPTED);
    }
    assert_eq!(cases(&*scene.agent.journal).await, 0, "the work comes after the answer");
    drop(dying);
    assert_eq!(Porter::new(&scene.agent).work().await.len(), 1);
    assert_eq!(scene.agent.journal.cases(10).await.expect("it can be read")[0].ticket, id);
}

#[tokio::test]
async fn what_github_cannot_be_asked_about_now_is_worked_later() {
    let scene = held().await;
    let mut porter = Porter::new(&scene.agent);
    let repo = &scene.ticket.repo;
    let plain = scene
        .hub
        .file(repo, "field-agent", "Please check QField system status", "", &[])
        .expect("it is filed");
    scene.hub.comment(&plain, "ops-lead", "/qfield:support").expect("commented");
    scene.hub.inject(InjectedFault::BadGateway, FaultPoint::Call(Method::GET, "/permission".into()), 1);
    for letter in scene.hub.fetch_webhooks() {
        assert!(porter.bring(&letter).await.is_success());
    }
    assert_eq!(porter.work().await.len(), 0, "it is not guessed");
    scene.clock.set(scene.clock.now() + TimeDelta::seconds(61));
    assert_eq!(porter.work().await.len(), 1, "and not lost");
}

#[tokio::test]
async fn what_github_could_not_deliver_is_asked_for_again() {
    let scene = scene().await;
    scene.hub.grant(&scene.ticket.repo, MEDIC, RepoRole::Admin);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    scene.hub.hook(Hooks { url: format!("http://{address}/webhook"), secret: SECRET.into() });
    let id = file(&scene, "Please check QField system status");
    scene.hub.delivered().await;
    assert_eq!(redeliver(&scene.agent).await.expect("GitHub answers"), 0, "GitHub may still be at it");

    let listener = TcpListener::bind(address).await.expect("the same port");
    let mut porter = Porter::new(&scene.agent);
    tokio::spawn(web::serve(listener, porter.router.clone(), std::future::pending()));
    scene.clock.set(scene.clock.now() + TimeDelta::minutes(3));
    let asked = redeliver(&scene.agent).await.expect("GitHub answers");
    assert!(asked >= 1, "{asked}");
    porter.work_on().await;
    assert_eq!(scene.agent.journal.cases(10).await.expect("it can be read")[0].ticket, id);
    scene.hub.delivered().await;
    scene.clock.set(scene.clock.now() + TimeDelta::minutes(3));
    assert_eq!(redeliver(&scene.agent).await.expect("GitHub answers"), 0, "it has come through");
}

#[tokio::test]
async fn a_poll_that_finds_nothing_new_costs_nothing() {
    let scene = scene().await;
    let poll_at = async |minutes| {
        scene.clock.set(scene.clock.now() + TimeDelta::minutes(minutes));
        let before = scene.hub.requests().len();
        let opened = poll(&scene.agent).await.expect("GitHub answers").len();
        let requests = scene.hub.requests().split_off(before);
        (opened, requests.iter().filter(|request| request.status != Some(304)).count())
    };
    assert_eq!(poll_at(0).await.0, 1, "the ticket of the scene");
    poll_at(1).await;
    for _ in 0..3 {
        assert_eq!(poll_at(60).await, (0, 0));
    }
    // However long nothing was new, what is written then is read.
    let id = file(&scene, "Please check QField system status");
    assert_eq!(poll_at(1).await.0, 1);
    scene.hub.comment(&id, "ops-lead", "/qfield:support cancel").expect("commented");
    poll_at(1).await;
    assert!(scene.hub.requests().iter().any(|request| request.path.ends_with("/reactions")), "it was heard");
}

#[tokio::test]
async fn a_ticket_that_named_no_system_is_taken_again_when_it_is_edited() {
    let scene = held().await;
    let inventory = fieldmedic::core::playbook::inventory::Inventory {
        // With two of them a ticket has to say which.
        systems: ["qfieldcloud", "another"]
            .into_iter()
            .map(|name| {
                let site = scene.agent.inventory.systems.values().next().expect("a site");
                let name = fieldmedic::core::ids::SystemName::new(name).expect("a name");
                (name.clone(), fieldmedic::core::playbook::inventory::System { name, ..site.clone() })
            })
            .collect(),
        ..(*scene.agent.inventory).clone()
    };
    let agent = Context { inventory: Arc::new(inventory), ..scene.agent.clone() };
    let mut porter = Porter::new(&agent);
    let id = file(&scene, "Something is odd");
    let cases_of = async |id: &TicketId| {
        let cases = agent.journal.cases(1000).await.expect("the journal can be read");
        cases.iter().filter(|case| case.ticket == *id).count()
    };
    for letter in scene.hub.fetch_webhooks() {
        porter.bring(&letter).await;
    }
    let (stop, _pull) = Shutdown::new();
    let [first] = &porter.work().await[..] else { panic!("one case") };
    let case = fieldmedic::engine::run_case_waiting(&agent, first, &stop).await.expect("it is driven");
    assert_eq!(case.outcome.expect("it ended").word(), "escalated");
    poll(&agent).await.expect("GitHub answers");
    assert_eq!(cases_of(&id).await, 1, "the agent's own label and comments are no new words");
    scene.clock.set(scene.clock.now() + TimeDelta::seconds(5));
    scene.hub.retitle(&id, "field-agent", "Something is odd with qfieldcloud").expect("edited");
    for letter in scene.hub.fetch_webhooks() {
        porter.bring(&letter).await;
    }
    assert_eq!(porter.work().await.len(), 1, "the new words open one");
    poll(&agent).await.expect("GitHub answers");
    assert_eq!(cases_of(&id).await, 2, "once by every door");
}

#[tokio::test]
async fn what_was_missed_is_made_up_for_once_and_by_one() {
    let scene = held().await;
    let agent = &scene.agent;
    let rhythm = Schedule::parse("0 6 * * *", "UTC").expect("a rhythm");
    let schedule = ScheduledTask { name: "sweep systems", schedule: rhythm };
    let at = |text: &str| text.parse().expect("a moment");
    scene.clock.set(at("2026-11-20T05:00:00Z"));
    assert_eq!(schedule.check_due(agent).await, Ok(DueCheck::Later(at("2026-11-20T06:00:00Z"))));
    scene.clock.set(at("2026-11-20T06:00:00Z"));
    assert_eq!(schedule.check_due(agent).await, Ok(DueCheck::Due { missed: None }));
    assert!(matches!(schedule.check_due(agent).await, Ok(DueCheck::Later(_))), "another process has it");
    schedule.mark_done(agent, scene.clock.now()).await.expect("it is remembered");
    // Down for three days.
    scene.clock.set(at("2026-11-23T12:00:00Z"));
    let missed = Some(at("2026-11-21T06:00:00Z"));
    assert_eq!(schedule.check_due(agent).await, Ok(DueCheck::Due { missed }));
    schedule.mark_done(agent, scene.clock.now()).await.expect("it is remembered");
    assert_eq!(schedule.check_due(agent).await, Ok(DueCheck::Later(at("2026-11-24T06:00:00Z"))));
}

#[tokio::test]
async fn a_hundred_that_came_while_it_was_dead_open_a_hundred_cases() {
    let rig = Rig::new("status").await;
    let listen = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let config = std::fs::read_to_string(rig.config()).expect("the configuration");
    let config = config.replace("poll_interval = \"1s\"", "poll_interval = \"1s\"\nwrite_interval = \"0s\"");
    let webhook = format!("[webhook]\nlisten = \"{listen}\"\nsecret_env = \"RIG_SECRET\"\n");
    std::fs::write(rig.config(), format!("{config}{webhook}")).expect("written");
    rig.hub.hook(Hooks { url: format!("http://{listen}/webhook"), secret: SECRET.into() });
    let start = || {
        let mut command = rig.command(&["serve"]);
        let quiet = || std::process::Stdio::null();
        command.env("RIG_SECRET", SECRET).stdout(quiet()).stderr(quiet()).spawn().expect("it starts")
    };
    let mut daemon = start();
    let first = rig.file("Please check QField system status", "");
    until("the first is answered", || rig.is_closed(&first)).await;
    daemon.kill().await.expect("it is killed");
    let mut tickets = BTreeSet::from([first]);
    for number in 1..=100 {
        let title = format!("Please check QField system status, for the {number}th time");
        if number % 2 == 0 {
            tickets.insert(rig.file(&title, ""));
        } else {
            let id = rig.hub.file(&rig.repo, "field-agent", &title, "", &[]).expect("it is filed");
            rig.hub.comment(&id, "ops-lead", "/qfield:support").expect("commented");
            tickets.insert(id);
        }
    }
    daemon = start();
    until("all are answered", || tickets.iter().all(|id| rig.is_closed(id))).await;
    terminate(&daemon);
    assert_eq!(daemon.wait().await.expect("it ends").code(), Some(0));
    for id in &tickets {
        assert_eq!(rig.said(id, "report").len(), 1, "{id}");
    }
    let journal = Sqlite::open(&rig.dir.path().join("journal.db")).await.expect("the journal");
    let of: Vec<TicketId> =
        journal.cases(1000).await.expect("it can be read").into_iter().map(|case| case.ticket).collect();
    assert_eq!((of.len(), of.into_iter().collect()), (101, tickets), "one case for each");
}
