//! Comments and reactions over HTTP.

use super::Inner;
use super::answer::{Refusal, Reply, created, ok};
use super::api::{parse, ticket};
use super::deed::Fresh;
use super::door::Actor;
use super::paging::Asked;
use super::shape::is_reaction;
use super::world::Role;
use crate::core::ticket::Repo;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use http::Uri;
use serde_json::Value;
use std::sync::Arc;

/// The comments of one issue, oldest first.
pub(super) async fn list(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path((owner, name, number)): Path<(String, String, u64)>,
    uri: Uri,
) -> Reply {
    let id = ticket(owner, name, number);
    inner.see(&actor, &id.repo)?;
    let asked = Asked::new(&uri)?;
    let since = asked.since()?;
    let world = inner.world();
    let (repo, issue) = (world.repo(&id.repo)?, world.issue(&id)?);
    let comments = issue.comments.iter().filter(|there| since.is_none_or(|since| there.updated_at >= since));
    asked.page(&world.base, comments.map(|comment| world.comment_json(repo, issue, comment)).collect())
}

/// The comments of all issues, the oldest first unless a `sort` is given.
pub(super) async fn list_all(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Reply {
    let address = Repo { owner, name };
    inner.see(&actor, &address)?;
    let asked = Asked::new(&uri)?;
    let since = asked.since()?;
    let world = inner.world();
    let repo = world.repo(&address)?;
    let mut found: Vec<_> = repo
        .issues
        .values()
        .filter(|issue| issue.is_there())
        .flat_map(|issue| issue.comments.iter().map(move |comment| (issue, comment)))
        .filter(|(_, comment)| since.is_none_or(|since| comment.updated_at >= since))
        .collect();
    match asked.get("sort") {
        Some("updated") => found.sort_by_key(|(_, comment)| (comment.updated_at, comment.id)),
        _ => found.sort_by_key(|(_, comment)| comment.id),
    }
    if asked.get("sort").is_some() && asked.descends() {
        found.reverse();
    }
    let json = found.into_iter().map(|(issue, comment)| world.comment_json(repo, issue, comment));
    asked.page(&world.base, json.collect())
}

pub(super) async fn get(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path((owner, name, comment)): Path<(String, String, u64)>,
) -> Reply {
    let address = Repo { owner, name };
    inner.see(&actor, &address)?;
    ok(show(&inner, &address, comment)?)
}

pub(super) async fn create(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path((owner, name, number)): Path<(String, String, u64)>,
    body: Bytes,
) -> Reply {
    let id = ticket(owner, name, number);
    let role = inner.touch(&actor, &id.repo)?;
    let body = parse(&body)?;
    let (comment, notices) = {
        let mut world = inner.world();
        if world.issue(&id)?.locked && role < Role::Write {
            return Err(Refusal::forbidden("Unable to create comment because issue is locked."));
        }
        world.comment_on(&id, &actor.0, body["body"].as_str().unwrap_or_default())?
    };
    inner.tell(notices);
    created(show(&inner, &id.repo, comment)?)
}

pub(super) async fn edit(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path((owner, name, comment)): Path<(String, String, u64)>,
    body: Bytes,
) -> Reply {
    let address = Repo { owner, name };
    let role = inner.touch(&actor, &address)?;
    let body = parse(&body)?;
    let notices = {
        let mut world = inner.world();
        if world.comment(&address, comment)?.1.author != actor.0 && role < Role::Write {
            return Err(Refusal::forbidden("Must have admin rights to Repository."));
        }
        world.edit_comment(&address, comment, &actor.0, body["body"].as_str().unwrap_or_default())?
    };
    inner.tell(notices);
    ok(show(&inner, &address, comment)?)
}

pub(super) async fn reactions(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path((owner, name, comment)): Path<(String, String, u64)>,
    uri: Uri,
) -> Reply {
    let address = Repo { owner, name };
    inner.see(&actor, &address)?;
    let world = inner.world();
    let reactions = &world.comment(&address, comment)?.1.reactions;
    let json = reactions.iter().map(|reaction| world.reaction_json(reaction));
    Asked::new(&uri)?.page(&world.base, json.collect())
}

/// 201 for a new reaction, 200 for one that was there.
pub(super) async fn react(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path((owner, name, comment)): Path<(String, String, u64)>,
    body: Bytes,
) -> Reply {
    let address = Repo { owner, name };
    inner.touch(&actor, &address)?;
    let body = parse(&body)?;
    let content = body["content"].as_str().filter(|content| is_reaction(content));
    let content = content.ok_or_else(|| Refusal::invalid("Reaction", "content", "invalid"))?;
    let mut world = inner.world();
    match world.react(&address, comment, &actor.0, content)? {
        (reaction, Fresh::Yes) => created(world.reaction_json(&reaction)),
        (reaction, Fresh::No) => ok(world.reaction_json(&reaction)),
    }
}

fn show(inner: &Inner, address: &Repo, comment: u64) -> Result<Value, Refusal> {
    let world = inner.world();
    let (issue, comment) = world.comment(address, comment)?;
    Ok(world.comment_json(world.repo(address)?, issue, comment))
}
