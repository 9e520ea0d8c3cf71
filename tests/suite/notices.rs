//! Notices, from the journal to a channel: each once, in its time, and never in the way of a case.

use crate::harness::{Ran, TestBinary, terminate, until};
use crate::taps::{Broken, Deed, Tap, tapped};
use crate::test_agent::TestAgent;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use fieldmedic::core::ids::{ChannelName, HostName};
use fieldmedic::core::notice::NoticeEvent;
use fieldmedic::core::notice::quiet::QuietHours;
use fieldmedic::core::notice::routing::ChannelRules;
use fieldmedic::core::notice::watch::{Standing, Subject};
use fieldmedic::engine::{Context, Courier, Delivery, NoticeCollector};
use fieldmedic::ports::{ChannelCheck, Clock, Cursor, Message, NoticeChannel, SendError};
use hmac::{Hmac, KeyInit, Mac};
use insta::assert_snapshot;
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::{BTreeMap, VecDeque};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// A channel that answers as it is told, and well without a word.
#[derive(Default)]
struct Recorder {
    answers: Mutex<VecDeque<SendError>>,
    got: Mutex<Vec<Message>>,
}

#[async_trait]
impl NoticeChannel for Recorder {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        if let Some(error) = self.answers.lock().expect("nobody panicked").pop_front() {
            return Err(error);
        }
        self.got.lock().expect("nobody panicked").push(message.clone());
        Ok(())
    }

    async fn check(&self) -> Result<ChannelCheck, SendError> {
        Ok(ChannelCheck::NotAsked)
    }
}

impl Recorder {
    fn fails(&self, error: SendError) {
        self.answers.lock().expect("nobody panicked").push_back(error);
    }

    fn got(&self) -> Vec<Message> {
        self.got.lock().expect("nobody panicked").clone()
    }

    /// The headlines of every message.
    fn headlines(&self) -> Vec<Vec<String>> {
        let headlines = |message: Message| message.entries.into_iter().map(|entry| entry.headline).collect();
        self.got().into_iter().map(headlines).collect()
    }
}

fn name() -> ChannelName {
    ChannelName::new("ops").expect("a name")
}

fn rules() -> ChannelRules {
    ChannelRules {
        events: NoticeEvent::ALL.iter().copied().collect(),
        urgent: Default::default(),
        systems: Default::default(),
        quiet: None,
        digest: None,
    }
}

fn collector(context: &Context, rules: ChannelRules) -> NoticeCollector {
    NoticeCollector::new(context.clone(), Arc::new(BTreeMap::from([(name(), rules)])))
}

fn courier(context: &Context, channel: &Arc<Recorder>) -> Courier {
    Courier::new(context.clone(), name(), channel.clone())
}

fn down() -> SendError {
    SendError::Unavailable { why: "it cannot be reached".into(), retry_after: None }
}

/// An agent whose case was escalated after notices were begun to be looked for.
async fn escalated() -> TestAgent {
    let agent = TestAgent::on("worker-down-not-fixed").build().await;
    collector(agent.context(), rules()).look_at_cases().await.expect("the journal works");
    agent.works(&agent.opens_case().await).await;
    agent.sees(&["status", "report", "call"]);
    agent
}

#[tokio::test]
async fn an_escalation_is_told_once_however_often_and_by_whomever_it_is_found() {
    let agent = escalated().await;
    let channel = Arc::new(Recorder::default());
    let other = agent.replica();
    for _ in 0..3 {
        for context in [agent.context(), &other] {
            // A new collector is a restart.
            let mut collector = collector(context, rules());
            collector.look_at_cases().await.expect("the journal works");
            collector.look_at_cases().await.expect("the journal works");
            let mut courier = courier(context, &channel);
            while courier.deliver().await.expect("the journal works") != Delivery::Idle {}
        }
        agent.passes(TimeDelta::minutes(1));
    }
    let got = channel.got();
    assert_eq!(got.len(), 1, "{got:?}");
    let entry = &got[0].entries[0];
    assert_eq!(entry.event, "escalated");
    assert_eq!(entry.headline, "qfieldcloud: a person is needed (not-fixed)");
    assert!(!entry.detail.is_empty(), "{entry:?}");
    let ticket = entry.ticket.as_ref().expect("a ticket");
    assert_eq!(ticket.address, agent.ticket().to_string());
    assert!(ticket.url.as_ref().is_some_and(|url| url.contains("/issues/")), "{ticket:?}");
    assert_eq!(got[0].id.len(), 32);
}

