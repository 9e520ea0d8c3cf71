//! Apps over HTTP: what an App may ask about itself, by a token that it signs.

use crate::github::Inner;
use crate::github::api::{parse, strings};
use crate::github::apps::{Installation, RegisteredApp};
use crate::github::auth::RequestContext;
use crate::github::errors::{ApiResult, ErrorResponse, created, ok};
use crate::github::json::stamp;
use crate::github::middleware::{Actor, Through};
use crate::github::paging::PageRequest;
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
pub(super) async fn me(State(inner): State<Arc<Inner>>, Extension(actor): Extension<Actor>) -> ApiResult {
    let world = inner.world();
    ok(world.app_json(app(&world, &actor)?))
}

/// The installation that a repository belongs to.
pub(super) async fn of_repo(visit: RequestContext) -> ApiResult {
    let world = visit.inner.world();
    let app = app(&world, &visit.actor)?;
    let mut all = world.apps.installations.values();
    let found = all.find(|known| known.app == app.id && known.repos.contains(&visit.repo));
    ok(world.installation_json(app, found.ok_or_else(ErrorResponse::not_found)?))
}

pub(super) async fn admit(
    State(inner): State<Arc<Inner>>,
    Extension(actor): Extension<Actor>,
    Path(installation): Path<u64>,
) -> ApiResult {
    let mut world = inner.world();
    let app = app(&world, &actor)?.id;
    let (token, until) = world.admit(app, installation)?;
    let rights = world.apps.all.get(&app).map(|app| app.rights.clone());
    created(json!({
        "token": token,
        "expires_at": stamp(until),
        "permissions": rights,
        "repository_selection": "selected",
    }))
}

/// The pages that take a manifest. On GitHub a person has to say yes there; here everybody does.
pub(super) fn pages() -> Router<Arc<Inner>> {
    Router::new()
        .route("/settings/apps/new", post(take_manifest))
        .route("/organizations/{organisation}/settings/apps/new", post(take_manifest))
}

async fn take_manifest(State(inner): State<Arc<Inner>>, asked: PageRequest, body: String) -> ApiResult {
    let unreadable = || ErrorResponse::new(StatusCode::UNPROCESSABLE_ENTITY, "the manifest cannot be read");
    let form = body.strip_prefix("manifest=").ok_or_else(unreadable)?.replace('+', " ");
    let text = percent_decode_str(&form).decode_utf8().map_err(|_| unreadable())?;
    let manifest = parse(text.as_bytes())?;
    let (name, back) = (manifest["name"].as_str(), manifest["redirect_url"].as_str());
    let (Some(name), Some(back), Some(state)) = (name, back, asked.get("state")) else {
        return Err(unreadable());
    };
    let rights = serde_json::from_value(manifest["default_permissions"].clone()).unwrap_or_default();
    let events = strings(&manifest, "default_events");
    let mut world = inner.world();
    let made = world.make_app("example", &name.to_lowercase().replace(' ', "-"), rights, events);
    let made = made.map_err(|_| ErrorResponse::new(StatusCode::INTERNAL_SERVER_ERROR, "no key"))?;
    let code = format!("{:040x}", world.fresh_id());
    let secret = format!("secret-of-{}", made.id);
    world.apps.codes.insert(code.clone(), (made, secret));
    Ok(Redirect::to(&format!("{back}?code={code}&state={state}")).into_response())
}

/// The keys of an App, once.
pub(super) async fn redeem(State(inner): State<Arc<Inner>>, Path(code): Path<String>) -> ApiResult {
    let mut world = inner.world();
    let (made, secret) = world.apps.codes.remove(&code).ok_or_else(ErrorResponse::not_found)?;
    let app = world.apps.all.get(&made.id).ok_or_else(ErrorResponse::not_found)?;
    let mut json = world.app_json(app);
    json["client_secret"] = "not used".into();
    json["webhook_secret"] = secret.into();
    json["pem"] = made.key.into();
    created(json)
}

fn app<'a>(world: &'a GitHubState, actor: &Actor) -> Result<&'a RegisteredApp, ErrorResponse> {
    match actor.1 {
        Through::App(id) => world.apps.all.get(&id).ok_or_else(ErrorResponse::not_found),
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
            "target_id": account["id"],
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
