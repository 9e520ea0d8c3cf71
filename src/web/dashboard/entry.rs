//! What every request passes, and the server.

use crate::web::dashboard::guard::{cookie, is_known_host, is_same_origin, is_secure, prefix, protect};
use crate::web::dashboard::site::{Site, Visit};
use crate::web::dashboard::{events, routes};
use crate::web::server::{ServerLimits, serve};
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use http::uri::{PathAndQuery, Uri};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use tower_service::Service;

/// A form is short.
const BODY_LIMIT: usize = 16 * 1024;

/// A page that takes longer cannot be shown.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// Streams last for minutes; everything else is short.
const LIMITS: ServerLimits = ServerLimits {
    connections: 128,
    head_within: Duration::from_secs(30),
    lifetime: Duration::from_secs(600),
};

/// Serves the dashboard until `shutdown` is done. Streams end at once then.
pub async fn serve_dashboard(
    listener: TcpListener,
    site: Arc<Site>,
    shutdown: impl Future<Output = ()> + Send,
) {
    let watch = tokio::spawn(events::watch(Arc::clone(&site)));
    let router = dashboard_router(Arc::clone(&site));
    let end = async move {
        shutdown.await;
        site.end.send_replace(true);
    };
    serve(listener, router, LIMITS, end).await;
    watch.abort();
}

/// Everything that the dashboard answers.
pub fn dashboard_router(site: Arc<Site>) -> Router {
    let pages = Router::new()
        .route("/", get(routes::now))
        .route("/case/{id}", get(routes::case))
        .route("/history", get(routes::history))
        .route("/measurements", get(routes::measurements))
        .route("/playbooks", get(routes::playbooks))
        .route("/policy", get(routes::policy))
        .route("/events", get(events::stream))
        .route("/static/{name}", get(routes::asset))
        .route("/login", get(routes::show_login).post(routes::log_in))
        .route("/logout", post(routes::log_out))
        .route("/pause", post(routes::pause))
        .route("/resume", post(routes::resume))
        .route("/case/{id}/approve", post(routes::approve))
        .route("/case/{id}/deny", post(routes::deny))
        .route("/case/{id}/cancel", post(routes::cancel))
        .fallback(routes::missing)
        .with_state(Arc::clone(&site));
    let entry = Entry { site, pages };
    Router::new()
        .fallback(enter)
        .with_state(entry)
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_WITHIN))
}

#[derive(Clone)]
struct Entry {
    site: Arc<Site>,
    pages: Router,
}

/// Refuses whoever means another site, finds out who it is, and leaves out the path that a proxy adds.
async fn enter(State(Entry { site, mut pages }): State<Entry>, mut request: Request) -> Response {
    let settings = &site.settings;
    let public = settings.public_url.as_ref();
    let mut response = if is_known_host(request.headers(), settings.listen, public) {
        let headers = request.headers();
        let word = cookie(headers, &site.cookie());
        let session = word.and_then(|word| site.sessions.find(&settings.tokens, word));
        let visit = Visit {
            base: prefix(headers, &settings.base_path),
            is_secure: is_secure(headers, public),
            must_log_in: settings.login_to_read && session.is_none(),
            is_same_origin: is_same_origin(headers, public),
            session,
        };
        if let Some(uri) = without_prefix(request.uri(), &settings.base_path) {
            *request.uri_mut() = uri;
        }
        request.extensions_mut().insert(visit);
        match pages.call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    } else {
        let text = "This name does not lead to the dashboard. Use its address, localhost, or the name in \
                    [dashboard] public_url.\n";
        (StatusCode::MISDIRECTED_REQUEST, text).into_response()
    };
    protect(response.headers_mut());
    response
}

/// The same address without the path under which the site is shown; `None` if it is not there.
fn without_prefix(uri: &Uri, base: &str) -> Option<Uri> {
    let rest = uri.path().strip_prefix(base).filter(|_| !base.is_empty())?;
    let rest = if rest.is_empty() { "/" } else { rest };
    if !rest.starts_with('/') {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let path = PathAndQuery::try_from(format!("{rest}{query}")).ok()?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).ok()
}
