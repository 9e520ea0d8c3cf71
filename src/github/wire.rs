//! The way to GitHub's API: every request of the agent passes here.
//!
//! Nothing is tried again here. Whether a call may be repeated is known to the one who decides, not to
//! the one who sends.

use super::pace::Turn;
use super::quiet::Quiet;
use super::refusal::{self, Trouble};
use crate::ports::ForgeError;
use http::{HeaderValue, Method, Uri};
use octocrab::{FromResponse, GitHubError, Octocrab, Page};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The thing that a call is about, as "… does not exist" names it.
pub(super) type What<'a> = &'a (dyn Display + Sync);

#[derive(Debug)]
pub(super) struct Wire {
    client: Octocrab,
    /// The whole of a call: connection, request, answer.
    deadline: Duration,
    quiet: Quiet,
    /// GitHub gave no token: this installation is no more, or not as it was.
    shut_out: AtomicBool,
}

impl Wire {
    pub fn new(client: Octocrab, deadline: Duration) -> Self {
        Self { client, deadline, quiet: Quiet::default(), shut_out: AtomicBool::new(false) }
    }

    /// Whether GitHub refused to give this client a token.
    pub fn is_shut_out(&self) -> bool {
        self.shut_out.load(Ordering::Relaxed)
    }

    pub async fn get<T: DeserializeOwned>(&self, route: &str, what: What<'_>) -> Result<T, ForgeError> {
        self.call(Method::GET, route, None, what).await
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
        while let Some(route) = next {
            let page: Page<T> = self.call(Method::GET, &route, None, what).await?;
            for item in page.items {
                if !wanted(&item) {
                    return Ok(items);
                }
                items.push(item);
            }
            // Path and query alone: whatever host a link names, the token goes to the configured one.
            next = page.next.as_ref().and_then(Uri::path_and_query).map(ToString::to_string);
        }
        Ok(items)
    }

    /// A call that makes something which is not written for people to read, and needs no turn.
    pub async fn order<T: DeserializeOwned>(
        &self,
        method: Method,
        route: &str,
        what: What<'_>,
    ) -> Result<T, ForgeError> {
        self.call(method, route, None, what).await
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
        self.call(method, route, body, what).await
    }

    async fn call<T: FromResponse>(
        &self,
        method: Method,
        route: &str,
        body: Option<&Value>,
        what: What<'_>,
    ) -> Result<T, ForgeError> {
        match self.try_call(method, route, body, what).await {
            Ok(answer) => Ok(answer),
            Err(Trouble::Error(error)) => Err(error),
            Err(Trouble::Elsewhere(place)) => {
                Err(ForgeError::Moved { what: what.to_string(), now: self.name_of(&place).await })
            }
        }
    }

    async fn try_call<T: FromResponse>(
        &self,
        method: Method,
        route: &str,
        body: Option<&Value>,
        what: What<'_>,
    ) -> Result<T, Trouble> {
        self.quiet.keep()?;
        let answer = tokio::time::timeout(self.deadline, self.exchange(method, route, body, what));
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
        let named = self.try_call::<Named>(Method::GET, &repository, None, &place).await;
        named.map_or_else(|_| place.to_owned(), |named| named.full_name)
    }

    async fn exchange<T: FromResponse>(
        &self,
        method: Method,
        route: &str,
        body: Option<&Value>,
        what: What<'_>,
    ) -> Result<T, Trouble> {
        let request = http::Request::builder()
            .method(method)
            .uri(route)
            .header(http::header::ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        let sort = |error| refusal::sort(&error, what);
        let request = self.client.build_request(request, body).map_err(sort)?;
        let response = self.client.execute(request).await.map_err(|error| match error {
            // Before there is an answer, GitHub says no to one thing only: a token for the installation.
            octocrab::Error::GitHub { source, .. } => self.shut_out(&source),
            other => sort(other),
        })?;
        let response = octocrab::map_github_error(response).await.map_err(sort)?;
        T::from_response(response).await.map_err(sort)
    }

    fn shut_out(&self, answer: &GitHubError) -> Trouble {
        let error = refusal::sort_login(answer);
        if matches!(error, ForgeError::Unauthorized(_)) {
            self.shut_out.store(true, Ordering::Relaxed);
        }
        error.into()
    }
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
