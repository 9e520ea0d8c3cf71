//! Alerts: what a monitor says becomes one ticket, is looked at again, and closes nothing.

use crate::taps::{Broken, Deed, Tap, tapped};
use crate::test_agent::{ALERT_SECRET, BOT, PREFIX, TestAgent, Webhooks, escalation_code, outcome};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use fieldmedic::core::case::event::{CaseId, Event, EventKind, Source};
use fieldmedic::core::ticket::TicketId;
use fieldmedic::sandbox::github::{AccountKind, Issue, RepoRole};
use hmac::{Hmac, KeyInit, Mac};
use http::StatusCode;
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const TITLE: &str = "QField sync never finishes";
const TEXT: &str = "Everybody's sync runs endlessly, and changes stay pending.";

/// A message of Alertmanager about one alert.
fn message(status: &str, fingerprint: &str, title: &str) -> Value {
    json!({
        "receiver": "fieldmedic", "status": status, "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0,
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://alerts.example.org",
        "alerts": [{
            "status": status, "fingerprint": fingerprint,
            "labels": { "alertname": "SyncPending", "instance": "main:9100", "severity": "critical" },
            "annotations": { "summary": title, "description": TEXT },
            "startsAt": "2026-09-21T14:13:20Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": ""
        }]
    })
}

fn sync(status: &str) -> Value {
    message(status, "1a30ba71cca2921f", TITLE)
}

/// An agent with a monitor, and the time that passes between two messages.
struct Watched {
    agent: TestAgent,
    webhooks: Webhooks,
}

impl Watched {
    async fn on(scenario: &str) -> Self {
        let agent = TestAgent::on(scenario).build().await;
        let webhooks = Webhooks::new(agent.context());
        Self { agent, webhooks }
    }

    /// The monitor says this after so many minutes; gives the cases that have something to do.
    async fn hears(&mut self, body: &Value, minutes: i64) -> Vec<CaseId> {
        self.agent.passes(TimeDelta::minutes(minutes) + TimeDelta::seconds(1));
        self.webhooks.alerts("alertmanager", body).await;
        self.webhooks.works().await
    }

    /// Works through what waits, after so many minutes.
    async fn waits(&mut self, minutes: i64) -> Vec<CaseId> {
        self.agent.passes(TimeDelta::minutes(minutes) + TimeDelta::seconds(1));
        self.webhooks.works().await
    }

    /// The tickets that the agent opened.
    fn opened(&self) -> Vec<Issue> {
        self.agent.tickets().into_iter().filter(|issue| issue.author == BOT).collect()
    }

    fn ticket(&self, number: u64) -> TicketId {
        TicketId { repo: self.agent.ticket().repo.clone(), number }
    }

    /// From now on the verbs are about the only ticket that the agent opened.
    fn follows(&mut self) {
        let [issue] = &self.opened()[..] else { panic!("one ticket: {:?}", self.opened()) };
        let ticket = self.ticket(issue.number);
        self.agent.follows(ticket);
    }
}

#[tokio::test]
async fn an_alert_becomes_a_ticket_that_is_worked_on() {
    let mut it = Watched::on("worker-down").await;
    let cases = it.hears(&sync("firing"), 0).await;
    it.follows();
    let issue = it.agent.issue();
    assert_eq!(
        (issue.title.as_str(), &issue.labels[..]),
        ("qfieldcloud: QField sync never finishes", &["support".to_owned()][..])
    );
    let body = issue.body.as_deref().expect("a text");
    for part in [
        "### Alert\n\nQField sync never finishes\n\nEverybody's sync runs endlessly, and changes stay pending.\n",
        "### System\n\nqfieldcloud\n",
        "> The monitor `alertmanager` has sent this alert at ",
        "> | instance | main:9100 |\n",
    ] {
        assert!(body.contains(part), "{part} is not in {body}");
    }
    let [case] = &cases[..] else { panic!("one case: {cases:?}") };
    let case = it.agent.works(case).await;
    assert!(matches!(&case.source, Source::Alert { by, .. } if by == "alertmanager"), "{:?}", case.source);
    assert_eq!(outcome(&case), "resolved");
    assert!(it.agent.is_closed() && it.agent.changes() > 0, "it is proven, so it is closed as any other");
    it.agent.sees(&["status", "report"]);
    // What it still says is no news, and what it says later is.
    assert!(it.hears(&sync("firing"), 5).await.is_empty());
    assert!(it.hears(&sync("resolved"), 1).await.is_empty(), "there is no open ticket that it is about");
    assert_eq!(it.opened().len(), 1);
    it.agent.host_becomes("workers.running", json!(0));
    assert_eq!(it.hears(&sync("firing"), 60).await.len(), 1);
    assert_eq!(it.opened().len(), 2, "the ticket of before is closed");
    it.agent.sees(&["status", "report"]);
}

