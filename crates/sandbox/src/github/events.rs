//! The events of an issue over HTTP. As on GitHub, the actor of `mentioned` is the mentioned account, and the
//! actor of `assigned` is the assignee.

use crate::github::auth::{Number, RequestContext};
use crate::github::errors::ApiResult;
use crate::github::json::with;
use crate::github::paging::PageRequest;
use crate::github::state::{GitHubState, Issue, IssueEvent, IssueEventKind, Repository};
use axum::extract::Path;
use chrono::SecondsFormat;
use serde_json::{Value, json};

pub(super) async fn list(
    context: RequestContext,
    Path(Number { number }): Path<Number>,
    asked: PageRequest,
) -> ApiResult {
    let id = context.issue(number);
    context.read_access()?;
    let github = context.server.state();
    let (repo, issue) = (github.repo(&id.repo)?, github.issue(&id)?);
    let told = issue.events.iter().flat_map(|event| github.told(repo, issue, event));
    let numbered = told.enumerate().map(|(index, event)| github.event_json(repo, issue, index, event));
    asked.page(&github.base, numbered.collect())
}

impl GitHubState {
    /// GitHub's events for one event of the issue. A comment alone gives none.
    fn told(&self, repo: &Repository, issue: &Issue, event: &IssueEvent) -> Vec<Value> {
        let IssueEvent { at, actor, what } = event;
        let by = |word: &str, who: &str| {
            json!({
                "event": word,
                "actor": self.user_json(who),
                "created_at": at.to_rfc3339_opts(SecondsFormat::Secs, true),
            })
        };
        let labelled = |word: &str, name: &str| {
            let color = repo.label(name).map_or("ededed", |label| &label.color);
            with(by(word, actor), [("label", json!({ "name": name, "color": color }))])
        };
        match what {
            IssueEventKind::Opened | IssueEventKind::Edited | IssueEventKind::CommentEdited(_) => Vec::new(),
            IssueEventKind::Labeled(name) => vec![labelled("labeled", name)],
            IssueEventKind::Unlabeled(name) => vec![labelled("unlabeled", name)],
            IssueEventKind::Assigned(login) => {
                let people = [("assignee", self.user_json(login)), ("assigner", self.user_json(actor))];
                vec![with(by("assigned", login), people)]
            }
            IssueEventKind::Commented(id) => {
                let body = issue.comments.iter().find(|comment| comment.id == *id).map(|it| it.body.as_str());
                let words = body.unwrap_or_default().split(|c: char| c.is_whitespace() || c == ':');
                let logins = words.filter_map(|word| word.strip_prefix('@'));
                let known = logins.filter(|login| self.users.contains_key(*login));
                known.map(|login| by("mentioned", login)).collect()
            }
            IssueEventKind::Closed => vec![by("closed", actor)],
            IssueEventKind::Reopened => vec![by("reopened", actor)],
            IssueEventKind::Locked => vec![by("locked", actor)],
        }
    }

    fn event_json(&self, repo: &Repository, issue: &Issue, index: usize, event: Value) -> Value {
        let id = issue.id * 1000 + index as u64;
        let names = [
            ("id", json!(id)),
            ("node_id", json!(format!("EV_{id:08x}"))),
            ("url", json!(format!("{}/repos/{}/issues/events/{id}", self.base, repo.address))),
        ];
        let unset = ["commit_id", "commit_url", "performed_via_github_app"];
        with(with(event, names), unset.map(|name| (name, Value::Null)))
    }
}
