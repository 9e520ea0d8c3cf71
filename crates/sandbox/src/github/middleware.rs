//! What every request to the API passes: the log, injected faults, the token, and the headers of the rate
//! limit.

#![expect(clippy::disallowed_methods, reason = "GitHub states its rate limit in real time")]

use crate::github::auth::{Actor, Through};
use crate::github::errors::ErrorResponse;
use crate::github::faults::{InjectedFault, RecordedRequest};
use crate::github::flaky_tcp::CutSwitch;
use crate::github::jwt;
use crate::github::server::Server;
use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request as HttpRequest, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// GitHub's limit of requests per token and hour.
const HOURLY: u64 = 5000;

/// The longest body: a text of 65,536 characters, escaped, fits.
const BODY_LIMIT: usize = 1024 * 1024;

/// Handles every request before and after its endpoint.
pub(super) async fn pass(
    State(server): State<Arc<Server>>,
    Extension(ConnectInfo(connection)): Extension<ConnectInfo<CutSwitch>>,
    request: HttpRequest,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return ErrorResponse::new(StatusCode::PAYLOAD_TOO_LARGE, "Payload too large").into_response();
    };
    let actor = authenticate(&server, parts.uri.path(), &parts.headers);
    let path = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let place = server.requests.record(RecordedRequest {
        method: parts.method.clone(),
        path: path.clone(),
        actor: actor.as_ref().ok().map(|actor| actor.0.clone()),
        status: None,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    });
    let fault = server.requests.next_fault(&parts.method, &path);
    let is_write = parts.method != Method::GET;
    let known = parts.headers.get(header::IF_NONE_MATCH).cloned();
    let mut request = HttpRequest::from_parts(parts, Body::from(body));
    let mut response = match (&fault, actor) {
        (Some(fault), _) if !matches!(fault, InjectedFault::DropAfter | InjectedFault::HangAfter) => {
            fail(&server, fault, &connection).await
        }
        (_, Err(refusal)) => refusal.into_response(),
        (_, Ok(actor)) => match server.redirect(&actor, request.uri()) {
            Some(refusal) => refusal.into_response(),
            None => {
                request.extensions_mut().insert(actor);
                next.run(request).await
            }
        },
    };
    if !is_write {
        response = with_etag(response, known.as_ref()).await;
    }
    if response.status() == StatusCode::MOVED_PERMANENTLY && is_write {
        *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    }
    match fault {
        Some(InjectedFault::DropAfter) => connection.cut(),
        Some(InjectedFault::HangAfter) => server.requests.hang().await,
        Some(InjectedFault::DropBefore | InjectedFault::Hang) => {}
        _ => {
            server.requests.answered(place, response.status().as_u16());
            // What has not changed is not counted.
            let cost = u64::from(response.status() != StatusCode::NOT_MODIFIED);
            add_rate_limit(&server, response.headers_mut(), cost);
        }
    }
    response
}

/// Adds an `ETag`, or answers 304 if the client knows this version. As on GitHub, the tag depends on the
/// page's links as well as on its body.
async fn with_etag(response: Response, known: Option<&HeaderValue>) -> Response {
    if response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut hash = Sha256::new_with_prefix(&body);
    hash.update(parts.headers.get(header::LINK).map_or(&[][..], HeaderValue::as_bytes));
    let Ok(etag) = HeaderValue::from_str(&format!("W/\"{}\"", hex::encode(hash.finalize()))) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if known == Some(&etag) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response();
    }
    parts.headers.insert(header::ETAG, etag);
    Response::from_parts(parts, Body::from(body))
}