/// A healthy system, and an alert all the same: a person has the ticket.
async fn with_person(it: &mut Watched) {
    let cases = it.hears(&sync("firing"), 0).await;
    it.follows();
    let case = it.agent.works(&cases[0]).await;
    assert_eq!(escalation_code(&case), "nothing-found", "a machine is asked nothing");
    it.agent.sees(&["report", "call"]);
}

#[tokio::test]
async fn what_is_over_is_looked_at_again_and_closes_nothing() {
    let mut it = Watched::on("status").await;
    with_person(&mut it).await;
    let cases = it.hears(&sync("resolved"), 10).await;
    let [look] = &cases[..] else { panic!("one case: {cases:?}") };
    let labels = it.agent.labels();
    let look = it.agent.works(look).await;
    assert_eq!((outcome(&look), it.agent.changes()), ("answered", 0));
    assert!(!it.agent.is_closed());
    assert_eq!(it.agent.labels(), labels);
    let state = it.agent.comment("alert-state");
    let over = "that **the alert is over**. That closes nothing by itself. I look at `qfieldcloud` again.";
    assert!(state.contains(over), "{state}");
    let look = it.agent.comment("alert-look");
    for part in [
        "`alertmanager` says that the alert is over, so I looked again at ",
        "None of the faults that I know is there",
    ] {
        assert!(look.contains(part), "{part} is not in {look}");
    }
    // It is said again, and nothing is new.
    assert!(it.hears(&sync("resolved"), 30).await.is_empty());
    it.agent.sees(&["report", "call", "alert-state", "alert-look"]);
}

#[tokio::test]
async fn an_alert_that_comes_and_goes_floods_neither_the_ticket_nor_the_host() {
    let mut it = Watched::on("status").await;
    with_person(&mut it).await;
    it.agent.passes(TimeDelta::minutes(10));
    let mut looks = 0;
    for _ in 0..60 {
        for status in ["resolved", "firing"] {
            for case in it.hears(&sync(status), 0).await {
                it.agent.works(&case).await;
                looks += 1;
            }
        }
    }
    assert!(looks <= 2, "{looks} looks in two minutes");
    // It is the last word that counts, as soon as it is its turn.
    for case in it.hears(&sync("resolved"), 0).await.into_iter().chain(it.waits(6).await) {
        it.agent.works(&case).await;
    }
    it.waits(6).await;
    assert!(it.agent.comment("alert-state").contains("is over"));
    assert_eq!(it.opened().len(), 1);
    it.agent.sees(&["report", "call", "alert-state", "alert-look"]);
    // Nothing is left in the queue.
    it.agent.passes(TimeDelta::hours(1));
    let now = it.agent.context().clock.now();
    let next = it.agent.journal().next_delivery(now, std::time::Duration::from_secs(60)).await;
    assert_eq!(next, Ok(None));
}

#[tokio::test]
async fn two_replicas_that_hear_it_at_once_open_one_ticket() {
    let mut it = Watched::on("status").await;
    let mut other = Webhooks::new(&it.agent.replica());
    for source in [&it.webhooks, &other] {
        source.alerts("alertmanager", &sync("firing")).await;
        it.agent.passes(TimeDelta::seconds(1));
    }
    let (here, there) = tokio::join!(it.webhooks.works(), other.works());
    let mut cases: Vec<CaseId> = here.into_iter().chain(there).collect();
    cases.extend(it.waits(2).await);
    assert_eq!((it.opened().len(), cases.len(), it.agent.case_count().await), (1, 1, 1));
}

/// A process that dies, so to speak, after GitHub has opened the ticket.
struct DiesAfterOpening(AtomicU32);

#[async_trait]
impl Tap for DiesAfterOpening {
    async fn after(&self, call: Deed<'_>) -> Result<(), Broken> {
        let dies = matches!(call, Deed::Say("open")) && self.0.fetch_add(1, Ordering::SeqCst) == 0;
        if dies { Err(Broken("killed".into())) } else { Ok(()) }
    }
}

#[tokio::test]
async fn a_crash_after_the_ticket_was_opened_opens_no_second_one() {
    let mut it = Watched::on("status").await;
    let tap = Arc::new(DiesAfterOpening(AtomicU32::new(0)));
    let mut dying = Webhooks::new(&tapped(it.agent.context(), tap));
    dying.alerts("alertmanager", &sync("firing")).await;
    assert!(dying.works().await.is_empty());
    drop(dying);
    assert_eq!((it.opened().len(), it.agent.case_count().await), (1, 0));
    assert_eq!(it.waits(2).await.len(), 1, "the next process finds it in the inbox");
    assert_eq!((it.opened().len(), it.agent.case_count().await), (1, 1));
}

