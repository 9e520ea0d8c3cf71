//! Issues over HTTP.

use crate::github::Inner;
use crate::github::api::{parse, strings};
use crate::github::auth::{Number, RequestContext};
use crate::github::errors::{ApiResult, ErrorResponse, created, ok};
use crate::github::operations::NewIssue;
use crate::github::paging::PageRequest;
use crate::github::state::{Issue, IssueKind, RepoRole};
use axum::body::Bytes;
use axum::extract::Path;
use fieldmedic_core::ticket::TicketId;
use serde_json::Value;

pub(super) async fn list(visit: RequestContext, asked: PageRequest) -> ApiResult {
    visit.see()?;
    let since = asked.since()?;
    let labels: Vec<&str> = asked.get("labels").map_or_else(Vec::new, |names| names.split(',').collect());
    let world = visit.inner.world();
    let repo = world.repo(&visit.repo)?;
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
    asked.page(&world.base, issues.into_iter().map(|issue| world.issue_json(repo, issue)).collect())
}

pub(super) async fn get(visit: RequestContext, Path(Number { number }): Path<Number>) -> ApiResult {
    let id = visit.issue(number);
    visit.see()?;
    ok(show(&visit.inner, &id)?)
}

pub(super) async fn open(visit: RequestContext, body: Bytes) -> ApiResult {
    let role = visit.touch()?;
    let body = parse(&body)?;
    // GitHub drops labels and assignees without a word if the role does not allow them.
    let (labels, assignees) = match role >= RepoRole::Triage {
        true => (strings(&body, "labels"), strings(&body, "assignees")),
        false => (Vec::new(), Vec::new()),
    };
    let form = NewIssue {
        title: body["title"].as_str().unwrap_or_default(),
        body: body["body"].as_str(),
        labels: &labels,
        sort: IssueKind::Issue,
    };
    let (id, mut notices) = visit.inner.world().open(&visit.repo, &visit.actor.0, &form)?;
    for login in assignees {
        notices.extend(visit.inner.world().assign(&id, &visit.actor.0, &login)?);
    }
    visit.inner.tell(notices);
    created(show(&visit.inner, &id)?)
}

pub(super) async fn change(
    visit: RequestContext,
    Path(Number { number }): Path<Number>,
    body: Bytes,
) -> ApiResult {
    let id = visit.issue(number);
    let role = visit.touch()?;
    let mut world = visit.inner.world();
    let issue = world.issue(&id)?;
    if role < RepoRole::Triage && issue.author != visit.actor.0 {
        return Err(ErrorResponse::forbidden("Must have admin rights to Repository."));
    }
    let body = parse(&body)?;
    let mut notices = Vec::new();
    let (title, text) = (body["title"].as_str(), body["body"].as_str());
    if title.is_some() || text.is_some() {
        notices.extend(world.edit(&id, &visit.actor.0, title, text)?);
    }
    match body["state"].as_str() {
        Some("closed") => {
            let reason = match body["state_reason"].as_str() {
                None => "completed",
                Some(reason @ ("completed" | "not_planned" | "duplicate")) => reason,
                Some(_) => return Err(ErrorResponse::invalid("Issue", "state_reason", "invalid")),
            };
            notices.extend(world.close(&id, &visit.actor.0, reason)?);
        }
        Some("open") => notices.extend(world.reopen(&id, &visit.actor.0)?),
        Some(_) => return Err(ErrorResponse::invalid("Issue", "state", "invalid")),
        None => {}
    }
    drop(world);
    visit.inner.tell(notices);
    ok(show(&visit.inner, &id)?)
}

pub(super) async fn assign(
    visit: RequestContext,
    Path(Number { number }): Path<Number>,
    body: Bytes,
) -> ApiResult {
    let id = visit.issue(number);
    visit.touch_as(RepoRole::Triage)?;
    let body = parse(&body)?;
    visit.inner.world().issue(&id)?;
    for login in strings(&body, "assignees") {
        let notices = visit.inner.world().assign(&id, &visit.actor.0, &login)?;
        visit.inner.tell(notices);
    }
    created(show(&visit.inner, &id)?)
}

fn show(inner: &Inner, id: &TicketId) -> Result<Value, ErrorResponse> {
    let world = inner.world();
    Ok(world.issue_json(world.repo(&id.repo)?, world.issue(id)?))
}
