//! The webhooks of a repository over HTTP, and their delivery log. Only administrators of the repository see
//! them; others get 404.

use crate::github::auth::RequestContext;
use crate::github::errors::{ApiResult, ErrorResponse, accepted, created, ok};
use crate::github::json::stamp;
use crate::github::paging::PageRequest;
use crate::github::request_body::{parse, string, strings};
use crate::github::server::Server;
use crate::github::state::RepoRole;
use crate::github::webhooks::{AttemptStage, DeliveryAttempt, DeliveryKind, Hook, HookScope, Hooks};
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

pub(super) async fn list(context: RequestContext, asked: PageRequest) -> ApiResult {
    context.admin_access()?;
    let hooks = context.server.webhooks.hooks(&context.repo);
    asked.page(
        &context.server.url,
        hooks.iter().map(|hook| context.server.hook_json(&context.repo, hook)).collect(),
    )
}

/// Creates a hook. GitHub refuses a second one with the same address and events.
pub(super) async fn create(context: RequestContext, body: Bytes) -> ApiResult {
    context.admin_access()?;
    context.require_permission("repository_hooks", "write")?;
    let body = parse(&body)?;
    let config = |key| string(body.get("config")?, key);
    let url = config("url").filter(|url| url.starts_with("http"));
    let url = url.ok_or_else(|| ErrorResponse::invalid("Hook", "url", "missing_field"))?.to_owned();
    let secret = config("secret").unwrap_or_default().to_owned();
    let mut events = strings(&body, "events");
    if events.is_empty() {
        events.push("push".to_owned());
    }
    let now = context.server.state().now();
    let scope = HookScope::Repo(context.repo.clone());
    let active = body.get("active").and_then(Value::as_bool) != Some(false);
    let hook = Hook { id: 0, scope, to: Hooks { url, secret }, events, active, at: now };
    let hook =
        context.server.webhooks.add(hook).ok_or_else(|| ErrorResponse::exists("Hook", "this repository"))?;
    created(context.server.hook_json(&context.repo, &hook))
}

/// Changes a hook. As on GitHub, a new address without a secret removes the secret.
pub(super) async fn change(
    context: RequestContext,
    Path(Hooked { hook }): Path<Hooked>,
    body: Bytes,
) -> ApiResult {
    context.admin_access()?;
    context.require_permission("repository_hooks", "write")?;
    let body = parse(&body)?;
    let changed = context.server.webhooks.change(&context.repo, hook, |hook| {
        let config = |key| string(body.get("config")?, key);
        if let Some(url) = config("url") {
            let secret = config("secret").unwrap_or_default().to_owned();
            hook.to = Hooks { url: url.to_owned(), secret };
        }
        if body.get("events").is_some_and(Value::is_array) {
            hook.events = strings(&body, "events");
        }
        hook.active = body.get("active").and_then(Value::as_bool).unwrap_or(hook.active);
    });
    ok(context.server.hook_json(&context.repo, &changed.ok_or_else(ErrorResponse::not_found)?))
}

/// The finished attempts of one hook, newest first.
pub(super) async fn deliveries(
    context: RequestContext,
    Path(Hooked { hook }): Path<Hooked>,
    asked: PageRequest,
) -> ApiResult {
    context.admin_access()?;
    let lines = context.server.attempts(&context.repo, hook)?;
    let lines = lines.iter().rev().map(|attempt| (attempt.id, line_json(attempt)));
    asked.scroll(&context.server.url, lines.collect())
}

pub(super) async fn again(
    context: RequestContext,
    Path(Attempt { hook, delivery }): Path<Attempt>,
) -> ApiResult {
    context.admin_access()?;
    let known = context.server.attempts(&context.repo, hook)?.iter().any(|attempt| attempt.id == delivery);
    let now = context.server.state().now();
    match known && context.server.webhooks.again(now, |attempt| attempt.id == delivery) {
        true => accepted(),
        false => Err(ErrorResponse::not_found()),
    }
}

/// The same for the hook of an App, in one log for all repositories.
pub(super) async fn app_deliveries(State(server): State<Arc<Server>>, asked: PageRequest) -> ApiResult {
    let lines = server.webhooks.log();
    let lines = lines.iter().rev().filter(|attempt| attempt.stage == AttemptStage::Attempted);
    asked.scroll(&server.url, lines.map(|attempt| (attempt.id, line_json(attempt))).collect())
}

pub(super) async fn redeliver_app(State(server): State<Arc<Server>>, Path(delivery): Path<u64>) -> ApiResult {
    let now = server.state().now();
    match server.webhooks.again(now, |attempt| attempt.id == delivery) {
        true => accepted(),
        false => Err(ErrorResponse::not_found()),
    }
}

impl RequestContext {
    fn admin_access(&self) -> Result<(), ErrorResponse> {
        match self.read_access()? {
            RepoRole::Admin => self.require_permission("repository_hooks", "read"),
            _ => Err(ErrorResponse::not_found()),
        }
    }
}

impl Server {
    /// The finished attempts of one hook of a repository, oldest first. A hook of all repositories is shown
    /// as the repository's own, with the attempts about it.
    fn attempts(&self, address: &Repo, hook: u64) -> Result<Vec<DeliveryAttempt>, ErrorResponse> {
        if !self.webhooks.hooks(address).iter().any(|known| known.id == hook) {
            return Err(ErrorResponse::not_found());
        }
        let repository = self.state().repo(address)?.id;
        let is_meant = |attempt: &DeliveryAttempt| {
            attempt.hook == hook
                && attempt.repository == repository
                && attempt.stage == AttemptStage::Attempted
        };
        Ok(self.webhooks.log().into_iter().filter(is_meant).collect())
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

/// One line of the log. GitHub writes 502 if there was no answer.
fn line_json(attempt: &DeliveryAttempt) -> Value {
    let code = attempt.line.status.unwrap_or(502);
    let status = match attempt.line.status {
        None => "failed to connect to host".to_owned(),
        Some(200..300) => "OK".to_owned(),
        Some(other) => format!("Invalid HTTP Response: {other}"),
    };
    json!({
        "id": attempt.id,
        "guid": attempt.line.guid,
        "delivered_at": stamp(attempt.at),
        "redelivery": attempt.sort == DeliveryKind::Again,
        "duration": 0.1,
        "status": status,
        "status_code": code,
        "event": attempt.line.event,
        "action": attempt.line.action,
        "installation_id": null,
        "repository_id": attempt.repository,
        "throttled_at": null,
    })
}
