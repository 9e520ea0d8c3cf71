//! The door for webhooks, over HTTP; axum is named only here and in the sandbox.
//!
//! - `signature`: whether a delivery is GitHub's.
//! - `delivery`: what it says.
//! - `manifest`: the page by which a GitHub App is made.
//!
//! Where to listen is not decided here: the caller brings the listener.

mod app_manifest;
mod signature;

pub use crate::github::webhook::{Delivery, IssueAction, Parsed, Sender, read};
pub use crate::web::app_manifest::{Application, NoCode, receive_code};
pub use crate::web::signature::Secrets;

use crate::core::text::redact::Redactor;
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

/// Takes deliveries in.
#[async_trait]
pub trait DeliverySink: Send + Sync {
    /// Keeps the delivery for good, and leaves the work for later: GitHub waits for the answer.
    /// The same delivery may come again.
    ///
    /// # Errors
    /// [`NotTaken`] if it is not kept. GitHub notes the delivery as failed then; it does not send it
    /// again by itself, but on demand.
    async fn store(&self, delivery: Delivery) -> Result<(), DeliveryNotStored>;
}

/// Why a delivery could not be kept; the reason goes to the log, not to the sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DeliveryNotStored(pub String);

/// What the door needs.
pub struct WebhookConfig {
    pub secrets: Secrets,
    /// What the text of tickets passes before anyone sees it.
    pub redactor: Redactor,
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
    let delivery = match crate::github::webhook::read(event, &body, &door.redactor) {
        Ok(Parsed::Ping) => return Ok(StatusCode::OK),
        Ok(Parsed::Ignored) => return Ok(StatusCode::NO_CONTENT),
        Ok(Parsed::Delivery(delivery)) => *delivery,
        Err(error) => {
            tracing::warn!(event, %error, "a signed webhook that cannot be read");
            return Err((StatusCode::BAD_REQUEST, "the body is not what GitHub sends\n"));
        }
    };
    let guid = text(&headers, "x-github-delivery").unwrap_or_default().to_owned();
    match door.sink.store(delivery).await {
        Ok(()) => Ok(StatusCode::ACCEPTED),
        Err(error) => {
            tracing::error!(event, guid, %error, "a webhook could not be kept");
            Err((StatusCode::SERVICE_UNAVAILABLE, "it could not be kept; deliver it again later\n"))
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
