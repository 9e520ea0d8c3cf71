//! Signed deliveries, each stored durably before it is answered.

use crate::Figure;
use crate::setup::{SECRET, Setup};
use hmac::{Hmac, KeyInit, Mac};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use sha2::Sha256;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const DELIVERIES: u64 = 20_000;
const CONNECTIONS: usize = 48;

pub async fn measure(program: &Path) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (name, event, wanted) in
        [("stored", "issues", true), ("of another repository", "issues", false), ("of no use", "push", false)]
    {
        let setup = Setup::new().await;
        let daemon = setup.serve(program).await;
        let idle = daemon.memory();
        let repo = if wanted { "example/tickets" } else { "example/other" };
        let (rate, slowest) = load(setup.webhook, event, repo).await;
        figures.push(Figure::new(name, rate, "/s"));
        figures.push(Figure::ms(format!("{name}, slowest"), slowest));
        figures.push(Figure::new(format!("{name}, memory before"), idle, "MB"));
        figures.push(Figure::new(format!("{name}, memory after"), daemon.memory(), "MB"));
    }
    figures
}

async fn load(port: u16, event: &'static str, repo: &'static str) -> (f64, Duration) {
    let client: Client<HttpConnector, Full<VecDeque<u8>>> =
        Client::builder(TokioExecutor::new()).build_http();
    let next = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let tasks: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (client, next) = (client.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                let mut slowest = Duration::ZERO;
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= DELIVERIES {
                        return slowest;
                    }
                    let sent = Instant::now();
                    let answer =
                        client.request(delivery(port, event, repo, number)).await.expect("an answer");
                    assert!(
                        answer.status() == StatusCode::ACCEPTED || answer.status().is_success(),
                        "{answer:?}"
                    );
                    answer.into_body().collect().await.expect("a body");
                    slowest = slowest.max(sent.elapsed());
                }
            })
        })
        .collect();
    let mut slowest = Duration::ZERO;
    for task in tasks {
        slowest = slowest.max(task.await.expect("it sends"));
    }
    (DELIVERIES as f64 / begun.elapsed().as_secs_f64(), slowest)
}

/// An issue with two kilobytes of text, as GitHub sends it.
fn delivery(port: u16, event: &str, repo: &str, number: u64) -> Request<Full<VecDeque<u8>>> {
    let user = json!({ "login": "field-agent", "id": 7, "type": "User" });
    let text = "The synchronisation has been waiting since this morning, and nothing happens. ".repeat(26);
    let body = json!({
        "action": "opened",
        "issue": {
            "id": number, "number": number, "title": "The server is slow", "body": text, "user": user,
            "labels": [{ "id": 1, "name": "support", "color": "ffffff" }], "state": "open", "locked": false,
            "created_at": "2026-01-05T08:00:00Z", "updated_at": "2026-01-05T08:00:00Z",
            "html_url": format!("https://github.com/{repo}/issues/{number}"),
        },
        "repository": { "id": 1, "full_name": repo },
        "sender": user,
    })
    .to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(body.as_bytes());
    Request::builder()
        .method(Method::POST)
        .uri(format!("http://127.0.0.1:{port}/webhook"))
        .header("content-type", "application/json")
        .header("x-github-event", event)
        .header("x-github-delivery", number.to_string())
        .header("x-hub-signature-256", format!("sha256={}", hex::encode(mac.finalize().into_bytes())))
        .body(Full::new(body.into_bytes().into()))
        .expect("a request")
}
