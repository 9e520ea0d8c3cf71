//! The webhooks of a repository over HTTP, and the log of what they delivered. GitHub shows them to those
//! alone who administer the repository; to others there are none.

use crate::github::Inner;
use crate::github::api::{parse, strings};
use crate::github::auth::RequestContext;
use crate::github::errors::{ApiResult, ErrorResponse, accepted, created, ok};
use crate::github::json::stamp;
use crate::github::paging::PageRequest;
use crate::github::state::RepoRole;
use crate::github::webhooks::{AttemptStage, DeliveryAttempt, Hook, Hooks, Of, Sort};
use axum::body::Bytes;
use axum::extract::{Path, State};
use fieldmedic_core::ticket::Repo;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
pub(super) struct Hooked {
    hook: u64,
}

#[derive(Deserialize)]
pub(super) struct Attempt {
    hook: u64,
    delivery: u64,
}

pub(super) async fn list(visit: RequestContext, asked: PageRequest) -> ApiResult {
    visit.administer()?;
    let hooks = visit.inner.post.hooks(&visit.repo);
    asked.page(&visit.inner.url, hooks.iter().map(|hook| visit.inner.hook_json(&visit.repo, hook)).collect())
}

/// A new hook. GitHub takes no second one with the same address and events.
pub(super) async fn create(visit: RequestContext, body: Bytes) -> ApiResult {
    visit.administer()?;
    visit.allows("repository_hooks", "write")?;
    let body = parse(&body)?;
    let config = &body["config"];
    let url = config["url"].as_str().filter(|url| url.starts_with("http"));
    let url = url.ok_or_else(|| ErrorResponse::invalid("Hook", "url", "missing_field"))?.to_owned();
    let secret = config["secret"].as_str().unwrap_or_default().to_owned();
    let mut events = strings(&body, "events");
    if events.is_empty() {
        events.push("push".to_owned());
    }
    let now = visit.inner.world().now();
    let of = Of::Repo(visit.repo.clone());
    let active = body["active"].as_bool() != Some(false);
    let hook = Hook { id: 0, of, to: Hooks { url, secret }, events, active, at: now };
    let hook = visit.inner.post.add(hook).ok_or_else(|| ErrorResponse::exists("Hook", "this repository"))?;
    created(visit.inner.hook_json(&visit.repo, &hook))
}

/// Other events, another secret; a secret that is not named is lost, as GitHub has it.
pub(super) async fn change(
    visit: RequestContext,
    Path(Hooked { hook }): Path<Hooked>,
    body: Bytes,
) -> ApiResult {
    visit.administer()?;
    visit.allows("repository_hooks", "write")?;
    let body = parse(&body)?;
    let changed = visit.inner.post.change(&visit.repo, hook, |hook| {
        if let Some(url) = body["config"]["url"].as_str() {
            let secret = body["config"]["secret"].as_str().unwrap_or_default().to_owned();
            hook.to = Hooks { url: url.to_owned(), secret };
        }
        if body["events"].is_array() {
            hook.events = strings(&body, "events");
        }
        hook.active = body["active"].as_bool().unwrap_or(hook.active);
    });
    ok(visit.inner.hook_json(&visit.repo, &changed.ok_or_else(ErrorResponse::not_found)?))
}

/// The attempts of one hook that are over, newest first.
pub(super) async fn deliveries(
    visit: RequestContext,
    Path(Hooked { hook }): Path<Hooked>,
    asked: PageRequest,
) -> ApiResult {
    visit.administer()?;
    let lines = visit.inner.attempts(&visit.repo, hook)?;
    let lines = lines.iter().rev().map(|parcel| (parcel.id, line_json(parcel)));
    asked.scroll(&visit.inner.url, lines.collect())
}

pub(super) async fn again(
    visit: RequestContext,
    Path(Attempt { hook, delivery }): Path<Attempt>,
) -> ApiResult {
    visit.administer()?;
    let known = visit.inner.attempts(&visit.repo, hook)?.iter().any(|parcel| parcel.id == delivery);
    let now = visit.inner.world().now();
    match known && visit.inner.post.again(now, |parcel| parcel.id == delivery) {
        true => accepted(),
        false => Err(ErrorResponse::not_found()),
    }
}

/// The same for the hook of an App, in one log for all repositories.
pub(super) async fn of_app(State(inner): State<Arc<Inner>>, asked: PageRequest) -> ApiResult {
    let lines = inner.post.log();
    let lines = lines.iter().rev().filter(|parcel| parcel.stage == AttemptStage::Attempted);
    asked.scroll(&inner.url, lines.map(|parcel| (parcel.id, line_json(parcel))).collect())
}

pub(super) async fn again_of_app(State(inner): State<Arc<Inner>>, Path(delivery): Path<u64>) -> ApiResult {
    let now = inner.world().now();
    match inner.post.again(now, |parcel| parcel.id == delivery) {
        true => accepted(),
        false => Err(ErrorResponse::not_found()),
    }
}

impl RequestContext {
    fn administer(&self) -> Result<(), ErrorResponse> {
        match self.see()? {
            RepoRole::Admin => self.allows("repository_hooks", "read"),
            _ => Err(ErrorResponse::not_found()),
        }
    }
}

impl Inner {
    /// What one hook of a repository has tried so far, oldest first. A hook that tells of everything is
    /// shown as the repository's own, with what concerns it.
    fn attempts(&self, address: &Repo, hook: u64) -> Result<Vec<DeliveryAttempt>, ErrorResponse> {
        if !self.post.hooks(address).iter().any(|known| known.id == hook) {
            return Err(ErrorResponse::not_found());
        }
        let repository = self.world().repo(address)?.id;
        let is_meant = |parcel: &DeliveryAttempt| {
            parcel.hook == hook && parcel.repository == repository && parcel.stage == AttemptStage::Attempted
        };
        Ok(self.post.log().into_iter().filter(is_meant).collect())
    }

    fn hook_json(&self, address: &Repo, hook: &Hook) -> Value {
        let url = format!("{}/repos/{address}/hooks/{}", self.url, hook.id);
        let last = self.attempts(address, hook.id).ok().and_then(|all| all.last()?.line.status);
        json!({
            "type": "Repository",
            "id": hook.id,
            "name": "web",
            "active": hook.active,
            "events": hook.events,
            "config": {
                "content_type": "json",
                "insecure_ssl": "0",
                "secret": "********",
                "url": hook.to.url,
            },
            "updated_at": stamp(hook.at),
            "created_at": stamp(hook.at),
            "url": url,
            "test_url": format!("{url}/test"),
            "ping_url": format!("{url}/pings"),
            "deliveries_url": format!("{url}/deliveries"),
            "last_response": {
                "code": last,
                "status": if last.is_some() { "active" } else { "unused" },
                "message": null,
            },
        })
    }
}

/// One line of the log. Where nobody answered, GitHub writes 502.
fn line_json(parcel: &DeliveryAttempt) -> Value {
    let code = parcel.line.status.unwrap_or(502);
    let status = match parcel.line.status {
        None => "failed to connect to host".to_owned(),
        Some(200..300) => "OK".to_owned(),
        Some(other) => format!("Invalid HTTP Response: {other}"),
    };
    json!({
        "id": parcel.id,
        "guid": parcel.line.guid,
        "delivered_at": stamp(parcel.at),
        "redelivery": parcel.sort == Sort::Again,
        "duration": 0.1,
        "status": status,
        "status_code": code,
        "event": parcel.line.event,
        "action": parcel.line.action,
        "installation_id": null,
        "repository_id": parcel.repository,
        "throttled_at": null,
    })
}
