//! Issues over HTTP.

use super::Inner;
use super::answer::{Refusal, Reply, created, ok};
use super::api::{parse, strings, ticket};
use super::deed::Form;
use super::door::Actor;
use super::paging::Asked;
use super::world::{Issue, IssueSort, Role};
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
    let asked = Asked::new(&uri)?;
    let since = asked.since()?;
    let labels: Vec<&str> = asked.get("labels").map_or_else(Vec::new, |names| names.split(',').collect());
    let world = inner.world();
    let repo = world.repo(&address)?;
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

pub(super) async fn get(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path((owner, name, number)): Path<(String, String, u64)>,
) -> Reply {
    let id = ticket(owner, name, number);
    inner.see(&actor, &id.repo)?;
    ok(show(&inner, &id)?)
}

pub(super) async fn open(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Reply {
    let address = Repo { owner, name };
    let role = inner.touch(&actor, &address)?;
    let body = parse(&body)?;
    // GitHub drops labels and assignees without a word if the role does not allow them.
    let (labels, assignees) = match role >= Role::Triage {
        true => (strings(&body, "labels"), strings(&body, "assignees")),
        false => (Vec::new(), Vec::new()),
    };
    let form = Form {
        title: body["title"].as_str().unwrap_or_default(),
        body: body["body"].as_str(),
        labels: &labels,
        sort: IssueSort::Issue,
    };
    let (id, mut notices) = inner.world().open(&address, &actor.0, &form)?;
    for login in assignees {
        notices.extend(inner.world().assign(&id, &actor.0, &login)?);
    }
    inner.tell(notices);
    created(show(&inner, &id)?)
}

pub(super) async fn change(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path((owner, name, number)): Path<(String, String, u64)>,
    body: Bytes,
) -> Reply {
    let id = ticket(owner, name, number);
    let role = inner.touch(&actor, &id.repo)?;
    let mut world = inner.world();
    let issue = world.issue(&id)?;
    if role < Role::Triage && issue.author != actor.0 {
        return Err(Refusal::forbidden("Must have admin rights to Repository."));
    }
    let body = parse(&body)?;
    let mut notices = Vec::new();
    let (title, text) = (body["title"].as_str(), body["body"].as_str());
    if title.is_some() || text.is_some() {
        notices.extend(world.edit(&id, &actor.0, title, text)?);
    }
    match body["state"].as_str() {
        Some("closed") => {
            let reason = match body["state_reason"].as_str() {
                None => "completed",
                Some(reason @ ("completed" | "not_planned" | "duplicate")) => reason,
                Some(_) => return Err(Refusal::invalid("Issue", "state_reason", "invalid")),
            };
            notices.extend(world.close(&id, &actor.0, reason)?);
        }
        Some("open") => notices.extend(world.reopen(&id, &actor.0)?),
        Some(_) => return Err(Refusal::invalid("Issue", "state", "invalid")),
        None => {}
    }
    drop(world);
    inner.tell(notices);
    ok(show(&inner, &id)?)
}

pub(super) async fn assign(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path((owner, name, number)): Path<(String, String, u64)>,
    body: Bytes,
) -> Reply {
    let id = ticket(owner, name, number);
    inner.touch_as(&actor, &id.repo, Role::Triage)?;
    let body = parse(&body)?;
    inner.world().issue(&id)?;
    for login in strings(&body, "assignees") {
        let notices = inner.world().assign(&id, &actor.0, &login)?;
        inner.tell(notices);
    }
    created(show(&inner, &id)?)
}

fn show(inner: &Inner, id: &TicketId) -> Result<Value, Refusal> {
    let world = inner.world();
    Ok(world.issue_json(world.repo(&id.repo)?, world.issue(id)?))
}
