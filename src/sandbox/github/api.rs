//! Which address leads where.

use super::Inner;
use super::answer::{Refusal, Reply, ok};
use super::door::{self, Actor, Through};
use super::world::Role;
use super::{comments, events, hooks, html, installations, issues, labels};
use crate::core::ticket::{Repo, TicketId};
use axum::extract::{Path, State};
use axum::routing::{delete, get, patch, post};
use axum::{Extension, Router, middleware};
use http::{StatusCode, Uri};
use serde_json::{Value, json};
use std::sync::Arc;

/// The API, at the root as GitHub has it and under `/api/v3` as GitHub Enterprise does, and the pages
/// for a browser, which need no token: the box is on this machine alone.
pub(super) fn router(inner: Arc<Inner>) -> Router {
    let api = endpoints("")
        .merge(endpoints("/api/v3"))
        .route_layer(middleware::from_fn_with_state(inner.clone(), door::pass));
    api.merge(html::pages()).merge(installations::pages()).fallback(nowhere).with_state(inner)
}

fn endpoints(prefix: &str) -> Router<Arc<Inner>> {
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
        .route(&format!("{prefix}/app/hook/deliveries"), get(hooks::of_app))
        .route(&format!("{prefix}/app/hook/deliveries/{{delivery}}/attempts"), post(hooks::again_of_app))
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
        .route(&format!("{repo}/labels/{{label}}"), get(labels::get))
        .route(&format!("{issue}/labels"), get(labels::on_issue).post(labels::add))
        .route(&format!("{issue}/labels/{{label}}"), delete(labels::remove))
        .route(&format!("{repo}/hooks"), get(hooks::list).post(hooks::create))
        .route(&format!("{repo}/hooks/{{hook}}"), patch(hooks::change))
        .route(&deliveries, get(hooks::deliveries))
        .route(&format!("{deliveries}/{{delivery}}/attempts"), post(hooks::again))
}

async fn nowhere() -> Refusal {
    Refusal::not_found()
}

async fn me(State(inner): State<Arc<Inner>>, Extension(Actor(me, _)): Extension<Actor>) -> Reply {
    ok(inner.world().account_json(&me))
}

async fn rate_limit() -> Reply {
    let reset = chrono::Utc::now().timestamp() + 3600;
    let limit = |limit: u64| json!({ "limit": limit, "remaining": limit, "used": 0, "reset": reset });
    let resources = json!({ "core": limit(5000), "search": limit(30), "graphql": limit(5000) });
    ok(json!({ "resources": resources, "rate": limit(5000) }))
}

async fn repository(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path((owner, name)): Path<(String, String)>,
) -> Reply {
    let address = Repo { owner, name };
    inner.see(&actor, &address)?;
    let world = inner.world();
    ok(world.whole_repo_json(world.repo(&address)?, &actor.0))
}

/// Where GitHub leads to what has a new name.
async fn by_id(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<u64>,
) -> Reply {
    let world = inner.world();
    let repo = world.repos.values().find(|repo| repo.id == id && repo.role(&actor.0) > Role::None);
    ok(world.whole_repo_json(repo.ok_or_else(Refusal::not_found)?, &actor.0))
}

async fn permission(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path((owner, name, login)): Path<(String, String, String)>,
) -> Reply {
    let address = Repo { owner, name };
    if inner.see(&actor, &address)? < Role::Write {
        return Err(Refusal::forbidden("Must have push access to view collaborator permission."));
    }
    let world = inner.world();
    if !world.users.contains_key(&login) {
        let message = format!("{login} is not a user");
        return Err(Refusal { message, ..Refusal::not_found() });
    }
    let role = world.role(&address, &login);
    let mut user = world.user_json(&login);
    user["role_name"] = role.name().into();
    ok(json!({ "permission": role.permission(), "role_name": role.name(), "user": user }))
}

