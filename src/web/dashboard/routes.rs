//! One function a page, and one an order.

use crate::core::ids::CaseId;
use crate::dashboard::{ActionError, Actor, CaseAction, HistoryQuery};
use crate::ports::JournalError;
use crate::render::pages::page_asset;
use crate::web::dashboard::answer::{Frame, lead};
use crate::web::dashboard::guard::cookie;
use crate::web::dashboard::session::{LoginError, Session};
use crate::web::dashboard::site::{Site, Visit};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Form, Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

type Here = State<Arc<Site>>;
type Who = Extension<Visit>;
/// What cannot be read asks for nothing.
type AskedOr = Result<Query<Asked>, QueryRejection>;

fn read(asked: AskedOr) -> Asked {
    asked.map(|Query(asked)| asked).unwrap_or_default()
}

/// What a page is asked for, beside its path.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    system: String,
    #[serde(default)]
    period: String,
    #[serde(default)]
    after: String,
    #[serde(default)]
    done: String,
}

/// What a form sends.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Sent {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    plan: String,
    #[serde(default)]
    why: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    token: String,
}

/// What was just done, in words.
fn notice(done: &str) -> Option<&'static str> {
    Some(match done {
        "approve" => "The approval is left for the case. It looks again before it begins.",
        "deny" => "The denial is left for the case. A person takes the ticket over.",
        "cancel" => "The case is told to end.",
        "pause" => "Changes are paused everywhere.",
        "resume" => "Changes are resumed.",
        "login" => "You are logged in.",
        _ => return None,
    })
}

pub(super) async fn now(State(site): Here, Extension(visit): Who, asked: AskedOr) -> Response {
    if visit.must_log_in {
        return lead(&visit, "/login");
    }
    let done = read(asked).done;
    let frame = Frame { notice: notice(&done), ..site.frame("now.html", "now") };
    shown(&site, &visit, frame, site.dashboard.now_page().await)
}

pub(super) async fn case(
    State(site): Here,
    Extension(visit): Who,
    Path(id): Path<String>,
    asked: AskedOr,
) -> Response {
    if visit.must_log_in {
        return lead(&visit, "/login");
    }
    let Some(case) = CaseId::from_text(&id) else { return missing(State(site), Extension(visit)).await };
    let done = read(asked).done;
    let frame = Frame { case: Some(&id), notice: notice(&done), ..site.frame("case.html", "case") };
    match site.dashboard.case_page(&case).await {
        Ok(None) => missing(State(Arc::clone(&site)), Extension(visit)).await,
        page => shown(&site, &visit, frame, page),
    }
}

pub(super) async fn history(State(site): Here, Extension(visit): Who, asked: AskedOr) -> Response {
    if visit.must_log_in {
        return lead(&visit, "/login");
    }
    let Asked { q, outcome, system, after, .. } = read(asked);
    let query = HistoryQuery { text: q, outcome, system, after };
    shown(&site, &visit, site.frame("history.html", "history"), site.dashboard.history_page(&query).await)
}

pub(super) async fn measurements(State(site): Here, Extension(visit): Who, asked: AskedOr) -> Response {
    if visit.must_log_in {
        return lead(&visit, "/login");
    }
    let Asked { system, period, .. } = read(asked);
    let frame = Frame { is_live: false, ..site.frame("measurements.html", "measurements") };
    shown(&site, &visit, frame, site.dashboard.measurements_page(&system, &period).await)
}

pub(super) async fn playbooks(State(site): Here, Extension(visit): Who) -> Response {
    if visit.must_log_in {
        return lead(&visit, "/login");
    }
    let frame = Frame { is_live: false, ..site.frame("playbooks.html", "playbooks") };
    shown(&site, &visit, frame, site.dashboard.playbooks_page().await)
}

pub(super) async fn policy(State(site): Here, Extension(visit): Who, asked: AskedOr) -> Response {
    if visit.must_log_in {
        return lead(&visit, "/login");
    }
    let done = read(asked).done;
    let frame = Frame { notice: notice(&done), ..site.frame("policy.html", "policy") };
    shown(&site, &visit, frame, site.dashboard.policy_page().await)
}

