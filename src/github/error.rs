//! From what octocrab reports to what can be done next: [`ForgeError`].

use crate::core::text::format::{cut_between_words, with_causes};
use crate::ports::ForgeError;
use chrono::DateTime;
use http::{HeaderMap, StatusCode, header};
use octocrab::GitHubError;
use std::error::Error;
use std::fmt::Display;
use std::time::Duration;

/// No limit of GitHub's lasts longer; a date that says otherwise is not believed.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// The thing that a call is about, as "… does not exist" names it.
pub(super) type Subject<'a> = &'a (dyn Display + Sync);

/// Why no client can be made. It is permanent: the configuration has to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// The URL of the API has no host, another scheme than HTTP(S), or a query; holds the URL.
    #[error("`{0}` is not the address of an API: write https://api.github.com or https://<host>/api/v3")]
    Address(String),
    /// The URL of the API is on another machine and without TLS; holds the URL.
    #[error("`{0}` would carry the token in the clear: write https")]
    Insecure(String),
    /// The token is empty, or not of printable ASCII characters without spaces.
    #[error("the token is empty, or holds characters that no token has")]
    Token,
    /// The App's private key is not RSA in PEM.
    #[error("the App's private key is not one: it is the .pem file that GitHub hands out")]
    Key,
    /// octocrab cannot build its HTTP client; holds the reason.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
}

/// Why a call failed.
#[derive(Debug)]
pub(super) enum ApiError {
    Error(ForgeError),
    /// GitHub leads on to this address.
    Redirected(String),
}

impl From<ForgeError> for ApiError {
    fn from(error: ForgeError) -> Self {
        ApiError::Error(error)
    }
}

pub(super) fn classify(error: &octocrab::Error, what: Subject<'_>) -> ApiError {
    if let octocrab::Error::GitHub { source, .. } = error
        && source.status_code.is_redirection()
    {
        let to = source.headers.as_ref().and_then(|headers| headers.get(header::LOCATION)?.to_str().ok());
        return ApiError::Redirected(to.unwrap_or("elsewhere").to_owned());
    }
    ApiError::Error(classify_error(error, what))
}

/// Why an App was not given a token for one of its installations.
pub(super) fn classify_login(answer: &GitHubError) -> ForgeError {
    let said = short(&answer.message);
    match classify_answer(answer, &"the App's installation") {
        ForgeError::NotFound(_) => {
            ForgeError::Unauthorized("the App is no longer installed there: install it again".into())
        }
        ForgeError::Refused(_) => ForgeError::Unauthorized(format!("the App gets no token: {said}")),
        other => other,
    }
}

/// The route of the repository that an address is about, where GitHub names it by its number.
pub(super) fn repository_in(address: &str) -> Option<String> {
    let number: String =
        address.split_once("/repositories/")?.1.chars().take_while(char::is_ascii_digit).collect();
    (!number.is_empty()).then(|| format!("/repositories/{number}"))
}

fn classify_error(error: &octocrab::Error, what: Subject<'_>) -> ForgeError {
    use octocrab::Error as E;
    match error {
        E::GitHub { source, .. } => classify_answer(source, what),
        E::Service { .. } | E::Hyper { .. } | E::Other { .. } => {
            // Its own text says only that something failed.
            ForgeError::Unreachable(error.source().map_or_else(|| error.to_string(), with_causes))
        }
        E::Serde { .. } | E::Json { .. } | E::InvalidUtf8 { .. } => {
            ForgeError::Unreachable(format!("it answered with what GitHub does not send: {error}"))
        }
        _ => ForgeError::Refused(error.to_string()),
    }
}

fn classify_answer(answer: &GitHubError, what: Subject<'_>) -> ForgeError {
    let none = HeaderMap::new();
    let headers = answer.headers.as_ref().unwrap_or(&none);
    let status = answer.status_code;
    if is_limit(answer, headers) {
        return ForgeError::Limited { why: answer.message.clone(), wait: wait(headers) };
    }
    match status {
        StatusCode::UNAUTHORIZED => {
            ForgeError::Unauthorized(format!("{}; {}", answer.message, login_hint(&answer.message)))
        }
        StatusCode::GONE if answer.message.contains("disabled") => refuse(answer, headers),
        StatusCode::NOT_FOUND | StatusCode::GONE => ForgeError::NotFound(what.to_string()),
        _ if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            ForgeError::Unreachable(format!("{}: {}", status.as_u16(), short(&answer.message)))
        }
        _ => refuse(answer, headers),
    }
}

/// What helps who is not let in.
fn login_hint(message: &str) -> &'static str {
    match message.contains("JSON web token") || message.contains("claim") {
        true => "check [github] app_id, the App's private key, and the clock of this machine",
        false => "make a new token, and put it into the variable that [github] token_env names",
    }
}

/// What GitHub says, and what helps.
fn refuse(answer: &GitHubError, headers: &HeaderMap) -> ForgeError {
    let said = message(answer);
    ForgeError::Refused(match advice(&answer.message, headers) {
        Some(advice) => format!("{said}; {advice}"),
        None => said,
    })
}

