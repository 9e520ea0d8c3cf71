//! The way to GitHub's API: every request of the agent passes here.
//!
//! Nothing is tried again here. Whether a call may be repeated is known to the one who decides, not to
//! the one who sends.

use super::pace::Turn;
use super::quiet::Quiet;
use super::refusal::{self, Trouble};
use super::watch::{Known, Leaf};
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
pub(super) type What<'a> = &'a (dyn Display + Sync);

/// A request, and what it is about.
struct Call<'a> {
    method: Method,
    route: &'a str,
    body: Option<&'a Value>,
    /// The `ETag` of what the asker has.
    known: Option<&'a HeaderValue>,
    what: What<'a>,
}

impl<'a> Call<'a> {
    fn get(route: &'a str, what: What<'a>) -> Self {
        Self { method: Method::GET, route, body: None, known: None, what }
    }
}

/// What came back.
enum Answer<T> {
    /// With the `ETag` by which GitHub knows it again.
    Fresh(T, Option<HeaderValue>),
    /// It is what the asker has, who named its `ETag`.
    Unchanged,
}

#[derive(Debug)]
pub(super) struct Wire {
    client: Octocrab,
    /// The whole of a call: connection, request, answer.
    deadline: Duration,
    quiet: Quiet,
    known: Known,
    /// GitHub gave no token: this installation is no more, or not as it was.
    shut_out: AtomicBool,
}

impl Wire {
    pub fn new(client: Octocrab, deadline: Duration) -> Self {
        let (quiet, known) = (Quiet::default(), Known::default());
        Self { client, deadline, quiet, known, shut_out: AtomicBool::new(false) }
    }

    /// Whether GitHub refused to give this client a token.
    pub fn is_shut_out(&self) -> bool {
        self.shut_out.load(Ordering::Relaxed)
    }

    pub async fn get<T: DeserializeOwned>(&self, route: &str, what: What<'_>) -> Result<T, ForgeError> {
        self.call(Call::get(route, what)).await
    }

    /// All items of a list, from all its pages, a hundred each.
    pub async fn list<T: DeserializeOwned>(
        &self,
        route: &str,
        query: &[(&str, &str)],
        what: What<'_>,
    ) -> Result<Vec<T>, ForgeError> {
        self.list_while(route, query, what, |_| true).await
    }

    /// The items of a list up to the first that is not wanted, and no page after that one's.
    pub async fn list_while<T: DeserializeOwned>(
        &self,
        route: &str,
        query: &[(&str, &str)],
        what: What<'_>,
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
    pub async fn watch<T: DeserializeOwned>(
        &self,
        route: &str,
        query: &[(&str, &str)],
        what: What<'_>,
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

    async fn leaf(&self, address: &str, known: Option<Leaf>, what: What<'_>) -> Result<Leaf, ForgeError> {
        let etag = known.as_ref().and_then(|leaf| leaf.etag.as_ref());
        let call = Call { known: etag, ..Call::get(address, what) };
        match (self.ask::<Page<Value>>(call).await?, known) {
            (Answer::Fresh(page, etag), _) => Ok(Leaf { etag, next: next_of(&page), items: page.items }),
            (Answer::Unchanged, Some(leaf)) => Ok(leaf),
            (Answer::Unchanged, None) => Err(unasked()),
        }
    }

    /// A call that makes something which is not written for people to read, and needs no turn.
    pub async fn order<T: DeserializeOwned>(
        &self,
        method: Method,
        route: &str,
        what: What<'_>,
    ) -> Result<T, ForgeError> {
        self.call(Call { method, ..Call::get(route, what) }).await
    }

    /// A call that changes something; it takes the turn of its caller.
    pub async fn write(
        &self,
        turn: &mut Turn<'_>,
        method: Method,
        route: &str,
        body: Option<&Value>,
        what: What<'_>,
    ) -> Result<Value, ForgeError> {
        turn.pause().await;
        self.call(Call { method, body, ..Call::get(route, what) }).await
    }

    async fn call<T: FromResponse>(&self, call: Call<'_>) -> Result<T, ForgeError> {
        self.ask(call).await?.fresh()
    }

    async fn ask<T: FromResponse>(&self, call: Call<'_>) -> Result<Answer<T>, ForgeError> {
        let what = call.what;
        match self.try_ask(call).await {
            Ok(answer) => Ok(answer),
            Err(Trouble::Error(error)) => Err(error),
            Err(Trouble::Elsewhere(place)) => {
                Err(ForgeError::Moved { what: what.to_string(), now: self.name_of(&place).await })
            }
        }
    }

    async fn try_ask<T: FromResponse>(&self, call: Call<'_>) -> Result<Answer<T>, Trouble> {
        self.quiet.keep()?;
        let answer = tokio::time::timeout(self.deadline, self.exchange(call));
        let outcome = match answer.await {
            Ok(outcome) => outcome,
            Err(_) => {
                let limit = self.deadline.as_secs_f32();
                Err(ForgeError::Unreachable(format!("no answer within {limit} seconds")).into())
            }
        };
        match outcome {
            Ok(answer) => Ok(self.quiet.heed(Ok(answer))?),
            Err(Trouble::Error(error)) => Ok(self.quiet.heed(Err(error))?),
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
        let Some(repository) = refusal::repository_in(place) else { return place.to_owned() };
        match self.try_ask::<Named>(Call::get(&repository, &place)).await {
            Ok(Answer::Fresh(named, _)) => named.full_name,
            _ => place.to_owned(),
        }
    }

    async fn exchange<T: FromResponse>(&self, call: Call<'_>) -> Result<Answer<T>, Trouble> {
        let Call { method, route, body, known, what } = call;
        let mut request = http::Request::builder()
            .method(method)
            .uri(route)
            .header(header::ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        if let Some(etag) = known {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let sort = |error| refusal::sort(&error, what);
        let request = self.client.build_request(request, body).map_err(sort)?;
        let response = self.client.execute(request).await.map_err(|error| match error {
            // Before there is an answer, GitHub says no to one thing only: a token for the installation.
            octocrab::Error::GitHub { source, .. } => self.shut_out(&source),
            other => sort(other),
        })?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(Answer::Unchanged);
        }
        let response = octocrab::map_github_error(response).await.map_err(sort)?;
        let etag = response.headers().get(header::ETAG).cloned();
        Ok(Answer::Fresh(T::from_response(response).await.map_err(sort)?, etag))
    }

    fn shut_out(&self, answer: &GitHubError) -> Trouble {
        let error = refusal::sort_login(answer);
        if matches!(error, ForgeError::Unauthorized(_)) {
            self.shut_out.store(true, Ordering::Relaxed);
        }
        error.into()
    }
}

impl<T> Answer<T> {
    fn fresh(self) -> Result<T, ForgeError> {
        match self {
            Answer::Fresh(content, _) => Ok(content),
            Answer::Unchanged => Err(unasked()),
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
