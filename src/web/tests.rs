//! The door, served on this machine: by hand for what nobody sends, and by the GitHub in a box.

use crate::core::text::redact::Redactor;
use crate::core::ticket::Repo;
use crate::github::webhook::{Delivery, Parsed, parse};
use crate::ports::Clock;
use crate::sandbox::github::{AccountKind, FakeGitHub, Hooks};
use crate::web::*;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

const SECRET: &str = "a shared secret";

/// A body and its signature, computed apart from this program:
/// `printf %s '{"zen":"x"}' | openssl dgst -sha256 -hmac 'a shared secret'`
const PING: (&str, &str) =
    (r#"{"zen":"x"}"#, "sha256=98e8dcfa1a593f5d20fbf5ffb229e6262386536ae4c201d469ad6ca57cd38691");

/// A signed body that is not what GitHub sends.
const LIST: (&str, &str) = ("[]", "sha256=dfe7f396a318b7ef7f90b7d25c8e14cf25a87b6e0497ed11fe8884579e554270");

struct Wall;

#[async_trait]
impl Clock for Wall {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    async fn sleep_until(&self, _: DateTime<Utc>) {}
}

/// Keeps what it is given, or refuses everything.
#[derive(Default)]
struct Shelf {
    kept: Mutex<Vec<Delivery>>,
    full: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl DeliverySink for Shelf {
    async fn store(&self, delivery: SignedDelivery<'_>) -> Result<Receipt, DeliveryNotStored> {
        let parsed = parse(delivery.event, delivery.body);
        let delivery = match parsed.map_err(|error| DeliveryNotStored::Unreadable(error.to_string()))? {
            Parsed::Ping => return Ok(Receipt::Ping),
            Parsed::Ignored => return Ok(Receipt::Ignored),
            Parsed::Delivery(delivery) => delivery.redact(&Redactor::default()),
        };
        if self.full.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(DeliveryNotStored::Unavailable("the disk is full".into()));
        }
        self.kept.lock().unwrap().push(delivery);
        Ok(Receipt::Accepted)
    }
}

/// Serves a door with these secrets, and gives its address.
async fn open(secrets: &[&str], sink: Arc<Shelf>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let door = WebhookConfig {
        secrets: Secrets::new(secrets.iter().map(|&secret| secret.to_owned().into())),
        body_limit: 64 * 1024,
        sink,
    };
    tokio::spawn(serve(listener, router(door), ServerLimits::default(), std::future::pending()));
    address
}

/// Sends a request as it stands, and gives the status.
async fn send(address: SocketAddr, head: &str, body: &str) -> u16 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request =
        format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    // The door may answer, and close, before it has read all.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

fn head(event: &str, content_type: &str, signature: &str) -> String {
    format!(
        "POST /webhook HTTP/1.1\r\nX-GitHub-Event: {event}\r\nContent-Type: {content_type}\r\n\
         X-Hub-Signature-256: {signature}"
    )
}

#[tokio::test]
async fn nothing_unsigned_comes_in() {
    let shelf = Arc::new(Shelf::default());
    let address = open(&["the old one", SECRET], shelf.clone()).await;
    let (ping, signature) = PING;
    let json = "application/json";
    let forged = format!("sha256={}", "0".repeat(64));
    let long = "x".repeat(64 * 1024 + 1);
    for (head, body, expect) in [
        (head("ping", json, signature), ping, 200),
        (head("star", json, signature), ping, 204),
        (head("", json, signature), ping, 204),
        (head("issues", json, signature), ping, 204),
        (head("issue_comment", json, LIST.1), LIST.0, 400),
        (head("ping", "application/x-www-form-urlencoded", signature), ping, 415),
        (head("ping", json, signature), "{\"zen\":\"y\"}", 401),
        (head("issues", json, &forged), ping, 401),
        (head("issues", json, ""), ping, 401),
        ("POST /webhook HTTP/1.1\r\nX-GitHub-Event: ping".into(), ping, 401),
        // Unsigned, and not even JSON: it is not looked at.
        (head("issues", json, &forged), "{", 401),
        (head("issues", json, &forged), &long, 413),
        ("GET /webhook HTTP/1.1".into(), "", 405),
        ("GET /healthz HTTP/1.1".into(), "", 200),
        ("GET /elsewhere HTTP/1.1".into(), "", 404),
    ] {
        assert_eq!(send(address, &head, body).await, expect, "{head}");
    }
    assert!(shelf.kept.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_body_without_a_length_is_capped_too() {
    let address = open(&[SECRET], Arc::default()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let request = format!("{}\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", head("ping", "x", "x"));
    let _ = stream.write_all(format!("{request}{}", chunk.repeat(5)).as_bytes()).await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn what_people_do_on_github_comes_in() {
    let shelf = Arc::new(Shelf::default());
    let address = open(&[SECRET], shelf.clone()).await;
    let hub = FakeGitHub::start(Arc::new(Wall)).await.unwrap();
    hub.register("medic[bot]", AccountKind::Bot, "token");
    hub.hook(Hooks { url: format!("http://{address}/webhook"), secret: SECRET.into() });
    let repo: Repo = "example/tickets".parse().unwrap();

    let id = hub.file(&repo, "ada", "Sync fails", "password=hunter2", &["support"]).unwrap();
    hub.comment(&id, "olive", "/qfield:support password=hunter2").unwrap();
    hub.comment(&id, "medic[bot]", "looking").unwrap();
    hub.close(&id, "ada", "completed").unwrap();
    hub.reopen(&id, "ada").unwrap();
    let pull = hub.propose(&repo, "ada", "a pull request", &[]).unwrap();
    hub.comment(&pull, "ada", "a comment on it").unwrap();
    hub.delivered().await;

    let log: Vec<_> = hub.deliveries().iter().map(|line| (line.action.clone(), line.status)).collect();
    let log: Vec<_> = log.iter().map(|(action, status)| (action.as_str(), status.unwrap())).collect();
    let comments = [("created", 202), ("created", 202)];
    let mut expect = vec![("opened", 202), ("labeled", 202)];
    expect.extend(comments);
    expect.extend([("closed", 202), ("reopened", 202), ("opened", 204), ("created", 204)]);
    assert_eq!(log, expect);

    let kept = shelf.kept.lock().unwrap().clone();
    let actions: Vec<_> = kept.iter().map(describe).collect();
    assert_eq!(
        actions,
        [
            "ada Opened example/tickets#1",
            "ada Labeled(\"support\") example/tickets#1",
            "olive wrote \"/qfield:support password=[redacted]\"",
            "medic[bot] (bot) wrote \"looking\"",
            "ada Closed example/tickets#1",
            "ada Reopened example/tickets#1",
        ]
    );
    let Delivery::IssueChanged { ticket, .. } = &kept[0] else { panic!("{kept:?}") };
    assert_eq!((ticket.body.as_str(), ticket.author.as_str()), ("password=[redacted]", "ada"));
}

fn describe(delivery: &Delivery) -> String {
    let (sender, what) = match delivery {
        Delivery::IssueChanged { ticket, action, sender } => (sender, format!("{action:?} {}", ticket.id)),
        Delivery::CommentCreated { comment, sender, .. } => (sender, format!("wrote {:?}", comment.body)),
    };
    format!("{}{} {what}", sender.login, if sender.is_bot { " (bot)" } else { "" })
}

#[tokio::test]
async fn what_could_not_be_kept_is_delivered_again() {
    let shelf = Arc::new(Shelf::default());
    shelf.full.store(true, std::sync::atomic::Ordering::Relaxed);
    let address = open(&[SECRET], shelf.clone()).await;
    let hub = FakeGitHub::start(Arc::new(Wall)).await.unwrap();
    hub.hook(Hooks { url: format!("http://{address}/webhook"), secret: SECRET.into() });
    hub.file(&"example/tickets".parse().unwrap(), "ada", "Sync fails", "", &[]).unwrap();
    hub.delivered().await;
    assert_eq!(hub.deliveries()[0].status, Some(503));
    shelf.full.store(false, std::sync::atomic::Ordering::Relaxed);
    assert!(hub.redeliver(&hub.deliveries()[0].guid) && !hub.redeliver("no such delivery"));
    hub.delivered().await;
    assert_eq!((hub.deliveries()[1].status, shelf.kept.lock().unwrap().len()), (Some(202), 1));
}

#[tokio::test]
async fn it_stops_when_it_is_told_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let door =
        WebhookConfig { secrets: Secrets::new([]), body_limit: BODY_LIMIT, sink: Arc::new(Shelf::default()) };
    let served =
        tokio::spawn(serve(listener, router(door), ServerLimits::default(), async { drop(stopped.await) }));
    stop.send(()).unwrap();
    served.await.unwrap();
}

/// Each holds a connection and sends no whole request: nothing, a part of a line, a part of the head, a part of
/// the body.
#[tokio::test]
async fn half_sent_requests_hold_nothing_for_long() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = WebhookConfig {
        secrets: Secrets::new([SECRET.to_owned().into()]),
        body_limit: BODY_LIMIT,
        sink: Arc::new(Shelf::default()),
    };
    let limits = ServerLimits {
        connections: 4,
        head_within: Duration::from_millis(200),
        lifetime: Duration::from_millis(600),
    };
    tokio::spawn(serve(listener, router(config), limits, std::future::pending()));
    let body = format!("{}\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{{", head("ping", "x", "x"));
    let mut held = Vec::new();
    for part in ["", "GET", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow", body.as_str()].repeat(10) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(part.as_bytes()).await.unwrap();
        held.push(stream);
    }
    // Somebody who sends a whole request is answered all the same.
    let patience = Duration::from_secs(60);
    let json = "application/json";
    let answer = tokio::time::timeout(patience, send(address, &head("ping", json, PING.1), PING.0)).await;
    assert_eq!(answer, Ok(200));
    for mut stream in held {
        let end = tokio::time::timeout(patience, stream.read_to_end(&mut Vec::new())).await;
        assert!(end.is_ok(), "the server still holds a connection that sent nothing more");
    }
}