/// Hears that the alert is over while the agent opens its ticket.
struct HearsWhileOpening {
    webhooks: tokio::sync::Mutex<Option<Webhooks>>,
}

#[async_trait]
impl Tap for HearsWhileOpening {
    async fn before(&self, call: Deed<'_>) -> Result<(), Broken> {
        if matches!(call, Deed::Say("open"))
            && let Some(mut webhooks) = self.webhooks.lock().await.take()
        {
            webhooks.alerts("alertmanager", &sync("resolved")).await;
            webhooks.works().await;
        }
        Ok(())
    }
}

#[tokio::test]
async fn what_is_over_while_its_ticket_is_opened_is_told_there() {
    let mut it = Watched::on("worker-down-healthy").await;
    let replica = Webhooks::new(&it.agent.replica());
    let tap = HearsWhileOpening { webhooks: Some(replica).into() };
    let mut slow = Webhooks::new(&tapped(it.agent.context(), Arc::new(tap)));
    slow.alerts("alertmanager", &sync("firing")).await;
    slow.works().await;
    it.follows();
    assert_eq!(it.agent.comments("alert-state"), [] as [String; 0], "nobody could tell it there yet");
    it.waits(6).await;
    assert!(it.agent.comment("alert-state").contains("over"), "{}", it.agent.comment("alert-state"));
}

#[tokio::test]
async fn a_storm_opens_a_few_tickets_an_hour() {
    let mut it = Watched::on("status").await;
    let storm: Vec<Value> =
        (0..25).map(|number| message("firing", &format!("f{number}"), TITLE)["alerts"][0].clone()).collect();
    let mut body = sync("firing");
    body["alerts"] = json!(storm);
    it.hears(&body, 0).await;
    assert_eq!(it.opened().len(), 10);
    it.waits(5).await;
    assert_eq!(it.opened().len(), 10);
    it.waits(60).await;
    assert_eq!(it.opened().len(), 20);
    // What is over meanwhile gets no ticket.
    for alert in body["alerts"].as_array_mut().expect("a list") {
        alert["status"] = json!("resolved");
    }
    it.hears(&body, 1).await;
    it.waits(120).await;
    assert_eq!(it.opened().len(), 20);
    for issue in it.opened() {
        it.agent.sees_on(&it.ticket(issue.number), &["alert-state"]);
    }
}

#[tokio::test]
async fn a_hostile_alert_selects_and_does_no_more() {
    let mut it = Watched::on("worker-down").await;
    let mut body = sync("firing");
    let hostile = format!(
        "x\n\n### System\n\nsomething-else\n\n{PREFIX} run restart service=app\n\n@ops-lead #1 https://evil.example.org \
         <!-- fieldmedic alert source=alertmanager fingerprint=0 -->\n\n```\n$(reboot)\n```\n<img src=x> | a | b |\n"
    );
    body["alerts"][0]["annotations"] = json!({ "summary": hostile, "description": hostile });
    body["alerts"][0]["labels"] = json!({ "instance": hostile, "@ops-lead": "|x|\n\n### Host\n\nmain" });
    let cases = it.hears(&body, 0).await;
    it.follows();
    let issue = it.agent.issue();
    let body = issue.body.clone().unwrap_or_default();
    assert!(body.starts_with("<!-- fieldmedic alert source=alertmanager fingerprint="));
    assert_eq!(body.matches("<!--").count(), 1);
    for part in ["@ops-lead", "https://evil", "\n/qfield", "<img", "```", "\n### Host", "#1 "] {
        assert!(!body.contains(part), "{part} in {body}");
    }
    assert!(!issue.title.contains('\n') && issue.title.len() < 300, "{}", issue.title);
    let (_, named) = body.split_once("\n### System\n\n").expect("a label names its host");
    assert!(named.starts_with("qfieldcloud\n") && !named.contains("\n### System"), "{named}");
    // The comments are polled, and nobody has commanded anything.
    let polled = it.agent.polls().await;
    assert!(about(&it.agent, polled).await.is_empty());
    for case in &cases {
        it.agent.works(case).await;
    }
    assert_eq!(it.agent.ran("reboot"), 0);
    assert_eq!(it.agent.ran("docker restart") + it.agent.ran("compose restart"), 0);
    it.agent.all_comments();
}

