//! Apps over HTTP: requests of an App about itself, with a token that it signs.

use crate::github::apps::{Installation, RegisteredApp};
use crate::github::auth::{Actor, RequestContext, Through};
use crate::github::errors::{ApiResult, ErrorResponse, created, ok};
use crate::github::json::{stamp, with};
use crate::github::paging::PageRequest;
use crate::github::request_body::{parse, string, strings};
use crate::github::server::Server;
use crate::github::state::GitHubState;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect};
use axum::routing::post;
use axum::{Extension, Router};
use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::sync::Arc;

/// The App itself.
pub(super) async fn me(State(server): State<Arc<Server>>, Extension(actor): Extension<Actor>) -> ApiResult {
    let github = server.state();
    ok(github.app_json(app(&github, &actor)?))
}

/// The installation that a repository belongs to.
pub(super) async fn of_repo(context: RequestContext) -> ApiResult {
    let github = context.server.state();
    let app = app(&github, &context.actor)?;
    let mut all = github.apps.installations.values();
    let found = all.find(|known| known.app == app.id && known.repos.contains(&context.repo));
    ok(github.installation_json(app, found.ok_or_else(ErrorResponse::not_found)?))
}

pub(super) async fn admit(
    State(server): State<Arc<Server>>,
    Extension(actor): Extension<Actor>,
    Path(installation): Path<u64>,
) -> ApiResult {
    let mut github = server.state();
    let app = app(&github, &actor)?.id;
    let (token, until) = github.admit(app, installation)?;
    let rights = github.apps.all.get(&app).map(|app| app.rights.clone());
    created(json!({
        "token": token,
        "expires_at": stamp(until),
        "permissions": rights,
        "repository_selection": "selected",
    }))
}

/// The pages that take a manifest. On GitHub a person has to agree there; here the page agrees at once.
pub(super) fn pages() -> Router<Arc<Server>> {
    Router::new()
        .route("/settings/apps/new", post(take_manifest))
        .route("/organizations/{organisation}/settings/apps/new", post(take_manifest))
}

async fn take_manifest(State(server): State<Arc<Server>>, asked: PageRequest, body: String) -> ApiResult {
    let unreadable = || ErrorResponse::new(StatusCode::UNPROCESSABLE_ENTITY, "the manifest cannot be read");
    let form = body.strip_prefix("manifest=").ok_or_else(unreadable)?.replace('+', " ");
    let text = percent_decode_str(&form).decode_utf8().map_err(|_| unreadable())?;
    let manifest = parse(text.as_bytes())?;
    let (name, back) = (string(&manifest, "name"), string(&manifest, "redirect_url"));
    let (Some(name), Some(back), Some(state)) = (name, back, asked.get("state")) else {
        return Err(unreadable());
    };
    let rights =
        manifest.get("default_permissions").and_then(|rights| serde_json::from_value(rights.clone()).ok());
    let rights = rights.unwrap_or_default();
    let events = strings(&manifest, "default_events");
    let mut github = server.state();
    let made = github.make_app("example", &name.to_lowercase().replace(' ', "-"), rights, events);
    let made = made.map_err(|_| ErrorResponse::new(StatusCode::INTERNAL_SERVER_ERROR, "no key"))?;
    let code = format!("{:040x}", github.next_id());
    let secret = format!("secret-of-{}", made.id);
    github.apps.codes.insert(code.clone(), (made, secret));
    Ok(Redirect::to(&format!("{back}?code={code}&state={state}")).into_response())
}

/// Exchanges a code for the key of an App. It works once.
pub(super) async fn redeem(State(server): State<Arc<Server>>, Path(code): Path<String>) -> ApiResult {
    let mut github = server.state();
    let (made, secret) = github.apps.codes.remove(&code).ok_or_else(ErrorResponse::not_found)?;
    let app = github.apps.all.get(&made.id).ok_or_else(ErrorResponse::not_found)?;
    let secrets =
        [("client_secret", json!("not used")), ("webhook_secret", json!(secret)), ("pem", json!(made.key))];
    created(with(github.app_json(app), secrets))
}

fn app<'a>(github: &'a GitHubState, actor: &Actor) -> Result<&'a RegisteredApp, ErrorResponse> {
    match actor.1 {
        Through::App(id) => github.apps.all.get(&id).ok_or_else(ErrorResponse::not_found),
        _ => Err(ErrorResponse::not_found()),
    }
}

impl GitHubState {
    fn app_json(&self, app: &RegisteredApp) -> Value {
        json!({
            "id": app.id,
            "slug": app.slug,
            "node_id": format!("A_{:08x}", app.id),
            "client_id": format!("Iv1.{:016x}", app.id),
            "owner": self.user_json(&app.owner),
            "name": app.slug,
            "description": null,
            "external_url": format!("{}/{}", self.base, app.owner),
            "html_url": format!("{}/apps/{}", self.base, app.slug),
            "created_at": stamp(app.at),
            "updated_at": stamp(app.at),
            "permissions": app.rights,
            "events": app.events,
        })
    }

    fn installation_json(&self, app: &RegisteredApp, installation: &Installation) -> Value {
        let url = format!("{}/app/installations/{}", self.base, installation.id);
        let account = self.user_json(&installation.account);
        json!({
            "id": installation.id,
            "target_id": account.get("id"),
            "account": account,
            "repository_selection": "selected",
            "access_tokens_url": format!("{url}/access_tokens"),
            "repositories_url": format!("{}/installation/repositories", self.base),
            "html_url": format!("{}/settings/installations/{}", self.base, installation.id),
            "app_id": app.id,
            "app_slug": app.slug,
            "target_type": "Organization",
            "permissions": app.rights,
            "events": app.events,
            "created_at": stamp(installation.at),
            "updated_at": stamp(installation.at),
            "single_file_name": null,
            "suspended_by": null,
            "suspended_at": installation.suspended.map(stamp),
        })
    }
}
