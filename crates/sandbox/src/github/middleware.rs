//! What every request to the API passes: the log, the faults that were injected, the token, and the
//! rate limit's headers.

#![expect(clippy::disallowed_methods, reason = "GitHub states its rate limit in real time")]

use crate::github::Inner;
use crate::github::errors::ErrorResponse;
use crate::github::flaky_tcp::CutSwitch;
use crate::github::jwt;
use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request as HttpRequest, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// GitHub's limit for a token, by the hour.
const HOURLY: u64 = 5000;

/// No request of the API is longer: a text of 65,536 characters, escaped.
const BODY_LIMIT: usize = 1024 * 1024;

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InjectedFault {
    /// 502, and nothing was done.
    BadGateway,
    /// 200 with a page of HTML, as a proxy in between answers; nothing was done.
    Garbage,
    /// No answer, ever; nothing was done.
    Hang,
    /// The connection breaks before anything was done.
    DropBefore,
    /// The request is carried out; the connection breaks before the answer.
    DropAfter,
    /// The request is carried out; there is no answer, ever.
    HangAfter,
    /// 403 for too many requests at once, with or without the seconds to wait.
    SecondaryLimit { retry_after: Option<u64> },
    /// 403 because the hour's requests are used up, until so many seconds from now.
    PrimaryLimit { reset_in: u64 },
    /// The same as 429, which GitHub answers as well.
    TooMany { reset_in: u64 },
}

/// Which requests are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultPoint {
    Any,
    /// All that are not a GET.
    Write,
    /// This method, on a path that holds this text.
    Call(Method, String),
}

/// One request to the API.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedRequest {
    pub method: Method,
    /// With the query.
    pub path: String,
    /// Who asked; `None` without a valid token.
    pub actor: Option<String>,
    /// `None`: there was no answer (yet).
    pub status: Option<u16>,
    /// `Null` without one.
    pub body: Value,
}

/// Who asks.
#[derive(Debug, Clone)]
pub(super) struct Actor(pub String, pub Through);

/// By what it may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Through {
    Token,
    /// An App, where this installation of it allows.
    Installation(u64),
    /// An App, about itself.
    App(u64),
}

pub(super) struct Middleware {
    faults: Mutex<Vec<(InjectedFault, FaultPoint, u32)>>,
    log: Mutex<Vec<RecordedRequest>>,
    used: AtomicU64,
    /// Ends what hangs when the server stops.
    stopped: watch::Receiver<()>,
}

impl Middleware {
    pub fn new(stopped: watch::Receiver<()>) -> Self {
        Self { faults: Mutex::default(), log: Mutex::default(), used: AtomicU64::new(0), stopped }
    }

    pub fn inject(&self, fault: InjectedFault, at: FaultPoint, times: u32) {
        lock(&self.faults).push((fault, at, times));
    }

    pub fn log(&self) -> Vec<RecordedRequest> {
        lock(&self.log).clone()
    }

    /// The first fault that is meant for this request, used up by one.
    fn meet(&self, method: &Method, path: &str) -> Option<InjectedFault> {
        let mut faults = lock(&self.faults);
        let (fault, _, times) =
            faults.iter_mut().find(|(_, at, times)| *times > 0 && at.means(method, path))?;
        *times -= 1;
        Some(fault.clone())
    }

    async fn hang(&self) {
        let mut stopped = self.stopped.clone();
        while stopped.changed().await.is_ok() {}
    }
}

impl FaultPoint {
    fn means(&self, method: &Method, path: &str) -> bool {
        match self {
            FaultPoint::Any => true,
            FaultPoint::Write => method != Method::GET,
            FaultPoint::Call(wanted, part) => method == wanted && path.contains(part.as_str()),
        }
    }
}