/// What a request may do.
impl Inner {
    /// The role of who asks; who has none is not told that there is anything.
    pub fn see(&self, actor: &Actor, address: &Repo) -> Result<Role, Refusal> {
        let world = self.world();
        let reaches = match actor.1 {
            Through::Installation(id) => {
                world.apps.installations.get(&id).is_some_and(|known| known.repos.contains(address))
            }
            _ => true,
        };
        match world.role(address, &actor.0) {
            _ if !reaches => Err(Refusal::not_found()),
            Role::None => Err(Refusal::not_found()),
            role => Ok(role),
        }
    }

    /// What GitHub answers before it looks further: where a repository is now that was renamed, and that
    /// one has no issues.
    pub fn detour(&self, actor: &Actor, uri: &Uri) -> Option<Refusal> {
        let path = uri.path();
        let mut parts = path.strip_prefix("/api/v3").unwrap_or(path).strip_prefix("/repos/")?.splitn(3, '/');
        let asked = Repo { owner: parts.next()?.to_owned(), name: parts.next()?.to_owned() };
        let rest = parts.next().map_or_else(String::new, |rest| format!("/{rest}"));
        let world = self.world();
        if let Some(repo) = world.renamed.get(&asked).and_then(|now| world.repos.get(now)) {
            let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
            return Some(match repo.role(&actor.0) {
                Role::None => Refusal::not_found(),
                _ => Refusal::moved(&format!("{}/repositories/{}{rest}{query}", self.url, repo.id)),
            });
        }
        let lacks_issues = world.repos.get(&asked)?.issues_off && rest.starts_with("/issues");
        lacks_issues.then(|| Refusal::gone("Issues are disabled for this repo"))
    }

    /// The same, for a request that changes something.
    pub fn touch(&self, actor: &Actor, address: &Repo) -> Result<Role, Refusal> {
        let role = self.see(actor, address)?;
        let is_archived = self.world().repo(address)?.archived;
        match is_archived {
            true => Err(Refusal::forbidden("Repository was archived so is read-only.")),
            false => self.allows(actor, "issues", "write").map(|()| role),
        }
    }

    /// Whether the App, or the fine-grained token, has this right.
    pub fn allows(&self, actor: &Actor, right: &str, level: &str) -> Result<(), Refusal> {
        let world = self.world();
        let rights = match actor.1 {
            Through::Installation(id) => {
                let app = world.apps.installations.get(&id).and_then(|known| world.apps.all.get(&known.app));
                app.map(|app| &app.rights)
            }
            _ => world.narrowed.get(&actor.0),
        };
        let Some(rights) = rights else { return Ok(()) };
        match rights.get(right).is_some_and(|given| given == "write" || given == level) {
            true => Ok(()),
            false => Err(Refusal::lacking(&format!("{right}={level}"))),
        }
    }

    /// The same, for what takes a role of `least`.
    pub fn touch_as(&self, actor: &Actor, address: &Repo, least: Role) -> Result<(), Refusal> {
        match self.touch(actor, address)? >= least {
            true => Ok(()),
            false => Err(Refusal::forbidden("Resource not accessible by personal access token")),
        }
    }
}

pub(super) fn ticket(owner: String, name: String, number: u64) -> TicketId {
    TicketId { repo: Repo { owner, name }, number }
}

pub(super) fn parse(body: &[u8]) -> Result<Value, Refusal> {
    let problem = |_| Refusal::new(StatusCode::BAD_REQUEST, "Problems parsing JSON");
    serde_json::from_slice(body).map_err(problem)
}

/// The strings of a list under a key; GitHub takes `[{"name": "x"}]` for labels as well.
pub(super) fn strings(body: &Value, key: &str) -> Vec<String> {
    let items = body.get(key).and_then(Value::as_array).into_iter().flatten();
    let text = |item: &Value| item.as_str().or_else(|| item.get("name")?.as_str()).map(str::to_owned);
    items.filter_map(text).collect()
}
