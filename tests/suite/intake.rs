//! Intake: a webhook is stored before it is answered, processed once, and not lost when a process dies.

use crate::harness::{TestBinary, terminate, until};
use crate::taps::{Broken, Deed, Tap, tapped};
use crate::test_agent::{BOT, PREFIX, SECRET, TestAgent, Webhooks, escalation_code, outcome};
use async_trait::async_trait;
use chrono::TimeDelta;
use fieldmedic::core::ids::SystemName;
use fieldmedic::core::playbook::inventory::{Inventory, System};
use fieldmedic::core::policy::schedule::Schedule;
use fieldmedic::core::ticket::TicketId;
use fieldmedic::engine::{DueCheck, ScheduledTask, poll, redeliver};
use fieldmedic::ports::{Clock, Journal};
use fieldmedic::sandbox::github::{FaultPoint, Hooks, InjectedFault, RepoRole};
use fieldmedic::store::Sqlite;
use fieldmedic::web;
use http::{Method, StatusCode};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::net::TcpListener;

const QUESTION: &str = "Please check QField system status";

/// A healthy system with a ticket.
async fn healthy() -> TestAgent {
    TestAgent::on("status").build().await
}

/// The same, and webhooks that wait to be delivered.
async fn with_webhooks() -> TestAgent {
    TestAgent::on("status").webhooks().build().await
}

async fn first_ticket(agent: &TestAgent) -> TicketId {
    agent.journal().cases(10).await.expect("the journal can be read").remove(0).ticket
}

#[tokio::test]
async fn the_same_webhook_ten_times_at_once_opens_one_case() {
    let agent = with_webhooks().await;
    let mut webhooks = Webhooks::new(agent.context());
    agent.files(QUESTION, "");
    // Opened and labelled, as GitHub sends it for an issue that is filed with a label.
    let held = agent.github().fetch_webhooks();
    assert!(!held.is_empty());
    for webhook in &held {
        let router = || webhooks.delivers(webhook);
        let (a, b, c, d, e) = tokio::join!(router(), router(), router(), router(), router());
        let (f, g, h, i, j) = tokio::join!(router(), router(), router(), router(), router());
        assert_eq!([a, b, c, d, e, f, g, h, i, j], [StatusCode::ACCEPTED; 10]);
    }
    assert_eq!(webhooks.works().await.len(), 1);
    assert_eq!(agent.case_count().await, 1);
    assert_eq!(webhooks.delivers(&held[0]).await, StatusCode::ACCEPTED, "and again after the work");
    assert_eq!((webhooks.works().await.len(), agent.case_count().await), (0, 1));
}

/// A journal that cannot store a delivery, a few times.
struct Full(AtomicU32);

#[async_trait]
impl Tap for Full {
    async fn before(&self, call: Deed<'_>) -> Result<(), Broken> {
        let is_full = matches!(call, Deed::Write("receive"))
            && self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if is_full { Err(Broken("the disk is full".into())) } else { Ok(()) }
    }
}