async fn fail(server: &Server, fault: &InjectedFault, connection: &CutSwitch) -> Response {
    match fault {
        InjectedFault::BadGateway => {
            (StatusCode::BAD_GATEWAY, "<html>502 Bad Gateway</html>").into_response()
        }
        InjectedFault::Refusal(status) => {
            let words = match *status {
                StatusCode::NOT_FOUND => "Not Found",
                StatusCode::FORBIDDEN => "Resource not accessible by integration",
                _ => "Could not resolve to a node with the global id of 'I_1'",
            };
            ErrorResponse::new(*status, words).into_response()
        }
        InjectedFault::Garbage => {
            (StatusCode::OK, "<html>Please sign in to the network</html>").into_response()
        }
        InjectedFault::Hang | InjectedFault::HangAfter => {
            server.requests.hang().await;
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        InjectedFault::DropBefore | InjectedFault::DropAfter => {
            connection.cut();
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        InjectedFault::SecondaryLimit { retry_after } => {
            let refusal = ErrorResponse::forbidden(
                "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            );
            let mut response = refusal.into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            response
        }
        InjectedFault::PrimaryLimit { reset_in } | InjectedFault::TooMany { reset_in } => {
            // Real time, because the `Date` header of the answer is.
            let reset = chrono::Utc::now().timestamp().unsigned_abs() + reset_in;
            let mut response =
                ErrorResponse::forbidden("API rate limit exceeded for user ID 1.").into_response();
            if matches!(fault, InjectedFault::TooMany { .. }) {
                *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            }
            response.headers_mut().insert("x-ratelimit-remaining", HeaderValue::from(0));
            response.headers_mut().insert("x-ratelimit-reset", HeaderValue::from(reset));
            response
        }
    }
}

fn authenticate(server: &Server, path: &str, headers: &HeaderMap) -> Result<Actor, ErrorResponse> {
    // What an App asks about itself takes a token that it signs, and nothing else does.
    let path = path.strip_prefix("/api/v3").unwrap_or(path);
    let is_for_apps = path == "/app" || path.starts_with("/app/") || path.ends_with("/installation");
    if path.starts_with("/app-manifests/") {
        return Ok(Actor("nobody".to_owned(), Through::Token));
    }
    let refuse = |message: &str| Err(ErrorResponse::new(StatusCode::UNAUTHORIZED, message));
    let Some(header) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
        return refuse("Requires authentication");
    };
    let token = header.split_once(' ').map_or("", |(_, token)| token.trim());
    let github = server.state();
    if let Some(login) = github.tokens.get(token) {
        return match is_for_apps {
            true => refuse(jwt::UNREADABLE),
            false => Ok(Actor(login.clone(), Through::Token)),
        };
    }
    if let Some(installation) = github.installation_of(token).filter(|_| !is_for_apps) {
        let app = github.apps.all.get(&installation.app).ok_or_else(ErrorResponse::not_found)?;
        return Ok(Actor(app.login(), Through::Installation(installation.id)));
    }
    let Some(issuer) = jwt::issuer(token).filter(|_| is_for_apps) else {
        return refuse(if is_for_apps { jwt::UNREADABLE } else { "Bad credentials" });
    };
    let Some(app) = github.apps.all.get(&issuer) else {
        return Err(ErrorResponse {
            message: "Integration not found".to_owned(),
            ..ErrorResponse::not_found()
        });
    };
    match jwt::check(token, &app.key) {
        Ok(()) => Ok(Actor(app.login(), Through::App(app.id))),
        Err(why) => refuse(why),
    }
}

/// Adds GitHub's rate limit headers, unless a fault has set them.
fn add_rate_limit(server: &Server, headers: &mut HeaderMap, cost: u64) {
    let used = server.requests.count(cost);
    let reset = chrono::Utc::now().timestamp().unsigned_abs() + 3600;
    for (name, value) in [
        ("x-ratelimit-limit", HOURLY),
        ("x-ratelimit-remaining", HOURLY.saturating_sub(used)),
        ("x-ratelimit-used", used),
        ("x-ratelimit-reset", reset),
    ] {
        headers.entry(name).or_insert(HeaderValue::from(value));
    }
    headers.entry("x-ratelimit-resource").or_insert(HeaderValue::from_static("core"));
    headers.entry("x-github-media-type").or_insert(HeaderValue::from_static("github.v3; format=json"));
}
