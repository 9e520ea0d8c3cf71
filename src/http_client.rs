//! One small client for HTTP and HTTPS, for everybody who is not GitHub: embeddings, notices and the heartbeat.
//!
//! What it is answered is not trusted. It waits for a limited time and reads a limited length. It follows no redirect,
//! so that no secret is carried elsewhere. Its errors do not name the address, which may be a secret by itself.

use crate::core::text::format::with_causes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::time::Duration;

/// What a server is told about who asks.
pub const USER_AGENT: &str = concat!("fieldmedic/", env!("CARGO_PKG_VERSION"));

/// Asks servers, each in a connection that is kept for the next time.
#[derive(Debug, Clone)]
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, String>,
}

/// What is waited for and read of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// From the connection to the last byte.
    pub timeout: Duration,
    /// A longer answer is not read, in bytes.
    pub length: usize,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, not longer than the limit.
    pub body: Vec<u8>,
}

impl HttpAnswer {
    /// How long the server wants not to be asked, by its header `Retry-After`.
    pub fn retry_after(&self, now: DateTime<Utc>) -> Option<Duration> {
        let value = self.headers.get(header::RETRY_AFTER)?.to_str().ok()?;
        if let Ok(seconds) = value.trim().parse() {
            return Some(Duration::from_secs(seconds));
        }
        let at = DateTime::parse_from_rfc2822(value).ok()?.to_utc();
        (at - now).to_std().ok()
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No certificates of authorities can be read, or the request cannot be made.
    #[error("{0}")]
    Setup(String),
    /// It did not answer in time.
    #[error("it did not answer within {} s", .0.as_secs_f32())]
    Late(Duration),
    /// It cannot be reached, or the connection broke off.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// Its answer is longer than the limit, in bytes.
    #[error("its answer is longer than {0} bytes")]
    TooLong(usize),
}

impl HttpClient {
    /// Makes a client that trusts the certificate authorities of this machine. Nothing is asked yet.
    ///
    /// # Errors
    /// [`HttpError::Setup`].
    pub fn new() -> Result<Self, HttpError> {
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| HttpError::Setup(error.to_string()))?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector) })
    }

    /// Sends a request. An answer with any status is an answer.
    ///
    /// # Errors
    /// [`HttpError`].
    pub async fn send(&self, request: Request<String>, limits: HttpLimits) -> Result<HttpAnswer, HttpError> {
        match tokio::time::timeout(limits.timeout, self.ask(request, limits.length)).await {
            Ok(answer) => answer,
            Err(_) => Err(HttpError::Late(limits.timeout)),
        }
    }

    async fn ask(&self, request: Request<String>, length: usize) -> Result<HttpAnswer, HttpError> {
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| HttpError::Unreachable(with_causes(&error)))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, length).collect().await;
        let body = body.map_err(|error| match error.is::<LengthLimitError>() {
            true => HttpError::TooLong(length),
            false => HttpError::Unreachable(error.to_string()),
        })?;
        Ok(HttpAnswer { status: head.status, headers: head.headers, body: body.to_bytes().to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2026-01-09T12:00:00Z".parse().unwrap();
        for (value, expect) in [
            ("120", Some(120)),
            ("Fri, 09 Jan 2026 12:01:30 GMT", Some(90)),
            ("Fri, 09 Jan 2026 11:00:00 GMT", None),
            ("soon", None),
        ] {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
            let answer = HttpAnswer { status: StatusCode::TOO_MANY_REQUESTS, headers, body: Vec::new() };
            assert_eq!(answer.retry_after(now).map(|it| it.as_secs()), expect, "{value}");
        }
    }
}
