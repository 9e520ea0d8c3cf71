//! Comments and reactions over HTTP.

use crate::github::auth::{Number, RequestContext};
use crate::github::errors::{ApiResult, ErrorResponse, created, ok};
use crate::github::json::is_reaction;
use crate::github::operations::Created;
use crate::github::paging::PageRequest;
use crate::github::request_body::{parse, string};
use crate::github::server::Server;
use crate::github::state::RepoRole;
use axum::body::Bytes;
use axum::extract::Path;
use fieldmedic_core::ticket::Repo;
use serde_json::Value;

/// The comments of one issue, oldest first.
pub(super) async fn list(
    context: RequestContext,
    Path(Number { number }): Path<Number>,
    asked: PageRequest,
) -> ApiResult {
    let id = context.issue(number);
    context.read_access()?;
    let since = asked.since()?;
    let github = context.server.state();
    let (repo, issue) = (github.repo(&id.repo)?, github.issue(&id)?);
    let comments = issue.comments.iter().filter(|there| since.is_none_or(|since| there.updated_at >= since));
    asked.page(&github.base, comments.map(|comment| github.comment_json(repo, issue, comment)).collect())
}

/// The comments of all issues, the oldest first unless a `sort` is given.
pub(super) async fn list_all(context: RequestContext, asked: PageRequest) -> ApiResult {
    context.read_access()?;
    let since = asked.since()?;
    let github = context.server.state();
    let repo = github.repo(&context.repo)?;
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
    let json = found.into_iter().map(|(issue, comment)| github.comment_json(repo, issue, comment));
    asked.page(&github.base, json.collect())
}

pub(super) async fn get(
    context: RequestContext,
    Path(Number { number: comment }): Path<Number>,
) -> ApiResult {
    context.read_access()?;
    ok(show(&context.server, &context.repo, comment)?)
}

pub(super) async fn create(
    context: RequestContext,
    Path(Number { number }): Path<Number>,
    body: Bytes,
) -> ApiResult {
    let id = context.issue(number);
    let role = context.write_access()?;
    let body = parse(&body)?;
    let (comment, webhooks) = {
        let mut github = context.server.state();
        if github.issue(&id)?.locked && role < RepoRole::Write {
            return Err(ErrorResponse::forbidden("Unable to create comment because issue is locked."));
        }
        github.comment_on(&id, &context.actor.0, string(&body, "body").unwrap_or_default())?
    };
    context.server.send(webhooks);
    created(show(&context.server, &id.repo, comment)?)
}

pub(super) async fn edit(
    context: RequestContext,
    Path(Number { number: comment }): Path<Number>,
    body: Bytes,
) -> ApiResult {
    let role = context.write_access()?;
    let body = parse(&body)?;
    let webhooks = {
        let mut github = context.server.state();
        if github.comment(&context.repo, comment)?.1.author != context.actor.0 && role < RepoRole::Write {
            return Err(ErrorResponse::forbidden("Must have admin rights to Repository."));
        }
        github.edit_comment(
            &context.repo,
            comment,
            &context.actor.0,
            string(&body, "body").unwrap_or_default(),
        )?
    };
    context.server.send(webhooks);
    ok(show(&context.server, &context.repo, comment)?)
}

pub(super) async fn reactions(
    context: RequestContext,
    Path(Number { number: comment }): Path<Number>,
    asked: PageRequest,
) -> ApiResult {
    context.read_access()?;
    let github = context.server.state();
    let reactions = &github.comment(&context.repo, comment)?.1.reactions;
    let json = reactions.iter().map(|reaction| github.reaction_json(reaction));
    asked.page(&github.base, json.collect())
}

/// 201 for a new reaction, 200 for one that was there.
pub(super) async fn react(
    context: RequestContext,
    Path(Number { number: comment }): Path<Number>,
    body: Bytes,
) -> ApiResult {
    context.write_access()?;
    let body = parse(&body)?;
    let content = string(&body, "content").filter(|content| is_reaction(content));
    let content = content.ok_or_else(|| ErrorResponse::invalid("Reaction", "content", "invalid"))?;
    let mut github = context.server.state();
    match github.react(&context.repo, comment, &context.actor.0, content)? {
        (reaction, Created::Yes) => created(github.reaction_json(&reaction)),
        (reaction, Created::No) => ok(github.reaction_json(&reaction)),
    }
}

fn show(server: &Server, address: &Repo, comment: u64) -> Result<Value, ErrorResponse> {
    let github = server.state();
    let (issue, comment) = github.comment(address, comment)?;
    Ok(github.comment_json(github.repo(address)?, issue, comment))
}
