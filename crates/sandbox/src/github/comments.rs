//! Comments and reactions over HTTP.

use crate::github::Inner;
use crate::github::api::parse;
use crate::github::auth::{Number, RequestContext};
use crate::github::errors::{ApiResult, ErrorResponse, created, ok};
use crate::github::json::is_reaction;
use crate::github::operations::Created;
use crate::github::paging::PageRequest;
use crate::github::state::RepoRole;
use axum::body::Bytes;
use axum::extract::Path;
use fieldmedic_core::ticket::Repo;
use serde_json::Value;

/// The comments of one issue, oldest first.
pub(super) async fn list(
    visit: RequestContext,
    Path(Number { number }): Path<Number>,
    asked: PageRequest,
) -> ApiResult {
    let id = visit.issue(number);
    visit.see()?;
    let since = asked.since()?;
    let world = visit.inner.world();
    let (repo, issue) = (world.repo(&id.repo)?, world.issue(&id)?);
    let comments = issue.comments.iter().filter(|there| since.is_none_or(|since| there.updated_at >= since));
    asked.page(&world.base, comments.map(|comment| world.comment_json(repo, issue, comment)).collect())
}

/// The comments of all issues, the oldest first unless a `sort` is given.
pub(super) async fn list_all(visit: RequestContext, asked: PageRequest) -> ApiResult {
    visit.see()?;
    let since = asked.since()?;
    let world = visit.inner.world();
    let repo = world.repo(&visit.repo)?;
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

pub(super) async fn get(visit: RequestContext, Path(Number { number: comment }): Path<Number>) -> ApiResult {
    visit.see()?;
    ok(show(&visit.inner, &visit.repo, comment)?)
}

pub(super) async fn create(
    visit: RequestContext,
    Path(Number { number }): Path<Number>,
    body: Bytes,
) -> ApiResult {
    let id = visit.issue(number);
    let role = visit.touch()?;
    let body = parse(&body)?;
    let (comment, notices) = {
        let mut world = visit.inner.world();
        if world.issue(&id)?.locked && role < RepoRole::Write {
            return Err(ErrorResponse::forbidden("Unable to create comment because issue is locked."));
        }
        world.comment_on(&id, &visit.actor.0, body["body"].as_str().unwrap_or_default())?
    };
    visit.inner.tell(notices);
    created(show(&visit.inner, &id.repo, comment)?)
}

pub(super) async fn edit(
    visit: RequestContext,
    Path(Number { number: comment }): Path<Number>,
    body: Bytes,
) -> ApiResult {
    let role = visit.touch()?;
    let body = parse(&body)?;
    let notices = {
        let mut world = visit.inner.world();
        if world.comment(&visit.repo, comment)?.1.author != visit.actor.0 && role < RepoRole::Write {
            return Err(ErrorResponse::forbidden("Must have admin rights to Repository."));
        }
        world.edit_comment(&visit.repo, comment, &visit.actor.0, body["body"].as_str().unwrap_or_default())?
    };
    visit.inner.tell(notices);
    ok(show(&visit.inner, &visit.repo, comment)?)
}

pub(super) async fn reactions(
    visit: RequestContext,
    Path(Number { number: comment }): Path<Number>,
    asked: PageRequest,
) -> ApiResult {
    visit.see()?;
    let world = visit.inner.world();
    let reactions = &world.comment(&visit.repo, comment)?.1.reactions;
    let json = reactions.iter().map(|reaction| world.reaction_json(reaction));
    asked.page(&world.base, json.collect())
}

/// 201 for a new reaction, 200 for one that was there.
pub(super) async fn react(
    visit: RequestContext,
    Path(Number { number: comment }): Path<Number>,
    body: Bytes,
) -> ApiResult {
    visit.touch()?;
    let body = parse(&body)?;
    let content = body["content"].as_str().filter(|content| is_reaction(content));
    let content = content.ok_or_else(|| ErrorResponse::invalid("Reaction", "content", "invalid"))?;
    let mut world = visit.inner.world();
    match world.react(&visit.repo, comment, &visit.actor.0, content)? {
        (reaction, Created::Yes) => created(world.reaction_json(&reaction)),
        (reaction, Created::No) => ok(world.reaction_json(&reaction)),
    }
}

fn show(inner: &Inner, address: &Repo, comment: u64) -> Result<Value, ErrorResponse> {
    let world = inner.world();
    let (issue, comment) = world.comment(address, comment)?;
    Ok(world.comment_json(world.repo(address)?, issue, comment))
}