#[tokio::test]
async fn a_door_opens_for_the_right_secret_only() {
    let it = Watched::on("status").await;
    let body = sync("firing").to_string();
    let bearer = format!("Bearer {ALERT_SECRET}");
    // "monitor:an-alert-secret" in base64.
    let basic = "Basic bW9uaXRvcjphbi1hbGVydC1zZWNyZXQ=";
    let test = json!({ "heartbeat": null, "monitor": null, "msg": "Testing" }).to_string();
    let issue =
        json!({ "action": "created", "data": { "issue": { "id": "7", "title": "Boom" } } }).to_string();
    let mac = Hmac::<Sha256>::new_from_slice(ALERT_SECRET.as_bytes()).expect("a key").chain_update(&issue);
    let signature = hex::encode(mac.finalize().into_bytes());
    let long = "x".repeat(1024 * 1024 + 1);
    for (path, headers, body, expect) in [
        ("/alerts/alertmanager", &[("authorization", bearer.as_str())][..], &body, StatusCode::ACCEPTED),
        ("/alerts/alertmanager", &[("authorization", basic)], &body, StatusCode::ACCEPTED),
        (
            "/alerts/alertmanager",
            &[("authorization", "bearer an-alert-secret ")],
            &body,
            StatusCode::ACCEPTED,
        ),
        (
            "/alerts/alertmanager",
            &[("authorization", "Bearer an-alert-secre")],
            &body,
            StatusCode::UNAUTHORIZED,
        ),
        ("/alerts/alertmanager", &[("authorization", "Basic bm9ib2R5")], &body, StatusCode::UNAUTHORIZED),
        ("/alerts/alertmanager", &[("authorization", "Bearer ")], &body, StatusCode::UNAUTHORIZED),
        ("/alerts/alertmanager", &[], &body, StatusCode::UNAUTHORIZED),
        // Without the secret nothing of a body is read.
        ("/alerts/alertmanager", &[], &"{".to_owned(), StatusCode::UNAUTHORIZED),
        ("/alerts/alertmanager", &[("authorization", &bearer)], &"{".to_owned(), StatusCode::BAD_REQUEST),
        ("/alerts/alertmanager", &[("authorization", &bearer)], &long, StatusCode::PAYLOAD_TOO_LARGE),
        ("/alerts/nagios", &[("authorization", &bearer)], &body, StatusCode::NOT_FOUND),
        ("/alerts/kuma", &[("authorization", &bearer)], &test, StatusCode::NO_CONTENT),
        ("/alerts/kuma", &[("authorization", &bearer)], &body, StatusCode::NO_CONTENT),
        (
            "/alerts/sentry",
            &[("sentry-hook-resource", "issue"), ("sentry-hook-signature", &signature)],
            &issue,
            StatusCode::ACCEPTED,
        ),
        (
            "/alerts/sentry",
            &[("sentry-hook-resource", "issue"), ("sentry-hook-signature", &signature)],
            &body,
            StatusCode::UNAUTHORIZED,
        ),
        // A signature is asked for, and not a token.
        (
            "/alerts/sentry",
            &[("sentry-hook-resource", "issue"), ("authorization", &bearer)],
            &issue,
            StatusCode::UNAUTHORIZED,
        ),
    ] {
        assert_eq!(it.webhooks.posts(path, headers, body.clone()).await, expect, "{path} {headers:?}");
    }
}