#[tokio::test]
async fn a_delivery_that_cannot_be_stored_is_not_accepted() {
    let agent = with_webhooks().await;
    let mut webhooks = Webhooks::new(&tapped(agent.context(), Arc::new(Full(AtomicU32::new(1)))));
    agent.files(QUESTION, "");
    let webhook = agent.github().fetch_webhooks().remove(0);
    assert_eq!(webhooks.delivers(&webhook).await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(webhooks.delivers(&webhook).await, StatusCode::ACCEPTED, "GitHub is asked to repeat it");
    assert_eq!(webhooks.works().await.len(), 1);
}

#[tokio::test]
async fn a_delivery_that_can_have_no_consequence_is_not_stored() {
    let mut agent = with_webhooks().await;
    let other = agent.files_with("A question", "", &["question"]);
    agent.github().comment(&other, "field-agent", "It works again, thanks.").expect("commented");
    agent.github().comment(&other, BOT, &format!("As you said: {PREFIX} status")).expect("commented");
    for webhook in agent.held_webhooks() {
        assert_eq!(agent.delivers(&webhook).await, StatusCode::NO_CONTENT, "{}", webhook.payload);
    }
    let now = agent.clock().now();
    assert_eq!(agent.journal().next_delivery(now, std::time::Duration::from_secs(60)).await, Ok(None));

    // The same comment on a ticket that has a case may answer a question or dispute a close.
    let ticket = agent.files(QUESTION, "");
    let case = agent.receives_webhooks().await.remove(0);
    agent.works(&case).await;
    agent.github().comment(&ticket, "field-agent", "It works again, thanks.").expect("commented");
    for webhook in agent.held_webhooks().iter().filter(|webhook| webhook.payload.contains("works again")) {
        let about_case = webhook.payload.contains(QUESTION);
        let expected = if about_case { StatusCode::ACCEPTED } else { StatusCode::NO_CONTENT };
        assert_eq!(agent.delivers(webhook).await, expected);
    }
    agent.sees_on(&ticket, &["report"]);
    agent.sees_on(&other, &["unmarked"]);
}

#[tokio::test]
async fn an_accepted_delivery_outlives_the_process() {
    let agent = with_webhooks().await;
    let dying = Webhooks::new(agent.context());
    let ticket = agent.files(QUESTION, "");
    for webhook in agent.github().fetch_webhooks() {
        assert_eq!(dying.delivers(&webhook).await, StatusCode::ACCEPTED);
    }
    assert_eq!(agent.case_count().await, 0, "the work comes after the answer");
    drop(dying);
    assert_eq!(Webhooks::new(agent.context()).works().await.len(), 1);
    assert_eq!(first_ticket(&agent).await, ticket);
}

#[tokio::test]
async fn a_delivery_that_needs_an_unreachable_github_is_processed_later() {
    let mut agent = with_webhooks().await;
    let ticket = agent.files_with(QUESTION, "", &[]);
    agent.github().comment(&ticket, "ops-lead", PREFIX).expect("commented");
    let at = FaultPoint::Call(Method::GET, "/permission".into());
    agent.github().inject(InjectedFault::BadGateway, at, 1);
    assert_eq!(agent.receives_webhooks().await.len(), 0, "a permission is not guessed");
    agent.passes(TimeDelta::seconds(61));
    assert_eq!(agent.receives_webhooks().await.len(), 1, "and the delivery is not lost");
}

/// GitHub's lists and its single reads may disagree for as long as they like.
#[tokio::test]
async fn an_issue_that_only_the_list_shows_opens_one_case() {
    let agent = TestAgent::on("worker-down").build().await;
    let single = FaultPoint::Call(Method::GET, format!("/issues/{}", agent.ticket().number));
    agent.github().inject(InjectedFault::Refusal(StatusCode::GONE), single, 10_000);
    let [id] = &agent.polls().await[..] else { panic!("one case") };
    let case = agent.works(id).await;
    assert_eq!(outcome(&case), "declined");
    for _ in 0..20 {
        let _ = poll(agent.context()).await;
        agent.passes(TimeDelta::seconds(30));
    }
    assert_eq!(agent.case_count().await, 1);
    assert_eq!(agent.changes(), 0);
    agent.sees(&[]);
}

#[tokio::test]
async fn a_failed_delivery_is_requested_again() {
    let agent = TestAgent::on("status").role(BOT, RepoRole::Admin).build().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    agent.github().hook(Hooks { url: format!("http://{address}/webhook"), secret: SECRET.into() });
    let ticket = agent.files(QUESTION, "");
    agent.github().delivered().await;
    assert_eq!(redeliver(agent.context()).await.expect("GitHub answers"), 0, "GitHub may still retry");

    let listener = TcpListener::bind(address).await.expect("the same port");
    let mut webhooks = Webhooks::new(agent.context());
    tokio::spawn(web::serve(
        listener,
        webhooks.router.clone(),
        web::ServerLimits::default(),
        std::future::pending(),
    ));
    agent.passes(TimeDelta::minutes(3));
    let requested = redeliver(agent.context()).await.expect("GitHub answers");
    assert!(requested >= 1, "{requested}");
    webhooks.works_until_a_case_opens().await;
    assert_eq!(first_ticket(&agent).await, ticket);
    agent.github().delivered().await;
    agent.passes(TimeDelta::minutes(3));
    assert_eq!(redeliver(agent.context()).await.expect("GitHub answers"), 0, "it was delivered");
}

#[tokio::test]
async fn a_poll_that_finds_nothing_new_costs_nothing() {
    let agent = healthy().await;
    let poll_after = async |minutes| {
        agent.passes(TimeDelta::minutes(minutes));
        let before = agent.github().requests().len();
        let opened = agent.polls().await.len();
        let requests = agent.github().requests().split_off(before);
        (opened, requests.iter().filter(|request| request.status != Some(304)).count())
    };
    assert_eq!(poll_after(0).await.0, 1, "the ticket of the scenario");
    poll_after(1).await;
    for _ in 0..3 {
        assert_eq!(poll_after(60).await, (0, 0));
    }
    // However long nothing was new, what is written then is read.
    let ticket = agent.files(QUESTION, "");
    assert_eq!(poll_after(1).await.0, 1);
    let comment = format!("{PREFIX} cancel");
    agent.github().comment(&ticket, "ops-lead", &comment).expect("commented");
    poll_after(1).await;
    let reacted = agent.github().requests().iter().any(|request| request.path.ends_with("/reactions"));
    assert!(reacted, "the command was read");
}

#[tokio::test]
async fn a_ticket_that_named_no_system_becomes_a_case_again_when_it_is_edited() {
    // With two systems a ticket has to say which.
    let settings = TestAgent::on("status").webhooks().context(|context| {
        let system = context.inventory.systems.values().next().expect("a system").clone();
        let systems = ["qfieldcloud", "another"].map(|name| {
            let name = SystemName::new(name).expect("a name");
            (name.clone(), System { name, ..system.clone() })
        });
        let inventory = Inventory { systems: systems.into(), ..(*context.inventory).clone() };
        context.inventory = Arc::new(inventory);
    });
    let mut agent = settings.build().await;
    let ticket = agent.files("Something is odd", "");
    let cases_of = async |agent: &TestAgent| {
        let cases = agent.journal().cases(1000).await.expect("the journal can be read");
        cases.iter().filter(|case| case.ticket == ticket).count()
    };
    let [first] = &agent.receives_webhooks().await[..] else { panic!("one case") };
    assert_eq!(outcome(&agent.works(first).await), "escalated");
    agent.polls().await;
    assert_eq!(cases_of(&agent).await, 1, "the agent's own label and comments are no edit");
    agent.passes(TimeDelta::seconds(5));
    let title = "Something is odd with qfieldcloud";
    agent.github().retitle(&ticket, "field-agent", title).expect("edited");
    assert_eq!(agent.receives_webhooks().await.len(), 1, "the edit opens a case");
    agent.polls().await;
    assert_eq!(cases_of(&agent).await, 2, "once by all sources");
    agent.sees_on(&ticket, &["report", "call"]);
}

#[tokio::test]
async fn a_system_bound_to_another_repository_is_out_of_reach() {
    let settings = TestAgent::on("worker-down").context(|context| {
        let elsewhere = "example/elsewhere".parse().expect("a repository");
        let names = context.inventory.systems.keys().cloned();
        let repos = names.map(|name| (name, BTreeSet::from([Clone::clone(&elsewhere)]))).collect();
        context.inventory = Arc::new(Inventory { repos, ..(*context.inventory).clone() });
    });
    let agent = settings.build().await;
    let case = agent.opens_case().await;
    assert_eq!(escalation_code(&agent.works(&case).await), "no-system");
    let (comment, case) = agent.executes("ops-lead", "diagnose qfieldcloud").await;
    assert_eq!(case, None, "a command opens no case");
    assert!(!agent.replies(comment).join("\n").is_empty(), "the command is answered");
    assert_eq!(agent.commands(), 0, "the host was asked");
    agent.sees(&["report", "call", "reply"]);
}

#[tokio::test]
async fn a_missed_run_is_made_up_for_once_by_one_process() {
    let test = healthy().await;
    let (agent, clock) = (test.context(), test.clock());
    let schedule = Schedule::parse("0 6 * * *", "UTC").expect("a schedule");
    let task = ScheduledTask { name: "sweep systems".into(), schedule };
    let at = |text: &str| text.parse().expect("a moment");
    clock.set(at("2026-11-20T05:00:00Z"));
    assert_eq!(task.check_due(agent).await, Ok(DueCheck::Later(at("2026-11-20T06:00:00Z"))));
    clock.set(at("2026-11-20T06:00:00Z"));
    assert_eq!(
        task.check_due(agent).await,
        Ok(DueCheck::Due { at: at("2026-11-20T06:00:00Z"), missed: false })
    );
    assert!(matches!(task.check_due(agent).await, Ok(DueCheck::Later(_))), "another process has it");
    task.mark_done(agent, clock.now()).await.expect("it is remembered");
    // Down for three days.
    clock.set(at("2026-11-23T12:00:00Z"));
    let first = at("2026-11-21T06:00:00Z");
    assert_eq!(task.check_due(agent).await, Ok(DueCheck::Due { at: first, missed: true }));
    task.mark_done(agent, clock.now()).await.expect("it is remembered");
    assert_eq!(task.check_due(agent).await, Ok(DueCheck::Later(at("2026-11-24T06:00:00Z"))));
}

#[tokio::test]
async fn a_hundred_that_came_while_it_was_dead_open_a_hundred_cases() {
    let binary = TestBinary::new("status").await;
    let listen = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let config = std::fs::read_to_string(binary.config()).expect("the configuration");
    let config = config.replace("poll_interval = \"1s\"", "poll_interval = \"1s\"\nwrite_interval = \"0s\"");
    let webhook = format!("[webhook]\nlisten = \"{listen}\"\nsecret_env = \"RIG_SECRET\"\n");
    std::fs::write(binary.config(), format!("{config}{webhook}")).expect("written");
    binary.hub.hook(Hooks { url: format!("http://{listen}/webhook"), secret: SECRET.into() });
    let start = || {
        let mut command = binary.command(&["serve"]);
        let quiet = || std::process::Stdio::null();
        command.env("RIG_SECRET", SECRET).stdout(quiet()).stderr(quiet()).spawn().expect("it starts")
    };
    let mut daemon = start();
    let first = binary.file("Please check QField system status", "");
    until("the first is answered", || binary.is_closed(&first)).await;
    daemon.kill().await.expect("it is killed");
    let mut tickets = BTreeSet::from([first]);
    for number in 1..=100 {
        let title = format!("Please check QField system status, for the {number}th time");
        if number % 2 == 0 {
            tickets.insert(binary.file(&title, ""));
        } else {
            let id = binary.hub.file(&binary.repo, "field-agent", &title, "", &[]).expect("it is filed");
            binary.hub.comment(&id, "ops-lead", "/qfield:support").expect("commented");
            tickets.insert(id);
        }
    }
    daemon = start();
    until("all are answered", || tickets.iter().all(|id| binary.is_closed(id))).await;
    terminate(&daemon);
    assert_eq!(daemon.wait().await.expect("it ends").code(), Some(0));
    for id in &tickets {
        assert_eq!(binary.said(id, "report").len(), 1, "{id}");
    }
    let journal = Sqlite::open(&binary.dir.path().join("journal.db")).await.expect("the journal");
    let of: Vec<TicketId> =
        journal.cases(1000).await.expect("it can be read").into_iter().map(|case| case.ticket).collect();
    assert_eq!((of.len(), of.into_iter().collect()), (101, tickets), "one case for each");
}

#[tokio::test]
async fn a_stale_delivery_lifts_no_pause_and_a_pause_does_not_queue() {
    let mut agent = TestAgent::on("worker-down").webhooks().ask_mode().build().await;
    let id = agent.opens_case().await;
    agent.works_without_waiting(&id).await;
    agent.receives_webhooks().await;

    // An edit whose delivery is late, and the label that comes after it.
    let ticket = agent.ticket().clone();
    agent.github().retitle(&ticket, "field-agent", "Sync fails again").expect("edited");
    let stale = agent.held_webhooks().remove(0);
    agent.passes(TimeDelta::seconds(5));
    agent.github().label(&ticket, "ops-lead", "medic:pause").expect("labelled");
    agent.receives_webhooks().await;
    assert!(agent.works_without_waiting(&id).await.ticket_pause.is_some(), "the label pauses its case");

    // The old snapshot has no label; GitHub shows one.
    let mut webhooks = Webhooks::new(agent.context());
    assert_eq!(webhooks.delivers(&stale).await, StatusCode::ACCEPTED);
    webhooks.works().await;
    assert!(
        agent.works_without_waiting(&id).await.ticket_pause.is_some(),
        "an old delivery lifted the pause"
    );

    // A full queue of strangers' commands that nobody works on.
    for number in 0..30 {
        agent.says(&format!("stranger-{number}"), &format!("{PREFIX} approve 0000000000000000"));
    }
    agent.says("ops-lead", &format!("{PREFIX} pause the fire drill"));
    let queue = Webhooks::new(agent.context());
    for webhook in agent.held_webhooks() {
        assert_eq!(queue.delivers(&webhook).await, StatusCode::ACCEPTED);
    }
    until("the answer to the pause", || agent.comments("reply").len() == 1).await;
    assert!(agent.pause().await.is_some());
    assert_eq!(agent.comments("refusal").len(), 0, "the queue was worked on");
    agent.sees(&["status", "question", "reply"]);
}
