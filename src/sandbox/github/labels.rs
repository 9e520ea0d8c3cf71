//! Labels over HTTP: those of a repository, and those on an issue.

use super::Inner;
use super::answer::{Refusal, Reply, created, ok};
use super::api::{parse, strings, ticket};
use super::door::Actor;
use super::paging::Asked;
use super::world::Role;
use crate::core::ticket::{Repo, TicketId};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use http::Uri;
use serde_json::Value;
use std::sync::Arc;

pub(super) async fn list(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Reply {
    let address = Repo { owner, name };
    inner.see(&actor, &address)?;
    let world = inner.world();
    let repo = world.repo(&address)?;
    let json = repo.labels.iter().map(|label| world.label_json(repo, label));
    Asked::new(&uri)?.page(&world.base, json.collect())
}

pub(super) async fn get(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path((owner, name, label)): Path<(String, String, String)>,
) -> Reply {
    let address = Repo { owner, name };
    inner.see(&actor, &address)?;
    let world = inner.world();
    let repo = world.repo(&address)?;
    ok(world.label_json(repo, repo.label(&label).ok_or_else(Refusal::not_found)?))
}

pub(super) async fn create(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Reply {
    let address = Repo { owner, name };
    inner.touch_as(&actor, &address, Role::Write)?;
    let body = parse(&body)?;
    let name = body["name"].as_str().ok_or_else(|| Refusal::invalid("Label", "name", "missing_field"))?;
    let color = body["color"].as_str().unwrap_or("ededed");
    let mut world = inner.world();
    let label = world.create_label(&address, name, color, body["description"].as_str())?;
    created(world.label_json(world.repo(&address)?, &label))
}

pub(super) async fn on_issue(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path((owner, name, number)): Path<(String, String, u64)>,
    uri: Uri,
) -> Reply {
    let id = ticket(owner, name, number);
    inner.see(&actor, &id.repo)?;
    Asked::new(&uri)?.page(&inner.url, shown(&inner, &id)?)
}

pub(super) async fn add(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path((owner, name, number)): Path<(String, String, u64)>,
    body: Bytes,
) -> Reply {
    let id = ticket(owner, name, number);
    inner.touch_as(&actor, &id.repo, Role::Triage)?;
    let body = parse(&body)?;
    inner.world().issue(&id)?;
    for name in strings(&body, "labels") {
        let notices = inner.world().label(&id, &actor.0, &name)?;
        inner.tell(notices);
    }
    ok(Value::Array(shown(&inner, &id)?))
}

pub(super) async fn remove(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path((owner, name, number, label)): Path<(String, String, u64, String)>,
) -> Reply {
    let id = ticket(owner, name, number);
    inner.touch_as(&actor, &id.repo, Role::Triage)?;
    let notices = inner.world().unlabel(&id, &actor.0, &label)?;
    inner.tell(notices);
    ok(Value::Array(shown(&inner, &id)?))
}

fn shown(inner: &Inner, id: &TicketId) -> Result<Vec<Value>, Refusal> {
    let world = inner.world();
    let repo = world.repo(&id.repo)?;
    let labels = world.issue(id)?.labels.iter().filter_map(|name| repo.label(name));
    Ok(labels.map(|label| world.label_json(repo, label)).collect())
}