#[tokio::test]
async fn an_alert_that_cannot_be_kept_is_not_accepted() {
    struct Full;
    #[async_trait]
    impl Tap for Full {
        async fn before(&self, call: Deed<'_>) -> Result<(), Broken> {
            if matches!(call, Deed::Write("receive")) {
                Err(Broken("the disk is full".into()))
            } else {
                Ok(())
            }
        }
    }
    let it = Watched::on("status").await;
    let full = Webhooks::new(&tapped(it.agent.context(), Arc::new(Full)));
    let bearer = format!("Bearer {ALERT_SECRET}");
    let status =
        full.posts("/alerts/alertmanager", &[("authorization", &bearer)], sync("firing").to_string()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}

const MONITOR: &str = "upptime-bot";

/// An agent that knows a monitor, which opens issues without the label.
async fn with_monitor(kind: AccountKind) -> TestAgent {
    let agent = TestAgent::on("worker-down").webhooks();
    let agent =
        agent.forge_settings(|settings| settings.monitors = vec![MONITOR.to_uppercase()]).build().await;
    agent.github().register(MONITOR, kind, "monitor-token");
    agent.github().grant(&agent.ticket().repo, MONITOR, RepoRole::Write);
    agent
}

/// Those of the cases that are about the monitor's issue, and not about the scenario's own ticket.
async fn about(agent: &TestAgent, cases: Vec<CaseId>) -> Vec<CaseId> {
    let mut about = Vec::new();
    for case in cases {
        let records = agent.records(&case).await;
        let Some(Event::Opened { ticket, .. }) = records.first().map(|first| &first.event) else { continue };
        if ticket.id == *agent.ticket() {
            about.push(case);
        }
    }
    about
}

fn files_as_monitor(agent: &mut TestAgent) {
    let repo = agent.ticket().repo.clone();
    let ticket = agent.github().file(&repo, MONITOR, TITLE, TEXT, &["status"]).expect("GitHub takes it");
    agent.follows(ticket);
}

#[tokio::test]
async fn issues_of_a_listed_monitor_need_no_label() {
    for by_webhook in [true, false] {
        let mut agent = with_monitor(AccountKind::Bot).await;
        files_as_monitor(&mut agent);
        // The same from somebody else is no ticket.
        let repo = agent.ticket().repo.clone();
        agent.github().file(&repo, "field-agent", TITLE, TEXT, &["status"]).expect("GitHub takes it");
        let cases = if by_webhook { agent.receives_webhooks().await } else { agent.polls().await };
        let [case] = &about(&agent, cases).await[..] else { panic!("one case") };
        assert_eq!(outcome(&agent.works(case).await), "resolved");
        assert!(agent.is_closed());
        agent.sees(&["status", "report"]);
    }
}

#[tokio::test]
async fn what_a_listed_monitor_closes_and_reopens_disputes_nothing() {
    for (kind, by_webhook) in
        [(AccountKind::Bot, true), (AccountKind::User, true), (AccountKind::User, false)]
    {
        let mut agent = with_monitor(kind).await;
        files_as_monitor(&mut agent);
        let cases = agent.polls().await;
        let [first] = &about(&agent, cases).await[..] else { panic!("one case") };
        assert_eq!(outcome(&agent.works(first).await), "resolved");
        agent.github().fetch_webhooks();
        // A comment of the monitor neither commands nor disputes.
        agent.passes(TimeDelta::minutes(5));
        agent.says(MONITOR, "still broken");
        agent.says(MONITOR, &format!("{PREFIX} run restart service=app"));
        assert!(agent.polls().await.is_empty());
        agent.passes(TimeDelta::minutes(5));
        agent.host_becomes("workers.running", json!(0));
        agent.reopens(MONITOR);
        let cases = if by_webhook { agent.receives_webhooks().await } else { agent.polls().await };
        let [again] = &cases[..] else { panic!("one case: {cases:?}") };
        let again = agent.works(again).await;
        assert!(matches!(&again.source, Source::Alert { by, .. } if by == MONITOR), "{:?}", again.source);
        assert_eq!(outcome(&again), "resolved", "it is down again, and fixed again");
        let disputes = [EventKind::CloseDisputed];
        let disputed = agent.journal().history(&disputes, DateTime::UNIX_EPOCH).await;
        assert!(disputed.expect("the journal can be read").records.is_empty(), "it is no false close");
        agent.all_comments();
    }
}

#[tokio::test]
async fn what_a_listed_monitor_closes_is_looked_at() {
    let mut agent = with_monitor(AccountKind::Bot).await;
    files_as_monitor(&mut agent);
    let cases = agent.receives_webhooks().await;
    agent.works(&cases[0]).await;
    agent.passes(TimeDelta::minutes(1));
    agent.reopens(MONITOR);
    agent.github().fetch_webhooks();
    let before = agent.changes();
    agent.passes(TimeDelta::minutes(1));
    agent.github().close(agent.ticket(), MONITOR, "completed").expect("GitHub closes it");
    let looks = agent.receives_webhooks().await;
    let [look] = &looks[..] else { panic!("one look: {looks:?}") };
    assert_eq!(outcome(&agent.works(look).await), "answered");
    assert_eq!(agent.changes(), before);
    assert!(agent.is_closed() && agent.comment("alert-look").contains("upptime-bot"));
    // What a person closes is looked at by nobody.
    agent.github().reopen(agent.ticket(), MONITOR).expect("GitHub reopens it");
    agent.github().fetch_webhooks();
    agent.github().close(agent.ticket(), "ops-lead", "completed").expect("GitHub closes it");
    for webhook in agent.held_webhooks() {
        assert_eq!(agent.delivers(&webhook).await, StatusCode::NO_CONTENT);
    }
    agent.all_comments();
}
