//! Labels over HTTP: those of a repository, and those on an issue.

use crate::github::Inner;
use crate::github::api::{parse, strings};
use crate::github::auth::{Number, RequestContext};
use crate::github::errors::{ApiResult, ErrorResponse, created, ok};
use crate::github::paging::PageRequest;
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

pub(super) async fn list(visit: RequestContext, asked: PageRequest) -> ApiResult {
    visit.see()?;
    let world = visit.inner.world();
    let repo = world.repo(&visit.repo)?;
    let json = repo.labels.iter().map(|label| world.label_json(repo, label));
    asked.page(&world.base, json.collect())
}

pub(super) async fn get(visit: RequestContext, Path(Named { label }): Path<Named>) -> ApiResult {
    visit.see()?;
    let world = visit.inner.world();
    let repo = world.repo(&visit.repo)?;
    ok(world.label_json(repo, repo.label(&label).ok_or_else(ErrorResponse::not_found)?))
}

pub(super) async fn create(visit: RequestContext, body: Bytes) -> ApiResult {
    visit.touch_as(RepoRole::Write)?;
    let body = parse(&body)?;
    let name =
        body["name"].as_str().ok_or_else(|| ErrorResponse::invalid("Label", "name", "missing_field"))?;
    let color = body["color"].as_str().unwrap_or("ededed");
    let mut world = visit.inner.world();
    let label = world.create_label(&visit.repo, name, color, body["description"].as_str())?;
    created(world.label_json(world.repo(&visit.repo)?, &label))
}

pub(super) async fn on_issue(
    visit: RequestContext,
    Path(Number { number }): Path<Number>,
    asked: PageRequest,
) -> ApiResult {
    let id = visit.issue(number);
    visit.see()?;
    asked.page(&visit.inner.url, shown(&visit.inner, &id)?)
}

pub(super) async fn add(
    visit: RequestContext,
    Path(Number { number }): Path<Number>,
    body: Bytes,
) -> ApiResult {
    let id = visit.issue(number);
    visit.touch_as(RepoRole::Triage)?;
    let body = parse(&body)?;
    visit.inner.world().issue(&id)?;
    for name in strings(&body, "labels") {
        let notices = visit.inner.world().label(&id, &visit.actor.0, &name)?;
        visit.inner.tell(notices);
    }
    ok(Value::Array(shown(&visit.inner, &id)?))
}

pub(super) async fn remove(
    visit: RequestContext,
    Path(Number { number }): Path<Number>,
    Path(Named { label }): Path<Named>,
) -> ApiResult {
    let id = visit.issue(number);
    visit.touch_as(RepoRole::Triage)?;
    let notices = visit.inner.world().unlabel(&id, &visit.actor.0, &label)?;
    visit.inner.tell(notices);
    ok(Value::Array(shown(&visit.inner, &id)?))
}

fn shown(inner: &Inner, id: &TicketId) -> Result<Vec<Value>, ErrorResponse> {
    let world = inner.world();
    let repo = world.repo(&id.repo)?;
    let labels = world.issue(id)?.labels.iter().filter_map(|name| repo.label(name));
    Ok(labels.map(|label| world.label_json(repo, label)).collect())
}
