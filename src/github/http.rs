//! The way to GitHub's API: every request passes here.
//!
//! Nothing is retried here. Only the caller knows whether a call may be repeated.

#![expect(clippy::disallowed_methods, reason = "measures how long a request takes")]

use crate::github::backoff::RateLimitGate;
use crate::github::contact::ContactLog;
use crate::github::error;
use crate::github::error::{ApiError, Subject};
use crate::github::etag_cache::{CachedPage, EtagCache};
use crate::github::route;
use crate::github::write_limiter::WriteSlot;
use crate::ports::ForgeError;
use crate::telemetry::spans;
use crate::telemetry::spans::field;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use octocrab::{FromResponse, GitHubError, Octocrab, Page};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tracing::{Instrument, Span};

/// A request, and what it is about.
struct Call<'a> {
    method: Method,
    route: &'a str,
    body: Option<&'a Value>,
    /// The `ETag` of what the asker has.
    known: Option<&'a HeaderValue>,
    what: Subject<'a>,
}

impl<'a> Call<'a> {
    fn get(route: &'a str, what: Subject<'a>) -> Self {
        Self { method: Method::GET, route, body: None, known: None, what }
    }
}

/// What came back.
enum CachedAnswer<T> {
    /// With the headers of the answer.
    Fresh(T, HeaderMap),
    /// It is what the asker has, who named its `ETag`.
    Unchanged,
}

#[derive(Debug)]
pub(super) struct Client {
    client: Octocrab,
    /// The whole of a call: connection, request, answer.
    deadline: Duration,
    backoff: RateLimitGate,
    known: EtagCache,
    /// GitHub gave no token: the installation is gone, or has changed.
    unauthorized: AtomicBool,
    /// The outcome of the last request; all clients of one adapter share it.
    contact: Arc<ContactLog>,
}

impl Client {
    /// A client that nothing is known of. `deadline` is for a whole call: connection, request and answer.
    pub(super) fn new(client: Octocrab, deadline: Duration, contact: Arc<ContactLog>) -> Self {
        let (backoff, known) = (RateLimitGate::default(), EtagCache::default());
        Self { client, deadline, backoff, known, unauthorized: AtomicBool::new(false), contact }
    }

    /// The outcome of the last request of this adapter.
    pub(super) fn contact(&self) -> &Arc<ContactLog> {
        &self.contact
    }

    /// Whether GitHub refused to give this client a token.
    pub(super) fn is_unauthorized(&self) -> bool {
        self.unauthorized.load(Ordering::Relaxed)
    }

