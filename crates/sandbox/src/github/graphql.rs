//! GraphQL: the one query that the REST API does not answer, whether a comment was edited within the second in
//! which it was posted.

use crate::github::auth::{Actor, Through};
use crate::github::errors::{ApiResult, ok};
use crate::github::request_body::{parse, string};
use crate::github::server::Server;
use crate::github::state::{GitHubState, IssueEventKind, RepoRole};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use chrono::SecondsFormat;
use serde_json::{Value, json};
use std::sync::Arc;

/// The query, its spaces apart.
const QUERY: &str = "query($id: ID!) { node(id: $id) { ... on IssueComment { lastEditedAt } } }";

/// Answers the query. As on GitHub, an error has status 200.
pub(super) async fn answer(
    State(server): State<Arc<Server>>,
    Extension(actor): Extension<Actor>,
    body: Bytes,
) -> ApiResult {
    let body = parse(&body)?;
    let query = string(&body, "query").unwrap_or_default();
    if query.split_whitespace().ne(QUERY.split_whitespace()) {
        return ok(json!({ "errors": [{ "message": "The simulated GitHub does not know this query" }] }));
    }
    let id = body.pointer("/variables/id").and_then(Value::as_str).unwrap_or_default();
    ok(match server.state().last_edit(&actor, id) {
        Some(edited_at) => json!({ "data": { "node": { "lastEditedAt": edited_at } } }),
        None => json!({
            "data": { "node": null },
            "errors": [{
                "type": "NOT_FOUND",
                "path": ["node"],
                "message": format!("Could not resolve to a node with the global id of '{id}'."),
            }],
        }),
    })
}

impl GitHubState {
    /// When a comment was last edited, `Null` if never. `None` if the actor can see no such comment.
    fn last_edit(&self, actor: &Actor, node_id: &str) -> Option<Value> {
        let id = u64::from_str_radix(node_id.strip_prefix("IC_")?, 16).ok()?;
        let reaches = |address| match actor.1 {
            Through::Installation(id) => {
                self.apps.installations.get(&id).is_some_and(|known| known.repos.contains(address))
            }
            _ => true,
        };
        let seen = self
            .repos
            .iter()
            .filter(|(address, repo)| repo.role(&actor.0) > RepoRole::None && reaches(address));
        let (issue, _) = seen.filter_map(|(address, _)| self.comment(address, id).ok()).next()?;
        let edits = issue.events.iter().filter(|event| event.what == IssueEventKind::CommentEdited(id));
        let last = edits.map(|event| event.at).max();
        Some(json!(last.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true))))
    }
}
