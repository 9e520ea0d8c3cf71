//! The routes of the API.

#![expect(clippy::disallowed_methods, reason = "GitHub states its rate limit in real time")]

use crate::github::auth::{Actor, RequestContext};
use crate::github::errors::{ApiResult, ErrorResponse, ok};
use crate::github::json::with;
use crate::github::middleware;
use crate::github::server::Server;
use crate::github::state::RepoRole;
use crate::github::{comments, events, graphql, hooks, html, installations, issues, labels};
use axum::extract::{Path, State};
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, patch, post};
use axum::{Extension, Router};
use fieldmedic_core::ticket::Repo;
use http::Uri;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// The API, at the root as GitHub has it and under `/api/v3` as GitHub Enterprise does, and the pages
/// for a browser. The pages need no token, because the server listens on this machine alone.
pub(super) fn router(server: Arc<Server>) -> Router {
    let api = endpoints("")
        .merge(endpoints("/api/v3"))
        .route("/graphql", post(graphql::answer))
        .route("/api/graphql", post(graphql::answer))
        .route_layer(from_fn_with_state(server.clone(), middleware::pass));
    api.merge(html::pages()).merge(installations::pages()).fallback(unknown_route).with_state(server)
}

fn endpoints(prefix: &str) -> Router<Arc<Server>> {
    let repo = format!("{prefix}/repos/{{owner}}/{{name}}");
    let issue = format!("{repo}/issues/{{number}}");
    let comment = format!("{repo}/issues/comments/{{number}}");
    let deliveries = format!("{repo}/hooks/{{hook}}/deliveries");
    Router::new()
        .route(&format!("{prefix}/user"), get(me))
        .route(&format!("{prefix}/rate_limit"), get(rate_limit))
        .route(&format!("{prefix}/app-manifests/{{code}}/conversions"), post(installations::redeem))
        .route(&format!("{prefix}/app"), get(installations::me))
        .route(&format!("{repo}/installation"), get(installations::of_repo))
        .route(&format!("{prefix}/app/installations/{{id}}/access_tokens"), post(installations::admit))
        .route(&format!("{prefix}/app/hook/deliveries"), get(hooks::app_deliveries))
        .route(&format!("{prefix}/app/hook/deliveries/{{delivery}}/attempts"), post(hooks::redeliver_app))
        .route(&repo, get(repository))
        .route(&format!("{prefix}/repositories/{{id}}"), get(by_id))
        .route(&format!("{repo}/collaborators/{{login}}/permission"), get(permission))
        .route(&format!("{repo}/issues"), get(issues::list).post(issues::open))
        .route(&issue, get(issues::get).patch(issues::change))
        .route(&format!("{issue}/assignees"), post(issues::assign))
        .route(&format!("{issue}/comments"), get(comments::list).post(comments::create))
        .route(&format!("{issue}/events"), get(events::list))
        .route(&format!("{repo}/issues/comments"), get(comments::list_all))
        .route(&comment, get(comments::get).patch(comments::edit))
        .route(&format!("{comment}/reactions"), get(comments::reactions).post(comments::react))
        .route(&format!("{repo}/labels"), get(labels::list).post(labels::create))
        .route(&format!("{repo}/labels/{{label}}"), get(labels::get).patch(labels::change))
        .route(&format!("{repo}/assignees"), get(issues::assignees))
        .route(&format!("{issue}/labels"), get(labels::on_issue).post(labels::add))
        .route(&format!("{issue}/labels/{{label}}"), delete(labels::remove))
        .route(&format!("{repo}/hooks"), get(hooks::list).post(hooks::create))
        .route(&format!("{repo}/hooks/{{hook}}"), patch(hooks::change))
        .route(&deliveries, get(hooks::deliveries))
        .route(&format!("{deliveries}/{{delivery}}/attempts"), post(hooks::again))
}

async fn unknown_route() -> ErrorResponse {
    ErrorResponse::not_found()
}

async fn me(State(server): State<Arc<Server>>, Extension(Actor(me, _)): Extension<Actor>) -> ApiResult {
    ok(server.state().account_json(&me))
}

async fn rate_limit() -> ApiResult {
    let reset = chrono::Utc::now().timestamp() + 3600;
    let limit = |limit: u64| json!({ "limit": limit, "remaining": limit, "used": 0, "reset": reset });
    let resources = json!({ "core": limit(5000), "search": limit(30), "graphql": limit(5000) });
    ok(json!({ "resources": resources, "rate": limit(5000) }))
}

async fn repository(context: RequestContext) -> ApiResult {
    context.read_access()?;
    let github = context.server.state();
    ok(github.whole_repo_json(github.repo(&context.repo)?, &context.actor.0))
}

/// A repository by its id, to which GitHub redirects after a rename.
async fn by_id(
    State(server): State<Arc<Server>>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<u64>,
) -> ApiResult {
    let github = server.state();
    let repo = github.repos.values().find(|repo| repo.id == id && repo.role(&actor.0) > RepoRole::None);
    ok(github.whole_repo_json(repo.ok_or_else(ErrorResponse::not_found)?, &actor.0))
}

#[derive(Deserialize)]
struct Person {
    login: String,
}

async fn permission(context: RequestContext, Path(Person { login }): Path<Person>) -> ApiResult {
    if context.read_access()? < RepoRole::Write {
        return Err(ErrorResponse::forbidden("Must have push access to view collaborator permission."));
    }
    let github = context.server.state();
    if !github.users.contains_key(&login) {
        let message = format!("{login} is not a user");
        return Err(ErrorResponse { message, ..ErrorResponse::not_found() });
    }
    let role = github.role(&context.repo, &login);
    let user = with(github.user_json(&login), [("role_name", json!(role.name()))]);
    ok(json!({ "permission": role.permission(), "role_name": role.name(), "user": user }))
}

impl Server {
    /// The redirect of a renamed repository, or the error of a repository without issues.
    pub(super) fn redirect(&self, actor: &Actor, uri: &Uri) -> Option<ErrorResponse> {
        let path = uri.path();
        let mut parts = path.strip_prefix("/api/v3").unwrap_or(path).strip_prefix("/repos/")?.splitn(3, '/');
        let asked = Repo { owner: parts.next()?.to_owned(), name: parts.next()?.to_owned() };
        let rest = parts.next().map_or_else(String::new, |rest| format!("/{rest}"));
        let github = self.state();
        if let Some(repo) = github.renamed.get(&asked).and_then(|now| github.repos.get(now)) {
            let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
            return Some(match repo.role(&actor.0) {
                RepoRole::None => ErrorResponse::not_found(),
                _ => ErrorResponse::moved(&format!("{}/repositories/{}{rest}{query}", self.url, repo.id)),
            });
        }
        let lacks_issues = github.repos.get(&asked)?.issues_off && rest.starts_with("/issues");
        lacks_issues.then(|| ErrorResponse::gone("Issues are disabled for this repo"))
    }
}
