//! Labels over HTTP: those of a repository, and those on an issue.

use crate::github::auth::{Number, RequestContext};
use crate::github::errors::{ApiResult, ErrorResponse, created, ok};
use crate::github::paging::PageRequest;
use crate::github::request_body::{parse, string, strings};
use crate::github::server::Server;
use crate::github::state::RepoRole;
use axum::body::Bytes;
use axum::extract::Path;
use fieldmedic_core::ticket::TicketId;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(super) struct Named {
    label: String,
}

pub(super) async fn list(context: RequestContext, asked: PageRequest) -> ApiResult {
    context.read_access()?;
    let github = context.server.state();
    let repo = github.repo(&context.repo)?;
    let json = repo.labels.iter().map(|label| github.label_json(repo, label));
    asked.page(&github.base, json.collect())
}

pub(super) async fn get(context: RequestContext, Path(Named { label }): Path<Named>) -> ApiResult {
    context.read_access()?;
    let github = context.server.state();
    let repo = github.repo(&context.repo)?;
    ok(github.label_json(repo, repo.label(&label).ok_or_else(ErrorResponse::not_found)?))
}

pub(super) async fn create(context: RequestContext, body: Bytes) -> ApiResult {
    context.require_role(RepoRole::Write)?;
    let body = parse(&body)?;
    let name =
        string(&body, "name").ok_or_else(|| ErrorResponse::invalid("Label", "name", "missing_field"))?;
    let color = string(&body, "color").unwrap_or("ededed");
    let mut github = context.server.state();
    let label = github.create_label(&context.repo, name, color, string(&body, "description"))?;
    created(github.label_json(github.repo(&context.repo)?, &label))
}

/// Changes a label. The one change that the agent makes gives it the name that it has.
pub(super) async fn change(
    context: RequestContext,
    Path(Named { label }): Path<Named>,
    body: Bytes,
) -> ApiResult {
    context.require_role(RepoRole::Write)?;
    let body = parse(&body)?;
    let github = context.server.state();
    let repo = github.repo(&context.repo)?;
    let label = repo.label(&label).ok_or_else(ErrorResponse::not_found)?;
    match string(&body, "new_name").is_none_or(|name| name.eq_ignore_ascii_case(&label.name)) {
        true => ok(github.label_json(repo, label)),
        false => Err(ErrorResponse::invalid("Label", "name", "invalid")),
    }
}

pub(super) async fn on_issue(
    context: RequestContext,
    Path(Number { number }): Path<Number>,
    asked: PageRequest,
) -> ApiResult {
    let id = context.issue(number);
    context.read_access()?;
    asked.page(&context.server.url, shown(&context.server, &id)?)
}

pub(super) async fn add(
    context: RequestContext,
    Path(Number { number }): Path<Number>,
    body: Bytes,
) -> ApiResult {
    let id = context.issue(number);
    context.require_role(RepoRole::Triage)?;
    let body = parse(&body)?;
    context.server.state().issue(&id)?;
    for name in strings(&body, "labels") {
        let webhooks = context.server.state().label(&id, &context.actor.0, &name)?;
        context.server.send(webhooks);
    }
    ok(Value::Array(shown(&context.server, &id)?))
}

pub(super) async fn remove(
    context: RequestContext,
    Path(Number { number }): Path<Number>,
    Path(Named { label }): Path<Named>,
) -> ApiResult {
    let id = context.issue(number);
    context.require_role(RepoRole::Triage)?;
    let webhooks = context.server.state().unlabel(&id, &context.actor.0, &label)?;
    context.server.send(webhooks);
    ok(Value::Array(shown(&context.server, &id)?))
}

fn shown(server: &Server, id: &TicketId) -> Result<Vec<Value>, ErrorResponse> {
    let github = server.state();
    let repo = github.repo(&id.repo)?;
    let labels = github.issue(id)?.labels.iter().filter_map(|name| repo.label(name));
    Ok(labels.map(|label| github.label_json(repo, label)).collect())
}