/// Lets a request in, or not.
pub(super) async fn pass(
    State(inner): State<Arc<Inner>>,
    Extension(ConnectInfo(scissors)): Extension<ConnectInfo<CutSwitch>>,
    request: HttpRequest,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return ErrorResponse::new(StatusCode::PAYLOAD_TOO_LARGE, "Payload too large").into_response();
    };
    let actor = identify(&inner, parts.uri.path(), &parts.headers);
    let path = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    let place = {
        let mut log = lock(&inner.door.log);
        log.push(RecordedRequest {
            method: parts.method.clone(),
            path: path.clone(),
            actor: actor.as_ref().ok().map(|actor| actor.0.clone()),
            status: None,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        });
        log.len() - 1
    };
    let fault = inner.door.meet(&parts.method, &path);
    let is_write = parts.method != Method::GET;
    let known = parts.headers.get(header::IF_NONE_MATCH).cloned();
    let mut request = HttpRequest::from_parts(parts, Body::from(body));
    let mut response = match (&fault, actor) {
        (Some(fault), _) if !matches!(fault, InjectedFault::DropAfter | InjectedFault::HangAfter) => {
            fail(&inner, fault, &scissors).await
        }
        (_, Err(refusal)) => refusal.into_response(),
        (_, Ok(actor)) => match inner.detour(&actor, request.uri()) {
            Some(refusal) => refusal.into_response(),
            None => {
                request.extensions_mut().insert(actor);
                next.run(request).await
            }
        },
    };
    if !is_write {
        response = mark(response, known.as_ref()).await;
    }
    if response.status() == StatusCode::MOVED_PERMANENTLY && is_write {
        *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    }
    match fault {
        Some(InjectedFault::DropAfter) => scissors.cut(),
        Some(InjectedFault::HangAfter) => inner.door.hang().await,
        Some(InjectedFault::DropBefore | InjectedFault::Hang) => {}
        _ => {
            if let Some(line) = lock(&inner.door.log).get_mut(place) {
                line.status = Some(response.status().as_u16());
            }
            // What has not changed is not counted.
            let cost = u64::from(response.status() != StatusCode::NOT_MODIFIED);
            show_limit(&inner, response.headers_mut(), cost);
        }
    }
    response
}

/// An answer with its `ETag`, or 304 instead if this is what the client knows. GitHub's changes with the
/// page's links as well as with what is on it.
async fn mark(response: Response, known: Option<&HeaderValue>) -> Response {
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

async fn fail(inner: &Inner, fault: &InjectedFault, scissors: &CutSwitch) -> Response {
    match fault {
        InjectedFault::BadGateway => {
            (StatusCode::BAD_GATEWAY, "<html>502 Bad Gateway</html>").into_response()
        }
        InjectedFault::Garbage => {
            (StatusCode::OK, "<html>Please sign in to the network</html>").into_response()
        }
        InjectedFault::Hang | InjectedFault::HangAfter => {
            inner.door.hang().await;
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        InjectedFault::DropBefore | InjectedFault::DropAfter => {
            scissors.cut();
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

fn identify(inner: &Inner, path: &str, headers: &HeaderMap) -> Result<Actor, ErrorResponse> {
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
    let world = inner.world();
    if let Some(login) = world.tokens.get(token) {
        return match is_for_apps {
            true => refuse(jwt::UNREADABLE),
            false => Ok(Actor(login.clone(), Through::Token)),
        };
    }
    if let Some(installation) = world.admitted(token).filter(|_| !is_for_apps) {
        let app = world.apps.all.get(&installation.app).ok_or_else(ErrorResponse::not_found)?;
        return Ok(Actor(app.login(), Through::Installation(installation.id)));
    }
    let Some(issuer) = jwt::issuer(token).filter(|_| is_for_apps) else {
        return refuse(if is_for_apps { jwt::UNREADABLE } else { "Bad credentials" });
    };
    let Some(app) = world.apps.all.get(&issuer) else {
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

/// The headers that GitHub puts on every answer, unless a fault has put its own there.
fn show_limit(inner: &Inner, headers: &mut HeaderMap, cost: u64) {
    let used = inner.door.used.fetch_add(cost, Ordering::Relaxed) + cost;
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

/// Who panics while it holds one of these has failed a test; what it holds is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