fn advice(message: &str, headers: &HeaderMap) -> Option<String> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    for (word, advice) in [
        ("archived", "unarchive the repository, or take it out of [github] repos"),
        ("is locked", "unlock the conversation, or give the agent write permission"),
        ("disabled", "turn issues on in the repository's settings, or take it out of [github] repos"),
    ] {
        if message.contains(word) {
            return Some(advice.to_owned());
        }
    }
    if let Some(sso) = header("x-github-sso") {
        let url = sso.split_once("url=").map_or(sso, |(_, url)| url);
        return Some(format!("let the token pass the organisation's single sign-on: {url}"));
    }
    let rights = header("x-accepted-github-permissions").filter(|rights| !rights.is_empty())?;
    Some(format!("it takes the right {}: give it to the token or the App", rights.replace('=', ": ")))
}

/// A 403 may be a lack of rights or a limit; only these signs tell.
fn is_limit(answer: &GitHubError, headers: &HeaderMap) -> bool {
    match answer.status_code {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::FORBIDDEN => {
            headers.contains_key(header::RETRY_AFTER)
                || headers.get("x-ratelimit-remaining").is_some_and(|left| left == "0")
                || answer.message.to_ascii_lowercase().contains("rate limit")
                || answer.message.to_ascii_lowercase().contains("abuse detection")
        }
        _ => false,
    }
}

/// How long GitHub asks to wait, if it says: `Retry-After`, or the time until the limit is reset. The
/// latter is counted from GitHub's own clock, as the `Date` header has it, never from ours.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let seconds = number("retry-after").or_else(|| {
        if number("x-ratelimit-remaining") != Some(0) {
            return None;
        }
        let reset = number("x-ratelimit-reset")?;
        let date = DateTime::parse_from_rfc2822(headers.get(header::DATE)?.to_str().ok()?).ok()?;
        Some(reset.saturating_sub(u64::try_from(date.timestamp()).ok()?) + 1)
    })?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// GitHub's message with what it says about single fields.
fn message(answer: &GitHubError) -> String {
    let details: Vec<String> = answer.errors.iter().flatten().map(detail).collect();
    let message = short(&answer.message);
    match details.is_empty() {
        true => format!("{message} ({})", answer.status_code.as_u16()),
        false => format!("{message}: {} ({})", details.join(", "), answer.status_code.as_u16()),
    }
}

fn detail(error: &serde_json::Value) -> String {
    let part = |name: &str| error.get(name).and_then(|part| part.as_str());
    match (part("message"), part("field"), part("code")) {
        (Some(message), ..) => message.to_owned(),
        (None, Some(field), Some(code)) => format!("{field} {code}"),
        _ => error.as_str().map_or_else(|| error.to_string(), str::to_owned),
    }
}

/// A proxy may answer with a page of HTML.
fn short(message: &str) -> String {
    let line = message.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    cut_between_words(line, 200).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_refusal_says_what_helps() {
        let right = ("x-accepted-github-permissions", "issues=write");
        let sso = ("x-github-sso", "required; url=https://example.org/sso");
        for (message, pairs, expect) in [
            ("Repository was archived so is read-only.", &[][..], Some("unarchive")),
            ("Unable to create comment because issue is locked.", &[right], Some("unlock")),
            ("Issues are disabled for this repo", &[], Some("turn issues on")),
            ("Resource not accessible by integration", &[right], Some("the right issues: write")),
            ("Resource protected by organization SAML enforcement.", &[sso], Some("https://example.org/sso")),
            ("Validation Failed", &[], None),
        ] {
            let advice = advice(message, &headers(pairs));
            assert_eq!(advice.is_some(), expect.is_some(), "{message}");
            assert!(advice.unwrap_or_default().contains(expect.unwrap_or_default()), "{message}");
        }
    }

    #[test]
    fn a_repository_is_found_by_its_number() {
        for (address, expect) in [
            ("https://api.github.com/repositories/1000", Some("/repositories/1000")),
            ("https://ghe.example.org/api/v3/repositories/7/issues/2?per_page=100", Some("/repositories/7")),
            ("https://example.org/repositories/", None),
            ("https://example.org/repos/example/tickets", None),
            ("elsewhere", None),
        ] {
            assert_eq!(repository_in(address).as_deref(), expect, "{address}");
        }
    }

    #[test]
    fn how_long_to_wait() {
        let date = ("date", "Sun, 01 Mar 2026 10:00:00 GMT"); // 1772359200
        for (pairs, seconds) in [
            (&[][..], None),
            (&[("retry-after", "30")], Some(30)),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "999999")], Some(3600)),
            (&[date, ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1772359260")], Some(61)),
            (&[date, ("x-ratelimit-remaining", "7"), ("x-ratelimit-reset", "1772359260")], None),
            (&[date, ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")], Some(1)),
            (&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1772359260")], None),
        ] {
            assert_eq!(wait(&headers(pairs)), seconds.map(Duration::from_secs), "{pairs:?}");
        }
    }
}