pub(super) async fn missing(State(site): Here, Extension(visit): Who) -> Response {
    site.say(&visit, StatusCode::NOT_FOUND, "Not found", "There is no such page, or no such case.")
}

/// A file that pages refer to. Its address changes with its text, so browsers keep it.
pub(super) async fn asset(Path(name): Path<String>) -> Response {
    let kind = match name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let Some(file) = page_asset(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let headers =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, file).into_response()
}

pub(super) async fn show_login(State(site): Here, Extension(visit): Who) -> Response {
    if visit.session.is_some() {
        return lead(&visit, "/");
    }
    login_page(&site, &visit, None, "")
}

fn login_page(site: &Site, visit: &Visit, problem: Option<LoginError>, name: &str) -> Response {
    let tokens = &site.settings.tokens;
    if tokens.is_empty() {
        let text = "No token is configured, so this dashboard is read-only. [dashboard] token_env names the \
                    variable of one.";
        return site.say(visit, StatusCode::NOT_FOUND, "Read-only", text);
    }
    let data = json!({
        "problem": problem.map(|problem| problem.to_string()),
        "is_shared": tokens.iter().any(|token| token.login.is_none()),
        "name": name,
    });
    let frame = Frame { is_live: false, ..site.frame("login.html", "login") };
    let mut response = site.show(visit, frame, data);
    *response.status_mut() = match problem {
        None => StatusCode::OK,
        Some(LoginError::TooMany) => StatusCode::TOO_MANY_REQUESTS,
        Some(LoginError::NoRandom) => StatusCode::INTERNAL_SERVER_ERROR,
        Some(_) => StatusCode::FORBIDDEN,
    };
    response
}

pub(super) async fn log_in(State(site): Here, Extension(visit): Who, Form(sent): Form<Sent>) -> Response {
    if !visit.is_same_origin {
        return strange(&site, &visit);
    }
    let word = match site.sessions.log_in(&site.settings.tokens, &sent.token, &sent.name) {
        Ok(word) => word,
        Err(problem) => {
            tracing::warn!(%problem, "a login to the dashboard failed");
            return login_page(&site, &visit, Some(problem), &sent.name);
        }
    };
    let mut response = lead(&visit, "/?done=login");
    set_cookie(&site, &visit, &mut response, &word, "");
    response
}

pub(super) async fn log_out(
    State(site): Here,
    Extension(visit): Who,
    headers: HeaderMap,
    Form(sent): Form<Sent>,
) -> Response {
    if let Err(refused) = session(&site, &visit, &sent) {
        return refused;
    }
    if let Some(word) = cookie(&headers, &site.cookie()) {
        site.sessions.log_out(word);
    }
    let mut response = lead(&visit, "/");
    set_cookie(&site, &visit, &mut response, "", "; Max-Age=0");
    response
}