    /// Reads one object. `what` is its name in an error.
    ///
    /// # Errors
    /// [`ForgeError`] if GitHub gives none.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        route: &str,
        what: Subject<'_>,
    ) -> Result<T, ForgeError> {
        self.call(Call::get(route, what)).await
    }

    /// All items of a list, from all its pages, a hundred each.
    ///
    /// # Errors
    /// [`ForgeError`] if one of the pages cannot be read.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        route: &str,
        query: &[(&str, &str)],
        what: Subject<'_>,
    ) -> Result<Vec<T>, ForgeError> {
        self.list_while(route, query, what, |_| true).await
    }

    /// The items of a list up to the first that is not wanted, and no page after that one's.
    ///
    /// # Errors
    /// [`ForgeError`] if one of these pages cannot be read.
    pub(super) async fn list_while<T: DeserializeOwned>(
        &self,
        route: &str,
        query: &[(&str, &str)],
        what: Subject<'_>,
        wanted: impl Fn(&T) -> bool + Send,
    ) -> Result<Vec<T>, ForgeError> {
        let mut items = Vec::new();
        let mut next = Some(format!("{route}?{}", encode_query(query)));
        while let Some(address) = next {
            let page: Page<T> = self.call(Call::get(&address, what)).await?;
            next = next_of(&page);
            for item in page.items {
                if !wanted(&item) {
                    return Ok(items);
                }
                items.push(item);
            }
        }
        Ok(items)
    }

    /// The same as [`Client::list`], for a list that is read again and again: a page that has not changed
    /// since the last time is not sent again, and costs none of the hour's requests.
    ///
    /// # Errors
    /// [`ForgeError`] if one of the pages cannot be read; then all of them are sent again the next time.
    pub(super) async fn list_cached<T: DeserializeOwned>(
        &self,
        route: &str,
        query: &[(&str, &str)],
        what: Subject<'_>,
    ) -> Result<Vec<T>, ForgeError> {
        let mut known = self.known.take(route);
        let mut read = BTreeMap::new();
        let mut items = Vec::new();
        let mut next = Some(format!("{route}?{}", encode_query(query)));
        while let Some(address) = next {
            let page = self.page(&address, known.remove(&address), what).await?;
            for item in &page.items {
                items.push(T::deserialize(item).map_err(|error| ForgeError::Unreachable(error.to_string()))?);
            }
            next = page.next.clone();
            read.insert(address, page);
        }
        self.known.keep(route, read);
        Ok(items)
    }

    async fn page(
        &self,
        address: &str,
        known: Option<CachedPage>,
        what: Subject<'_>,
    ) -> Result<CachedPage, ForgeError> {
        let etag = known.as_ref().and_then(|page| page.etag.as_ref());
        let call = Call { known: etag, ..Call::get(address, what) };
        match (self.send::<Page<Value>>(call).await?, known) {
            (CachedAnswer::Fresh(page, headers), _) => {
                let etag = headers.get(header::ETAG).cloned();
                Ok(CachedPage { etag, next: next_of(&page), items: page.items })
            }
            (CachedAnswer::Unchanged, Some(page)) => Ok(page),
            (CachedAnswer::Unchanged, None) => Err(unexpected_304()),
        }
    }

    /// A call that makes something which is not written for people to read, and needs no turn.
    ///
    /// # Errors
    /// [`ForgeError`] if GitHub does not do it, or does not answer.
    pub(super) async fn post_unpaced<T: DeserializeOwned>(
        &self,
        method: Method,
        route: &str,
        what: Subject<'_>,
    ) -> Result<T, ForgeError> {
        self.call(Call { method, ..Call::get(route, what) }).await
    }

    /// The time on GitHub's clock, from the head of its answer to this question.
    ///
    /// # Errors
    /// [`ForgeError`] if GitHub does not answer, or tells no time.
    pub(super) async fn time(&self, route: &str) -> Result<DateTime<Utc>, ForgeError> {
        let asked = self.send::<Value>(Call::get(route, &"the time")).await?;
        let date = match &asked {
            CachedAnswer::Fresh(_, headers) => headers.get(header::DATE).and_then(|date| date.to_str().ok()),
            CachedAnswer::Unchanged => None,
        };
        let date = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        date.map(|date| date.to_utc()).ok_or_else(|| ForgeError::Refused("it does not tell its time".into()))
    }

    /// Asks with a body. Nothing is changed by it, so it needs no turn.
    ///
    /// # Errors
    /// [`ForgeError`] if GitHub does not answer, or not as expected.
    pub(super) async fn query<T: DeserializeOwned>(
        &self,
        route: &str,
        body: &Value,
        what: Subject<'_>,
    ) -> Result<T, ForgeError> {
        self.call(Call { method: Method::POST, body: Some(body), ..Call::get(route, what) }).await
    }

    /// A call that changes something; it uses the write slot of its caller.
    ///
    /// # Errors
    /// [`ForgeError`] if GitHub does not do it, or does not answer; after the latter it may have been done.
    pub(super) async fn write(
        &self,
        slot: &mut WriteSlot<'_>,
        method: Method,
        route: &str,
        body: Option<&Value>,
        what: Subject<'_>,
    ) -> Result<Value, ForgeError> {
        slot.pause().await;
        self.call(Call { method, body, ..Call::get(route, what) }).await
    }

    async fn call<T: FromResponse>(&self, call: Call<'_>) -> Result<T, ForgeError> {
        self.send(call).await?.fresh()
    }

    async fn send<T: FromResponse>(&self, call: Call<'_>) -> Result<CachedAnswer<T>, ForgeError> {
        let what = call.what;
        match self.try_ask(call).await {
            Ok(answer) => Ok(answer),
            Err(ApiError::Error(error)) => Err(error),
            Err(ApiError::Redirected(place)) => {
                Err(ForgeError::Moved { what: what.to_string(), now: self.name_of(&place).await })
            }
        }
    }

    async fn try_ask<T: FromResponse>(&self, call: Call<'_>) -> Result<CachedAnswer<T>, ApiError> {
        self.backoff.check()?;
        let span = spans::github_request(call.method.as_str(), &route::template(call.route));
        let began = Instant::now();
        let answer = tokio::time::timeout(self.deadline, self.exchange(call)).instrument(span.clone());
        let outcome = match answer.await {
            Ok(outcome) => outcome,
            Err(_) => {
                let limit = self.deadline.as_secs_f32();
                Err(ForgeError::Unreachable(format!("no answer within {limit} seconds")).into())
            }
        };
        let duration = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        span.in_scope(|| match &outcome {
            Ok(_) => tracing::debug!({ field::DURATION_MS } = duration, "GitHub answered"),
            Err(error) => tracing::debug!(?error, { field::DURATION_MS } = duration, "GitHub request failed"),
        });
        self.contact.record(&outcome);
        match outcome {
            Ok(answer) => Ok(self.backoff.record(Ok(answer))?),
            Err(ApiError::Error(error)) => Ok(self.backoff.record(Err(error))?),
            Err(elsewhere) => Err(elsewhere),
        }
    }

    /// GitHub leads on by a repository's number, which tells people nothing: this is its name, or the
    /// address that was given if the name cannot be had. It asks on the configured host alone, and once.
    async fn name_of(&self, place: &str) -> String {
        #[derive(Deserialize)]
        struct Named {
            full_name: String,
        }
        let Some(repository) = error::repository_in(place) else { return place.to_owned() };
        match self.try_ask::<Named>(Call::get(&repository, &place)).await {
            Ok(CachedAnswer::Fresh(named, _)) => named.full_name,
            _ => place.to_owned(),
        }
    }

    async fn exchange<T: FromResponse>(&self, call: Call<'_>) -> Result<CachedAnswer<T>, ApiError> {
        let Call { method, route, body, known, what } = call;
        let mut request = http::Request::builder()
            .method(method)
            .uri(route)
            .header(header::ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        if let Some(etag) = known {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let sort = |error| error::classify(&error, what);
        let request = self.client.build_request(request, body).map_err(sort)?;
        let response = self.client.execute(request).await.map_err(|error| match error {
            // Before there is an answer, GitHub says no to one thing only: a token for the installation.
            octocrab::Error::GitHub { source, .. } => {
                Span::current().record(field::STATUS, source.status_code.as_u16());
                self.unauthorized(&source)
            }
            other => sort(other),
        })?;
        Span::current().record(field::STATUS, response.status().as_u16());
        self.contact.note_budget(response.headers());
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(CachedAnswer::Unchanged);
        }
        let response = octocrab::map_github_error(response).await.map_err(sort)?;
        let headers = response.headers().clone();
        Ok(CachedAnswer::Fresh(T::from_response(response).await.map_err(sort)?, headers))
    }

    fn unauthorized(&self, answer: &GitHubError) -> ApiError {
        let error = error::classify_login(answer);
        if matches!(error, ForgeError::Unauthorized(_)) {
            self.unauthorized.store(true, Ordering::Relaxed);
        }
        error.into()
    }
}

