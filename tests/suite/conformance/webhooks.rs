//! Real webhooks, as GitHub sent them to somebody, at the agent's door.

use super::published;
use async_trait::async_trait;
use fieldmedic::core::text::redact::Redactor;
use fieldmedic::github::webhook::{Delivery, IssueAction, Parsed, parse};
use fieldmedic::web;
use fieldmedic::web::{
    BODY_LIMIT, DeliveryNotStored, DeliverySink, Receipt, Router, Secrets, SignedDelivery, WebhookConfig,
};
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use serde_json::Value;
use sha2::Sha256;
use std::sync::{Arc, Mutex};
use tower_service::Service;

const SECRET: &str = "a shared secret";

#[derive(Default)]
struct Shelf(Mutex<Vec<Delivery>>);

#[async_trait]
impl DeliverySink for Shelf {
    async fn store(&self, delivery: SignedDelivery<'_>) -> Result<Receipt, DeliveryNotStored> {
        let parsed = parse(delivery.event, delivery.body);
        match parsed.map_err(|error| DeliveryNotStored::Unreadable(error.to_string()))? {
            Parsed::Ping => Ok(Receipt::Ping),
            Parsed::Ignored => Ok(Receipt::Ignored),
            Parsed::Delivery(delivery) => {
                self.0.lock().expect("nobody panics here").push(delivery.redact(&Redactor::default()));
                Ok(Receipt::Accepted)
            }
        }
    }
}

/// Brings a webhook to the door, signed, and gives the status of the answer.
async fn bring(door: &Router, event: &str, payload: &Value) -> u16 {
    let body = payload.to_string();
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
    let signature = hex::encode(mac.chain_update(&body).finalize().into_bytes());
    let request = Request::post("/webhook")
        .header("content-type", "application/json")
        .header("x-github-event", event)
        .header("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
        .header("x-hub-signature-256", format!("sha256={signature}"))
        .body(body)
        .expect("a request");
    door.clone().call(request).await.expect("an answer").status().as_u16()
}

/// What the agent has a use for.
fn is_useful(event: &str, payload: &Value) -> bool {
    let subject = &payload["issue"];
    let action = payload["action"].as_str().unwrap_or_default();
    match (event, action) {
        _ if subject.get("pull_request").is_some() => false,
        ("issues", "labeled") => payload.get("label").is_some(),
        ("issues", "opened" | "edited" | "reopened") | ("issue_comment", "created") => true,
        _ => false,
    }
}

/// That a payload was read as what it is.
fn compare(delivery: &Delivery, payload: &Value) {
    let (issue, sender) = (&payload["issue"], &payload["sender"]);
    let (ticket, by) = match delivery {
        Delivery::IssueChanged { ticket, action, sender } => {
            let expect = match payload["action"].as_str().expect("an action") {
                "opened" => IssueAction::Opened,
                "edited" => IssueAction::Edited,
                "reopened" => IssueAction::Reopened,
                _ => IssueAction::Labeled(payload["label"]["name"].as_str().expect("a name").to_owned()),
            };
            assert_eq!(*action, expect);
            (ticket, sender)
        }
        Delivery::CommentCreated { ticket, comment, sender } => {
            let there = &payload["comment"];
            assert_eq!(there["id"], comment.id);
            assert_eq!(there["body"], comment.body.as_str());
            assert_eq!(there["user"]["login"], comment.author.as_str());
            assert_eq!(there["user"]["type"] == "Bot", comment.by_bot);
            (ticket, sender)
        }
    };
    let repository = payload["repository"]["full_name"].as_str().expect("a name");
    assert_eq!(repository.to_lowercase(), ticket.id.repo.to_string());
    assert_eq!(issue["number"], ticket.id.number);
    assert_eq!(issue["title"], ticket.title.as_str());
    assert_eq!(issue["body"].as_str().unwrap_or_default(), ticket.body.as_str());
    assert_eq!(issue["user"]["login"], ticket.author.as_str());
    assert_eq!(issue["html_url"], ticket.url.as_str());
    let labels = issue["labels"].as_array().into_iter().flatten();
    let labels: Vec<&str> = labels.map(|label| label["name"].as_str().expect("a name")).collect();
    assert_eq!(labels, ticket.labels);
    assert_eq!(sender["login"], by.login.as_str());
}

#[tokio::test]
async fn real_webhooks_are_read_as_what_they_are() {
    let shelf = Arc::new(Shelf::default());
    let door = web::router(WebhookConfig {
        secrets: Secrets::new([SECRET.to_owned().into()]),
        body_limit: BODY_LIMIT,
        sink: shelf.clone(),
    });
    let published = published("webhooks.json");
    let (mut taken, mut passed_over) = (0, 0);
    for kind in published.as_array().expect("a list") {
        let event = kind["name"].as_str().expect("a name");
        for payload in kind["examples"].as_array().expect("a list") {
            let status = bring(&door, event, payload).await;
            let kept = std::mem::take(&mut *shelf.0.lock().expect("nobody panics here"));
            let what = format!("{event} {}", payload["action"]);
            if event == "ping" {
                assert_eq!((status, kept.len()), (200, 0), "{what}");
            } else if is_useful(event, payload) {
                assert_eq!((status, kept.len()), (202, 1), "{what}");
                compare(&kept[0], payload);
                taken += 1;
            } else {
                assert_eq!((status, kept.len()), (204, 0), "{what}");
                passed_over += 1;
            }
        }
    }
    assert!(taken >= 10 && passed_over > 100, "{taken} were taken in, {passed_over} passed over");
}
