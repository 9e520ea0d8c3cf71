//! The door for webhooks, over HTTP; axum is named only here and in the sandbox.
//!
//! - `signature`: whether a delivery is GitHub's.
//! - `app_manifest`: the page by which a GitHub App is made.
//!
//! What a delivery says is not read here: the sink gets its bytes.
//!
//! Where to listen is not decided here: the caller brings the listener.

mod app_manifest;
mod signature;

pub use crate::web::app_manifest::{Application, NoCode, receive_code};
pub use crate::web::signature::Secrets;

use async_trait::async_trait;
pub use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// GitHub sends up to 25 MB; an issue with the longest text is below a quarter of a megabyte.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// GitHub gives up after ten seconds; who sends more slowly than this is not GitHub.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// How long answers that are under way may take after the stop.
const FINISH_WITHIN: Duration = Duration::from_secs(10);

/// A delivery whose signature was checked.
#[derive(Debug, Clone, Copy)]
pub struct SignedDelivery<'a> {
    /// The value of `X-GitHub-Event`.
    pub event: &'a str,
    /// The value of `X-GitHub-Delivery`; empty if it is missing.
    pub guid: &'a str,
    pub body: &'a [u8],
}

/// Takes deliveries in.
#[async_trait]
pub trait DeliverySink: Send + Sync {
    /// Stores the delivery durably, and leaves the work for later: GitHub waits for the answer. The same
    /// delivery may come again.
    ///
    /// # Errors
    /// [`DeliveryNotStored`]. GitHub then notes the delivery as failed; it does not send it again by itself,
    /// but on request.
    async fn store(&self, delivery: SignedDelivery<'_>) -> Result<Receipt, DeliveryNotStored>;
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// GitHub only asks whether the webhook works.
    Ping,
    /// It is stored, or concerns a repository that is not configured.
    Accepted,
    /// It is of no use.
    Ignored,
}

/// Why a delivery was not stored; the reason goes to the log, not to the sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryNotStored {
    /// The body is not what GitHub sends with this event.
    #[error("{0}")]
    Unreadable(String),
    /// The journal cannot be used.
    #[error("{0}")]
    Unavailable(String),
}

/// What the door needs.
pub struct WebhookConfig {
    pub secrets: Secrets,
    /// In bytes; longer bodies are answered with 413. [`BODY_LIMIT`] is a good choice.
    pub body_limit: usize,
    pub sink: Arc<dyn DeliverySink>,
}

/// `POST /webhook` and `GET /healthz`.
///
/// | answer | to |
/// |---|---|
/// | 200 | a ping |
/// | 202 | a delivery that was taken in |
/// | 204 | a delivery that the agent has no use for |
/// | 400, 415 | a signed body that is not what GitHub sends |
/// | 401 | a missing or wrong signature |
/// | 408, 413 | a body that comes too slowly or is too long |
/// | 503 | a delivery that could not be kept |
pub fn router(door: WebhookConfig) -> Router {
    Router::new()
        .route("/webhook", post(receive))
        .route("/healthz", get(|| async { "ok\n" }))
        .with_state(Arc::new(door))
}

/// Serves until `shutdown` is done; then answers what is under way, for ten seconds at most.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (stopping, stopped) = oneshot::channel();
    let graceful = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        // It errs only if the server has ended already.
        let _ = stopping.send(());
    });
    let late = async {
        match stopped.await {
            Ok(()) => tokio::time::sleep(FINISH_WITHIN).await,
            // The server has ended by itself, and its result is what counts.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        result = async { graceful.await } => result,
        () = late => Ok(()),
    }
}

async fn receive(State(door): State<Arc<WebhookConfig>>, request: Request) -> Response {
    match take(&door, request).await {
        Ok(status) => status.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

type Refusal = (StatusCode, &'static str);

/// The signature comes first: nothing of a body is looked at before it is known to be GitHub's.
async fn take(door: &WebhookConfig, request: Request) -> Result<StatusCode, Refusal> {
    let (parts, body) = request.into_parts();
    let headers = parts.headers;
    let too_long = (StatusCode::PAYLOAD_TOO_LARGE, "the body is too long\n");
    if number(&headers, "content-length").is_some_and(|length| length > door.body_limit as u64) {
        return Err(too_long);
    }
    let body = tokio::time::timeout(SEND_WITHIN, to_bytes(body, door.body_limit)).await;
    let body = body.map_err(|_| (StatusCode::REQUEST_TIMEOUT, "the body came too slowly\n"))?;
    let body = body.map_err(|_| too_long)?;
    if !door.secrets.signed(text(&headers, "x-hub-signature-256"), &body) {
        return Err((StatusCode::UNAUTHORIZED, "the signature is missing or wrong\n"));
    }
    if !text(&headers, "content-type").unwrap_or_default().starts_with("application/json") {
        let hint = "set the webhook's content type to application/json\n";
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, hint));
    }
    let event = text(&headers, "x-github-event").unwrap_or_default();
    let guid = text(&headers, "x-github-delivery").unwrap_or_default();
    match door.sink.store(SignedDelivery { event, guid, body: &body }).await {
        Ok(Receipt::Ping) => Ok(StatusCode::OK),
        Ok(Receipt::Accepted) => Ok(StatusCode::ACCEPTED),
        Ok(Receipt::Ignored) => Ok(StatusCode::NO_CONTENT),
        Err(DeliveryNotStored::Unreadable(error)) => {
            tracing::warn!(event, guid, %error, "cannot read a signed webhook delivery");
            Err((StatusCode::BAD_REQUEST, "the body is not what GitHub sends\n"))
        }
        Err(DeliveryNotStored::Unavailable(error)) => {
            tracing::error!(event, guid, %error, "cannot store a webhook delivery");
            Err((StatusCode::SERVICE_UNAVAILABLE, "journal unavailable; deliver it again later\n"))
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.parse().ok()
}

#[cfg(test)]
mod tests;