impl<T> CachedAnswer<T> {
    fn fresh(self) -> Result<T, ForgeError> {
        match self {
            CachedAnswer::Fresh(content, _) => Ok(content),
            CachedAnswer::Unchanged => Err(unexpected_304()),
        }
    }
}

/// GitHub says that something has not changed, and nothing was known of it.
fn unexpected_304() -> ForgeError {
    ForgeError::Unreachable("unexpected 304 (not modified)".into())
}

/// The address of the next page: path and query alone, for whatever host a link names, the token goes to
/// the configured one.
fn next_of<T>(page: &Page<T>) -> Option<String> {
    page.next.as_ref()?.path_and_query().map(ToString::to_string)
}

/// Everything but the characters that RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// One segment of a path: `medic:working` as `medic%3Aworking`.
pub(super) fn encode(segment: &str) -> String {
    utf8_percent_encode(segment, RESERVED).to_string()
}

fn encode_query(query: &[(&str, &str)]) -> String {
    let pairs = query.iter().chain(&[("per_page", "100")]);
    pairs.map(|(key, value)| format!("{key}={}", encode(value))).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_cannot_leave_their_place() {
        for (text, expect) in [
            ("support", "support"),
            ("medic:needs human", "medic%3Aneeds%20human"),
            ("a/../b?c#d%", "a%2F..%2Fb%3Fc%23d%25"),
            ("dependabot[bot]", "dependabot%5Bbot%5D"),
            ("größe", "gr%C3%B6%C3%9Fe"),
        ] {
            assert_eq!(encode(text), expect);
        }
        assert_eq!(encode_query(&[("labels", "a b,c")]), "labels=a%20b%2Cc&per_page=100");
    }
}