#[tokio::test]
async fn a_look_that_finds_nothing_new_leaves_the_position_as_it_is() {
    let agent = escalated().await;
    let mut collector = collector(agent.context(), rules());
    collector.look_at_cases().await.expect("the journal works");
    let position = async || agent.journal().cursor(&Cursor::Notices).await.expect("the journal works");
    let before = position().await;
    assert!(before.is_some());
    agent.passes(TimeDelta::hours(1));
    collector.look_at_cases().await.expect("the journal works");
    assert_eq!(position().await, before);
}

#[tokio::test]
async fn what_happened_before_the_first_look_is_no_news() {
    let agent = TestAgent::on("worker-down-not-fixed").build().await;
    agent.works(&agent.opens_case().await).await;
    agent.sees(&["status", "report", "call"]);
    agent.passes(TimeDelta::seconds(5));
    let channel = Arc::new(Recorder::default());
    for _ in 0..2 {
        collector(agent.context(), rules()).look_at_cases().await.expect("the journal works");
        agent.passes(TimeDelta::seconds(5));
    }
    assert_eq!(courier(agent.context(), &channel).deliver().await, Ok(Delivery::Idle));
}

#[tokio::test]
async fn a_channel_that_was_down_is_told_later_and_with_the_same_id() {
    let agent = escalated().await;
    collector(agent.context(), rules()).look_at_cases().await.expect("the journal works");
    let channel = Arc::new(Recorder::default());
    (0..4).for_each(|_| channel.fails(down()));
    let mut first = courier(agent.context(), &channel);
    assert_eq!(first.deliver().await, Ok(Delivery::Postponed));
    assert_eq!(first.deliver().await, Ok(Delivery::Idle), "it is left alone for a while");
    assert_eq!(courier(agent.context(), &channel).deliver().await, Ok(Delivery::Idle), "by replicas too");
    for _ in 0..3 {
        agent.passes(TimeDelta::minutes(31));
        assert_eq!(first.deliver().await, Ok(Delivery::Postponed));
    }
    // A restart keeps what waits.
    let waiting = agent.journal().waiting_notices().await.expect("the journal works");
    assert_eq!(waiting, [(name(), 1)]);
    agent.passes(TimeDelta::minutes(31));
    let mut second = courier(agent.context(), &channel);
    assert_eq!(second.deliver().await, Ok(Delivery::Sent));
    assert_eq!(second.deliver().await, Ok(Delivery::Idle));
    assert_eq!(channel.got().len(), 1);
}

#[tokio::test]
async fn a_message_that_is_refused_again_and_again_holds_up_no_other() {
    let agent = escalated().await;
    collector(agent.context(), rules()).look_at_cases().await.expect("the journal works");
    let channel = Arc::new(Recorder::default());
    (0..3).for_each(|_| channel.fails(SendError::Refused("invalid_payload".into())));
    let mut courier = courier(agent.context(), &channel);
    for expect in [Delivery::Postponed, Delivery::Postponed, Delivery::GivenUp, Delivery::Idle] {
        assert_eq!(courier.deliver().await, Ok(expect));
        agent.passes(TimeDelta::minutes(31));
    }
    assert_eq!(agent.journal().waiting_notices().await, Ok(Vec::new()));
}

/// Nothing can be settled: the process dies after it has sent.
#[derive(Default)]
struct DiesAfterSending(AtomicBool);