/// Only this site gets the cookie, with requests that come from its own pages, and no script reads it.
fn set_cookie(site: &Site, visit: &Visit, response: &mut Response, word: &str, rest: &str) {
    let secure = if visit.is_secure { "; Secure" } else { "" };
    let cookie =
        format!("{}={word}; Path={}/; HttpOnly; SameSite=Strict{secure}{rest}", site.cookie(), visit.base);
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

pub(super) async fn approve(here: Here, who: Who, path: Path<String>, Form(sent): Form<Sent>) -> Response {
    let action = CaseAction::Approve { plan: sent.plan.clone() };
    order_case(here, who, path, sent, action, "approve").await
}

pub(super) async fn deny(here: Here, who: Who, path: Path<String>, Form(sent): Form<Sent>) -> Response {
    let action = CaseAction::Deny { plan: sent.plan.clone() };
    order_case(here, who, path, sent, action, "deny").await
}

pub(super) async fn cancel(here: Here, who: Who, path: Path<String>, Form(sent): Form<Sent>) -> Response {
    order_case(here, who, path, sent, CaseAction::Cancel, "cancel").await
}

async fn order_case(
    State(site): Here,
    Extension(visit): Who,
    Path(id): Path<String>,
    sent: Sent,
    action: CaseAction,
    done: &str,
) -> Response {
    let actor = match session(&site, &visit, &sent) {
        Ok(session) => actor(session),
        Err(refused) => return refused,
    };
    let Some(case) = CaseId::from_text(&id) else { return missing(State(site), Extension(visit)).await };
    let result = site.dashboard.act(&case, &actor, action).await;
    let place = if sent.from == "now" { "/".to_owned() } else { format!("/case/{case}") };
    ordered(&site, &visit, result, &format!("{place}?done={done}"))
}

pub(super) async fn pause(State(site): Here, Extension(visit): Who, Form(sent): Form<Sent>) -> Response {
    let actor = match session(&site, &visit, &sent) {
        Ok(session) => actor(session),
        Err(refused) => return refused,
    };
    let result = site.dashboard.order_pause(&actor, &sent.why).await;
    ordered(&site, &visit, result, &format!("{}?done=pause", page_of(&sent)))
}

pub(super) async fn resume(State(site): Here, Extension(visit): Who, Form(sent): Form<Sent>) -> Response {
    let actor = match session(&site, &visit, &sent) {
        Ok(session) => actor(session),
        Err(refused) => return refused,
    };
    let result = site.dashboard.order_resume(&actor).await;
    ordered(&site, &visit, result, &format!("{}?done=resume", page_of(&sent)))
}

fn page_of(sent: &Sent) -> &'static str {
    if sent.from == "policy" { "/policy" } else { "/" }
}

fn actor(session: &Session) -> Actor {
    Actor { login: session.login.clone(), recorded_as: session.recorded_as.clone() }
}

/// Who gives an order: somebody who is logged in, by a form of a page that was shown in this session.
fn session<'a>(site: &Site, visit: &'a Visit, sent: &Sent) -> Result<&'a Session, Response> {
    let Some(session) = &visit.session else {
        let text = "You are not logged in, or no longer. Log in, then try again. Nothing was done.";
        return Err(site.say(visit, StatusCode::UNAUTHORIZED, "Not logged in", text));
    };
    match visit.is_same_origin && session.has_sent(&sent.csrf) {
        true => Ok(session),
        false => Err(strange(site, visit)),
    }
}

fn strange(site: &Site, visit: &Visit) -> Response {
    let text = "This form did not come from a page of this dashboard, or its page is too old. Go back, reload the \
                page and try again. Nothing was done.";
    site.say(visit, StatusCode::FORBIDDEN, "Not accepted", text)
}

fn ordered(site: &Site, visit: &Visit, result: Result<(), ActionError>, place: &str) -> Response {
    match result {
        Ok(()) => lead(visit, place),
        Err(ActionError::NoCase) => {
            site.say(visit, StatusCode::NOT_FOUND, "Not found", "There is no such case. Nothing was done.")
        }
        Err(ActionError::Journal(error)) => unavailable(site, visit, &error),
        Err(error) => {
            site.say(visit, StatusCode::CONFLICT, "Not done", &format!("Nothing was done: {error}."))
        }
    }
}

fn shown<T: serde::Serialize>(
    site: &Site,
    visit: &Visit,
    frame: Frame<'_>,
    page: Result<T, JournalError>,
) -> Response {
    match page {
        Ok(page) => site.show(visit, frame, page),
        Err(error) => unavailable(site, visit, &error),
    }
}

fn unavailable(site: &Site, visit: &Visit, error: &JournalError) -> Response {
    tracing::warn!(%error, "the dashboard cannot read the journal");
    let text = "The journal cannot be read at the moment. The log says why.";
    site.say(visit, StatusCode::SERVICE_UNAVAILABLE, "Not available", text)
}
