//! The way to GitHub's API: every request of the agent passes here.
//!
//! Nothing is tried again here. Whether a call may be repeated is known to the one who decides, not to
//! the one who sends.

use crate::github::backoff::RateLimitGate;
use crate::github::error;
use crate::github::error::ApiError;
use crate::github::etag_cache::{CachedPage, EtagCache};
use crate::github::write_limiter::WriteSlot;
use crate::ports::ForgeError;
use http::{HeaderValue, Method, StatusCode, header};
use octocrab::{FromResponse, GitHubError, Octocrab, Page};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The thing that a call is about, as "… does not exist" names it.
pub(super) type Subject<'a> = &'a (dyn Display + Sync);

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
    /// With the `ETag` by which GitHub knows it again.
    Fresh(T, Option<HeaderValue>),
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
    /// GitHub gave no token: this installation is no more, or not as it was.
    unauthorized: AtomicBool,
}

impl Client {
    pub fn new(client: Octocrab, deadline: Duration) -> Self {
        let (backoff, known) = (RateLimitGate::default(), EtagCache::default());
        Self { client, deadline, backoff, known, unauthorized: AtomicBool::new(false) }
    }

    /// Whether GitHub refused to give this client a token.
    pub fn is_unauthorized(&self) -> bool {
        self.unauthorized.load(Ordering::Relaxed)
    }

    pub async fn get<T: DeserializeOwned>(&self, route: &str, what: Subject<'_>) -> Result<T, ForgeError> {
        self.call(Call::get(route, what)).await
    }

    /// All items of a list, from all its pages, a hundred each.
    pub async fn list<T: DeserializeOwned>(
        &self,
        route: &str,
        query: &[(&str, &str)],
        what: Subject<'_>,
    ) -> Result<Vec<T>, ForgeError> {
        self.list_while(route, query, what, |_| true).await
    }

    /// The items of a list up to the first that is not wanted, and no page after that one's.
    pub async fn list_while<T: DeserializeOwned>(
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

    /// The same as [`Wire::list`], for a list that is read again and again: a page that has not changed
    /// since the last time is not sent again, and costs none of the hour's requests.
    pub async fn list_cached<T: DeserializeOwned>(
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
            let leaf = self.leaf(&address, known.remove(&address), what).await?;
            for item in &leaf.items {
                items.push(T::deserialize(item).map_err(|error| ForgeError::Unreachable(error.to_string()))?);
            }
            next = leaf.next.clone();
            read.insert(address, leaf);
        }
        self.known.keep(route, read);
        Ok(items)
    }

    async fn leaf(
        &self,
        address: &str,
        known: Option<CachedPage>,
        what: Subject<'_>,
    ) -> Result<CachedPage, ForgeError> {
        let etag = known.as_ref().and_then(|leaf| leaf.etag.as_ref());
        let call = Call { known: etag, ..Call::get(address, what) };
        match (self.send::<Page<Value>>(call).await?, known) {
            (CachedAnswer::Fresh(page, etag), _) => {
                Ok(CachedPage { etag, next: next_of(&page), items: page.items })
            }
            (CachedAnswer::Unchanged, Some(leaf)) => Ok(leaf),
            (CachedAnswer::Unchanged, None) => Err(unasked()),
        }
    }

    /// A call that makes something which is not written for people to read, and needs no turn.
    pub async fn post_unpaced<T: DeserializeOwned>(
        &self,
        method: Method,
        route: &str,
        what: Subject<'_>,
    ) -> Result<T, ForgeError> {
        self.call(Call { method, ..Call::get(route, what) }).await
    }

    /// A call that changes something; it takes the turn of its caller.
    pub async fn write(
        &self,
        turn: &mut WriteSlot<'_>,
        method: Method,
        route: &str,
        body: Option<&Value>,
        what: Subject<'_>,
    ) -> Result<Value, ForgeError> {
        turn.pause().await;
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
        let answer = tokio::time::timeout(self.deadline, self.exchange(call));
        let outcome = match answer.await {
            Ok(outcome) => outcome,
            Err(_) => {
                let limit = self.deadline.as_secs_f32();
                Err(ForgeError::Unreachable(format!("no answer within {limit} seconds")).into())
            }
        };
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
            octocrab::Error::GitHub { source, .. } => self.shut_out(&source),
            other => sort(other),
        })?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(CachedAnswer::Unchanged);
        }
        let response = octocrab::map_github_error(response).await.map_err(sort)?;
        let etag = response.headers().get(header::ETAG).cloned();
        Ok(CachedAnswer::Fresh(T::from_response(response).await.map_err(sort)?, etag))
    }

    fn shut_out(&self, answer: &GitHubError) -> ApiError {
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
            CachedAnswer::Unchanged => Err(unasked()),
        }
    }
}

/// Nothing was known that could be unchanged.
fn unasked() -> ForgeError {
    ForgeError::Unreachable("the answer is 304 (not modified), which nobody asked for".into())
}

/// The address of the next page: path and query alone, for whatever host a link names, the token goes to
/// the configured one.
fn next_of<T>(page: &Page<T>) -> Option<String> {
    page.next.as_ref()?.path_and_query().map(ToString::to_string)
}

/// One segment of a path: `medic:working` as `medic%3Aworking`.
pub(super) fn encode(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
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