#[async_trait]
impl Tap for DiesAfterSending {
    async fn before(&self, deed: Deed<'_>) -> Result<(), Broken> {
        match deed {
            Deed::Write("settle_message") if !self.0.load(Ordering::SeqCst) => Err(Broken("killed".into())),
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_crash_between_sending_and_recording_repeats_the_id() {
    let agent = escalated().await;
    collector(agent.context(), rules()).look_at_cases().await.expect("the journal works");
    let tap = Arc::new(DiesAfterSending::default());
    let context = tapped(agent.context(), tap.clone());
    let channel = Arc::new(Recorder::default());
    assert!(courier(&context, &channel).deliver().await.is_err());
    tap.0.store(true, Ordering::SeqCst);
    assert_eq!(courier(&context, &channel).deliver().await, Ok(Delivery::Idle), "it may still be sent");
    agent.passes(TimeDelta::minutes(2));
    assert_eq!(courier(&context, &channel).deliver().await, Ok(Delivery::Sent));
    let ids: Vec<String> = channel.got().into_iter().map(|message| message.id).collect();
    assert!(ids.len() == 2 && ids[0] == ids[1], "{ids:?}");
}

#[tokio::test]
async fn quiet_hours_end_in_one_message_and_urgent_events_do_not_wait() {
    let agent = escalated().await;
    let now = agent.clock().now();
    let clock = |at: DateTime<Utc>| at.format("%H:%M").to_string();
    let quiet = format!("{}-{}", clock(now - TimeDelta::hours(1)), clock(now + TimeDelta::hours(2)));
    let quiet = QuietHours::parse(&quiet, "UTC").expect("hours");
    let rules = ChannelRules { quiet: Some(quiet), urgent: [NoticeEvent::HostUnreachable].into(), ..rules() };
    let channel = Arc::new(Recorder::default());
    let mut collector = collector(agent.context(), rules);
    let mut courier = courier(agent.context(), &channel);
    collector.look_at_cases().await.expect("the journal works");
    let lost = |is_troubled| {
        let standing = Standing { is_troubled, systems: Vec::new(), about: Value::Null };
        BTreeMap::from([(Subject::Host(HostName::new("main").expect("a name")), standing)])
    };
    for is_troubled in [true, true, true, false, false] {
        collector.look_at(&lost(is_troubled)).await.expect("the journal works");
        while courier.deliver().await.expect("the journal works") != Delivery::Idle {}
        agent.passes(TimeDelta::minutes(2));
    }
    assert_eq!(channel.headlines(), [["the host main cannot be reached"]]);
    agent.passes(TimeDelta::hours(2));
    while courier.deliver().await.expect("the journal works") != Delivery::Idle {}
    let headlines = channel.headlines();
    assert_eq!(headlines.len(), 2, "{headlines:?}");
    assert_eq!(headlines[1].len(), 2, "{headlines:?}");
    assert_eq!(headlines[1][1], "the host main can be reached again");
    assert_eq!(channel.got()[1].title, "2 notices of Fieldmedic");
}

#[test]
fn every_event_is_put_in_words() {
    let prompts = fieldmedic::render::Prompts::built_in().expect("the prompts are right");
    let abouts = json!({
        "escalated": { "code": "not-fixed", "detail": { "kind": "text", "text": "the step failed" } },
        "approval_wanted": { "plan": "0123456789abcdef", "playbook": "worker-down", "until": "2026-01-09T12:00:00Z" },
        "confirmation_wanted": { "purpose": "confirm_fix", "until": "2026-01-09T12:00:00Z" },
        "details_wanted": { "purpose": "details", "until": "2026-01-09T12:00:00Z" },
        "confirmed": { "by": "ada" },
        "partial": { "rest": [{ "topic": "sharing", "words": "how do I share?" }] },
        "unrelated": { "topic": "sharing" },
        "answered": { "request": "status-report" },
        "declined": { "detail": { "kind": "locked" } },
        "fault_found": { "playbook": "disk-full" },
        "fault_returned": { "playbook": "disk-full" },
        "recurrence_detected": { "playbook": "disk-full", "count": 3 },
        "close_disputed": { "by": "" },
        "schedule_found": { "schedule": "nightly", "code": "no-answer", "detail": { "kind": "locked" } },
        "host_unreachable": { "host": "main" },
        "host_reachable": { "host": "main" },
        "system_unreadable": { "playbook": "disk-full", "why": "disk.used is unknown" },
        "set_aside": { "case": "c0123456789ab", "why": "record 3: written by a later version" },
        "not_ready": { "checks": [{ "name": "journal", "ok": false, "detail": "the disk is full" }] },
    });
    let mut lines = Vec::new();
    for event in NoticeEvent::ALL {
        let about = abouts.get(event.as_str()).cloned().unwrap_or(json!({}));
        let data = json!({ "event": event, "systems": ["north"], "about": about });
        let (headline, detail) = (prompts.notice("headline", &data), prompts.notice("detail", &data));
        let one = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (headline, detail) = (one(headline), one(detail));
        lines.push(match detail.is_empty() {
            true => format!("{event}: {headline}"),
            false => format!("{event}: {headline} | {detail}"),
        });
    }
    assert_snapshot!(lines.join("\n"), @r#"
    escalated: north: a person is needed (not-fixed) | the step failed
    approval_wanted: north: a plan of worker-down waits for approval | answer in the ticket until 2026-01-09 12:00 UTC; the plan is 0123456789abcdef
    confirmation_wanted: north: the reporter is asked whether it works now | an answer is waited for until 2026-01-09 12:00 UTC
    details_wanted: north: the reporter is asked what exactly happens | an answer is waited for until 2026-01-09 12:00 UTC
    resolved: north: resolved, with proof
    confirmed: north: resolved; ada says that it works
    partial: north: a part is resolved; the ticket stays open for the rest | sharing: how do I share?
    unrelated: north: the ticket is about something else (sharing), and stays open
    answered: north: answered from evidence (status-report)
    declined: north: the ticket was not taken on | the issue's conversation is locked
    cancelled: north: a person cancelled the case
    fault_found: north: a sweep found disk-full
    fault_returned: north: disk-full is back after it was fixed
    recurrence_detected: north: disk-full comes back again and again | it was fixed 3 times within seven days
    close_disputed: north: somebody says that a closed ticket is not settled
    schedule_found: north: the schedule nightly needs a person (no-answer) | the issue's conversation is locked
    host_unreachable: north: the host main cannot be reached | its systems cannot be checked until it can
    host_reachable: north: the host main can be reached again
    system_unreadable: north: checks cannot be read | disk-full: disk.used is unknown; run "fieldmedic diagnose north"
    system_readable: north: all checks can be read again
    set_aside: north: a case is set aside, because its journal cannot be read | c0123456789ab: record 3: written by a later version; run "fieldmedic audit verify"
    not_ready: north: Fieldmedic is not ready | journal: the disk is full
    ready: north: Fieldmedic is ready again
    "#);
}

/// A server that takes one request after another, or takes connections and never answers.
pub struct Receiver {
    pub url: String,
    got: Arc<Mutex<Vec<String>>>,
}

pub async fn receiver(answers: bool) -> Receiver {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/hook-0123456789abcdef", listener.local_addr().expect("an address"));
    let got: Arc<Mutex<Vec<String>>> = Arc::default();
    let into = got.clone();
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            if !answers {
                into.lock().expect("nobody panicked").push(String::new());
                open.push(stream);
                continue;
            }
            let into = into.clone();
            tokio::spawn(async move {
                let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
                loop {
                    let Ok(read) = stream.read(&mut buffer).await else { return };
                    text.extend_from_slice(&buffer[..read]);
                    let whole = String::from_utf8_lossy(&text).into_owned();
                    let length =
                        whole.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                    let body = whole.split_once("\r\n\r\n").map(|(_, body)| body.len());
                    if read == 0 || body.is_some_and(|body| body >= length.unwrap_or(0)) {
                        break;
                    }
                }
                into.lock().expect("nobody panicked").push(String::from_utf8_lossy(&text).into_owned());
                let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    Receiver { url, got }
}

impl Receiver {
    pub fn got(&self) -> Vec<String> {
        self.got.lock().expect("nobody panicked").clone()
    }
}

const SIGNING: &str = "signing-secret-0123456789";

pub fn append(binary: &TestBinary, text: &str) {
    let config = std::fs::read_to_string(binary.config()).expect("a configuration");
    std::fs::write(binary.config(), format!("{config}{text}")).expect("it is written");
}

#[tokio::test]
async fn a_channel_that_hangs_holds_up_neither_cases_nor_other_channels() {
    let binary = TestBinary::new("worker-down").await;
    let (hangs, works, heart) = (receiver(false).await, receiver(true).await, receiver(true).await);
    append(
        &binary,
        &format!(
            "[heartbeat]\nurl_env = \"TEST_HEART\"\nevery = \"10s\"\n\
             [notices.hangs]\nkind = \"slack\"\nurl_env = \"TEST_HANGS\"\nevents = [\"resolved\"]\n\
             [notices.works]\nkind = \"webhook\"\nurl = \"{}\"\nsecret_env = \"TEST_SIGNING\"\nevents = [\"resolved\"]\n",
            works.url
        ),
    );
    let mut command = binary.command(&["serve"]);
    command.env("TEST_HANGS", &hangs.url).env("TEST_SIGNING", SIGNING).env("TEST_HEART", &heart.url);
    let log = std::fs::File::create(binary.dir.path().join("log")).expect("a file");
    command.stdout(Stdio::null()).stderr(log).env("FIELDMEDIC_LOG", "debug");
    let mut daemon = command.spawn().expect("it starts");
    until("the heart beats", || heart.got().iter().any(|got| got.starts_with("GET /hook-"))).await;
    let ticket = binary.file("Sync never finishes", "Changes stay pending.");
    until("the ticket is closed", || binary.is_closed(&ticket)).await;
    until("the good channel is told", || !works.got().is_empty()).await;
    until("the other one is tried", || !hangs.got().is_empty()).await;
    terminate(&daemon);
    assert_eq!(daemon.wait().await.expect("it ends").code(), Some(0), "it hangs on no channel");

    let told = works.got().remove(0);
    let (head, body) = told.split_once("\r\n\r\n").expect("a request");
    let mut mac = Hmac::<Sha256>::new_from_slice(SIGNING.as_bytes()).expect("a key");
    mac.update(body.as_bytes());
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    assert!(head.contains(&format!("x-fieldmedic-signature-256: {signature}")), "{head}");
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(body["events"][0]["event"], "resolved");
    assert_eq!(body["events"][0]["ticket"]["address"], ticket.to_string());
    assert_eq!(works.got().len(), 1, "once");
    let log = std::fs::read_to_string(binary.dir.path().join("log")).expect("a log");
    let journal = std::fs::read(binary.dir.path().join("journal.db")).expect("a journal");
    for secret in [SIGNING, "hook-0123456789abcdef"] {
        // The address of the webhook stands in the configuration, so it is no secret. That of Slack is one.
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!journal.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
    }
}

/// A mail server of Debian. It prints what it takes.
struct MailServer {
    _process: Child,
    port: u16,
    printed: std::path::PathBuf,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port()
}

async fn mail_server(folder: &std::path::Path, name: &str, more: &[&str]) -> MailServer {
    let port = free_port();
    let printed = folder.join(name);
    let output = std::fs::File::create(&printed).expect("a file");
    let process = Command::new("aiosmtpd")
        .args(["-n", "-l", &format!("127.0.0.1:{port}")])
        .env("PYTHONUNBUFFERED", "1")
        .args(more)
        .stdout(output)
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("aiosmtpd starts; it is in Debian's package python3-aiosmtpd");
    until("the mail server listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
    MailServer { _process: process, port, printed }
}

impl MailServer {
    fn printed(&self) -> String {
        std::fs::read_to_string(&self.printed).expect("its output")
    }
}

async fn tests_the_channel(binary: &TestBinary, certificate: &std::path::Path) -> Ran {
    let mut command = binary.command(&["notices", "test"]);
    command.env("SSL_CERT_FILE", certificate);
    crate::harness::ran(command).await
}

#[tokio::test]
async fn a_real_mail_server_takes_a_test_with_and_without_tls() {
    let binary = TestBinary::new("sync-failed-healthy").await;
    let folder = binary.dir.path();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "mail.key", "-out", "mail.pem"])
        .current_dir(folder)
        .stderr(Stdio::null())
        .status()
        .await;
    assert!(made.expect("openssl runs").success());
    let certificate = folder.join("mail.pem");
    let plain = mail_server(folder, "plain", &[]).await;
    let tls = ["--tlscert", certificate.to_str().expect("text"), "--tlskey"];
    let key = folder.join("mail.key");
    let tls = [&tls[..], &[key.to_str().expect("text")]].concat();
    let secured = mail_server(folder, "secured", &tls).await;
    let section = |name: &str, server: String, tls: &str| {
        format!(
            "[notices.{name}]\nkind = \"email\"\nserver = \"{server}\"\ntls = \"{tls}\"\n\
             from = \"Fieldmedic <medic@example.org>\"\nto = [\"ops@example.org\"]\n"
        )
    };
    append(&binary, &section("plain", format!("127.0.0.1:{}", plain.port), "none"));
    append(&binary, &section("secured", format!("localhost:{}", secured.port), "starttls"));
    let ran = tests_the_channel(&binary, &certificate).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "✓ plain: sent\n✓ secured: sent\n"), "{ran:?}");
    for (server, name) in [(&plain, "plain"), (&secured, "secured")] {
        until("the mail is printed", || server.printed().contains("END MESSAGE")).await;
        let mail = server.printed();
        assert!(mail.contains(&format!("Subject: This is a test of the channel {name}")), "{mail}");
        assert!(mail.contains("Auto-Submitted: auto-generated") && mail.contains("@example.org>"), "{mail}");
    }
    // Whoever cannot prove who he is gets nothing.
    let other = folder.join("none.pem");
    std::fs::write(&other, "").expect("it is written");
    let ran = tests_the_channel(&binary, &other).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
}

#[tokio::test]
async fn channels_are_listed_and_mistakes_are_named() {
    let binary = TestBinary::new("sync-failed-healthy").await;
    let ran = binary.run(&["notices", "list"]).await;
    assert!(ran.code == Some(1) && ran.stderr.contains("has no section [notices.*]"), "{ran:?}");
    append(
        &binary,
        "[notices.ops]\nkind = \"slack\"\nurl_env = \"TEST_SLACK\"\nevents = [\"escalated\", \"resolved\"]\n\
         urgent = [\"escalated\"]\nquiet = \"22:00-07:00 Europe/Berlin\"\ndigest = \"1h\"\n",
    );
    let ran = binary.run(&["notices", "list"]).await;
    let expect =
        "ops: slack; quiet 22:00-07:00 Europe/Berlin; digest 1h; 0 waiting\n  escalated (urgent), resolved\n";
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), expect), "{ran:?}");
    let ran = binary.run(&["notices", "test", "opps"]).await;
    assert!(ran.code == Some(1) && ran.stderr.contains("environment variable TEST_SLACK is"), "{ran:?}");
    for (address, expect) in [
        ("not an address", "is not one of a web server"),
        ("http://127.0.0.1:1/services/T0/B0/very-secret-part", "it cannot be reached"),
    ] {
        let mut command = binary.command(&["notices", "test", "ops"]);
        command.env("TEST_SLACK", address);
        let ran = crate::harness::ran(command).await;
        let all = format!("{}{}", ran.stdout, ran.stderr);
        assert!(ran.code == Some(1) && all.contains(expect), "{ran:?}");
        assert!(!all.contains("very-secret-part") && !all.contains("not an address"), "{ran:?}");
    }
    let mut command = binary.command(&["doctor"]);
    command.env("TEST_SLACK", "http://127.0.0.1:1/x");
    let ran = crate::harness::ran(command).await;
    let expect = "notices: ops is configured; `fieldmedic notices test ops` tries it";
    assert!(ran.stdout.contains(expect), "{ran:?}");
    let mut command = binary.command(&["notices", "test", "opps"]);
    command.env("TEST_SLACK", "http://127.0.0.1:1/x");
    let ran = crate::harness::ran(command).await;
    assert!(ran.stderr.contains("did you mean `ops`?"), "{ran:?}");
}
