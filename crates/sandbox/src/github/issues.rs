//! Issues over HTTP.

use crate::github::auth::{Number, RequestContext};
use crate::github::errors::{ApiResult, ErrorResponse, created, ok};
use crate::github::operations::NewIssue;
use crate::github::paging::PageRequest;
use crate::github::request_body::{parse, string, strings};
use crate::github::server::Server;
use crate::github::state::{Issue, IssueKind, RepoRole};
use axum::body::Bytes;
use axum::extract::Path;
use fieldmedic_core::ticket::TicketId;
use serde_json::Value;

pub(super) async fn list(context: RequestContext, asked: PageRequest) -> ApiResult {
    context.read_access()?;
    let since = asked.since()?;
    let labels: Vec<&str> = asked.get("labels").map_or_else(Vec::new, |names| names.split(',').collect());
    let github = context.server.state();
    let repo = github.repo(&context.repo)?;
    let mut issues: Vec<&Issue> = repo
        .issues
        .values()
        .filter(|issue| issue.is_there())
        .filter(|issue| match asked.get("state") {
            Some("all") => true,
            Some("closed") => issue.is_closed(),
            _ => !issue.is_closed(),
        })
        .filter(|issue| since.is_none_or(|since| issue.updated_at >= since))
        // By the login of an App, GitHub finds nothing everywhere.
        .filter(|issue| {
            asked
                .get("creator")
                .is_none_or(|who| issue.author.eq_ignore_ascii_case(who) && !who.ends_with("[bot]"))
        })
        .filter(|issue| {
            labels.iter().all(|name| issue.labels.iter().any(|there| there.eq_ignore_ascii_case(name)))
        })
        .collect();
    match asked.get("sort") {
        Some("updated") => issues.sort_by_key(|issue| (issue.updated_at, issue.number)),
        Some("comments") => issues.sort_by_key(|issue| (issue.comments.len(), issue.number)),
        _ => issues.sort_by_key(|issue| (issue.created_at, issue.number)),
    }
    if asked.descends() {
        issues.reverse();
    }
    asked.page(&github.base, issues.into_iter().map(|issue| github.issue_json(repo, issue)).collect())
}

pub(super) async fn get(context: RequestContext, Path(Number { number }): Path<Number>) -> ApiResult {
    let id = context.issue(number);
    context.read_access()?;
    ok(show(&context.server, &id)?)
}

pub(super) async fn open(context: RequestContext, body: Bytes) -> ApiResult {
    let role = context.write_access()?;
    let body = parse(&body)?;
    // GitHub drops labels and assignees without a word if the role does not allow them.
    let (labels, assignees) = match role >= RepoRole::Triage {
        true => (strings(&body, "labels"), strings(&body, "assignees")),
        false => (Vec::new(), Vec::new()),
    };
    let form = NewIssue {
        title: string(&body, "title").unwrap_or_default(),
        body: string(&body, "body"),
        labels: &labels,
        sort: IssueKind::Issue,
    };
    let (id, mut webhooks) = context.server.state().open(&context.repo, &context.actor.0, &form)?;
    for login in assignees {
        webhooks.extend(context.server.state().assign(&id, &context.actor.0, &login)?);
    }
    context.server.send(webhooks);
    created(show(&context.server, &id)?)
}

pub(super) async fn change(
    context: RequestContext,
    Path(Number { number }): Path<Number>,
    body: Bytes,
) -> ApiResult {
    let id = context.issue(number);
    let role = context.write_access()?;
    let mut github = context.server.state();
    let issue = github.issue(&id)?;
    if role < RepoRole::Triage && issue.author != context.actor.0 {
        return Err(ErrorResponse::forbidden("Must have admin rights to Repository."));
    }
    let body = parse(&body)?;
    let mut webhooks = Vec::new();
    let (title, text) = (string(&body, "title"), string(&body, "body"));
    if title.is_some() || text.is_some() {
        webhooks.extend(github.edit(&id, &context.actor.0, title, text)?);
    }
    match string(&body, "state") {
        Some("closed") => {
            let reason = match string(&body, "state_reason") {
                None => "completed",
                Some(reason @ ("completed" | "not_planned" | "duplicate")) => reason,
                Some(_) => return Err(ErrorResponse::invalid("Issue", "state_reason", "invalid")),
            };
            webhooks.extend(github.close(&id, &context.actor.0, reason)?);
        }
        Some("open") => webhooks.extend(github.reopen(&id, &context.actor.0)?),
        Some(_) => return Err(ErrorResponse::invalid("Issue", "state", "invalid")),
        None => {}
    }
    drop(github);
    context.server.send(webhooks);
    ok(show(&context.server, &id)?)
}

/// Everybody to whom any issue of the repository can be assigned.
pub(super) async fn assignees(context: RequestContext, asked: PageRequest) -> ApiResult {
    context.read_access()?;
    let github = context.server.state();
    let repo = github.repo(&context.repo)?;
    let people = github.users.keys().filter(|login| repo.role(login) >= RepoRole::Write);
    asked.page(&github.base, people.map(|login| github.user_json(login)).collect())
}

pub(super) async fn assign(
    context: RequestContext,
    Path(Number { number }): Path<Number>,
    body: Bytes,
) -> ApiResult {
    let id = context.issue(number);
    context.require_role(RepoRole::Triage)?;
    let body = parse(&body)?;
    context.server.state().issue(&id)?;
    for login in strings(&body, "assignees") {
        let webhooks = context.server.state().assign(&id, &context.actor.0, &login)?;
        context.server.send(webhooks);
    }
    created(show(&context.server, &id)?)
}

fn show(server: &Server, id: &TicketId) -> Result<Value, ErrorResponse> {
    let github = server.state();
    Ok(github.issue_json(github.repo(&id.repo)?, github.issue(id)?))
}
