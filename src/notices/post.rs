//! One request of a channel over HTTP, and what its answer means.

use crate::http_client::{HttpAnswer, HttpClient, HttpError, HttpLimits, USER_AGENT};
use crate::ports::{Clock, SendError};
use http::{HeaderName, HeaderValue, Method, Request, header};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// What is waited for and read.
const LIMITS: HttpLimits = HttpLimits { timeout: Duration::from_secs(15), length: 64 << 10 };

/// The longest word of a server that an error repeats.
const LONGEST_WORD: usize = 80;

/// Sends requests.
#[derive(Clone)]
pub struct Post {
    client: HttpClient,
    pub(super) clock: Arc<dyn Clock>,
}

impl Post {
    /// By this client.
    pub fn new(client: HttpClient, clock: Arc<dyn Clock>) -> Self {
        Self { client, clock }
    }

    /// Sends a body with its headers, of which none is shown in an error.
    ///
    /// # Errors
    /// [`SendError`], unless the answer says that it was taken.
    pub(super) async fn send(
        &self,
        method: Method,
        url: &Url,
        headers: &[(&'static str, &str)],
        body: String,
    ) -> Result<HttpAnswer, SendError> {
        let mut request =
            Request::builder().method(method).uri(url.as_str()).header(header::USER_AGENT, USER_AGENT);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).map_err(|_| {
                SendError::Misconfigured("a secret has characters that no header takes".into())
            })?;
            request = request.header(HeaderName::from_static(name), value);
        }
        let request = request
            .body(body)
            .map_err(|_| SendError::Misconfigured("its address is not one of a server".into()))?;
        let answer = self.client.send(request, LIMITS).await.map_err(|error| match error {
            HttpError::Setup(why) => SendError::Misconfigured(why),
            // It was taken or not; to send it again with its id is the better mistake.
            error @ (HttpError::Late(_) | HttpError::Unreachable(_) | HttpError::TooLong(_)) => {
                SendError::Unavailable { why: error.to_string(), retry_after: None }
            }
        })?;
        self.judge(answer)
    }

    fn judge(&self, answer: HttpAnswer) -> Result<HttpAnswer, SendError> {
        let status = answer.status.as_u16();
        let why = match word(&answer.body) {
            Some(word) => format!("it answered with the status {status} ({word})"),
            None => format!("it answered with the status {status}"),
        };
        match status {
            200..=299 => Ok(answer),
            408 | 425 | 429 | 500..=599 => {
                Err(SendError::Unavailable { why, retry_after: answer.retry_after(self.clock.now()) })
            }
            300..=399 | 401..=407 | 410 => {
                Err(SendError::Misconfigured(format!("{why}; check its address and its credentials")))
            }
            _ => Err(SendError::Refused(why)),
        }
    }
}

/// A short plain answer such as `invalid_payload`. What is longer, or could hold an address, is not repeated.
fn word(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " _.,'-".contains(c);
    (!text.is_empty() && text.len() <= LONGEST_WORD && text.chars().all(is_plain)).then(|| text.to_owned())
}

/// An address with a path added to its own.
pub(super) fn below(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}
