//! The webhook: a signed delivery is stored before it is answered, and processed afterwards.

use crate::telemetry::spans;
use crate::web::signature::Secrets;
use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use std::sync::Arc;
use std::time::Duration;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use tracing::Instrument;

/// GitHub sends up to 25 MB; an issue with the longest text is below a quarter of a megabyte.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// GitHub gives up after ten seconds; who sends more slowly than this is not GitHub.
pub(super) const SEND_WITHIN: Duration = Duration::from_secs(10);

/// A delivery whose signature was checked. What it says is not read here.
#[derive(Debug, Clone, Copy)]
pub struct SignedDelivery<'a> {
    /// The value of `X-GitHub-Event`.
    pub event: &'a str,
    /// The body as GitHub sent it.
    pub body: &'a [u8],
}

/// Stores deliveries.
#[async_trait]
pub trait DeliverySink: Send + Sync {
    /// Stores the delivery durably, and leaves the work for later: GitHub waits for the answer. The same
    /// delivery may come again.
    ///
    /// # Errors
    /// [`DeliveryNotStored`]. GitHub notes the delivery as failed then; it does not send it again by itself,
    /// but on demand.
    async fn store(&self, delivery: SignedDelivery<'_>) -> Result<Receipt, DeliveryNotStored>;
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// GitHub only asks whether the webhook works.
    Ping,
    /// It is stored.
    Accepted,
    /// It is of no use, or concerns nothing that is worked on.
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

/// What the webhook needs.
pub struct WebhookConfig {
    /// The secrets that deliveries may be signed with.
    pub secrets: Secrets,
    /// In bytes; longer bodies are answered with 413. [`BODY_LIMIT`] is a good choice.
    pub body_limit: usize,
    /// Stores the deliveries whose signature is right.
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
pub fn router(config: WebhookConfig) -> Router {
    Router::new()
        .route("/webhook", post(receive))
        .route("/healthz", get(|| async { "ok\n" }))
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(config.body_limit))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, SEND_WITHIN))
        .with_state(Arc::new(config))
}

async fn receive(
    State(config): State<Arc<WebhookConfig>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let event = text(&headers, "x-github-event").unwrap_or_default();
    let guid = text(&headers, "x-github-delivery").unwrap_or_default();
    let span = spans::delivery(guid, event);
    match accept(&config, &headers, event, body).instrument(span).await {
        Ok(status) => status.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

type Refusal = (StatusCode, &'static str);

/// The signature comes first: nothing of a body is read before it is known to be GitHub's.
async fn accept(
    config: &WebhookConfig,
    headers: &HeaderMap,
    event: &str,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Refusal> {
    let body = body.map_err(|error| (error.status(), "the body is too long or broken\n"))?;
    if !config.secrets.signed(text(headers, "x-hub-signature-256"), &body) {
        return Err((StatusCode::UNAUTHORIZED, "the signature is missing or wrong\n"));
    }
    if !text(headers, "content-type").unwrap_or_default().starts_with("application/json") {
        let hint = "set the webhook's content type to application/json\n";
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, hint));
    }
    match config.sink.store(SignedDelivery { event, body: &body }).await {
        Ok(Receipt::Ping) => Ok(StatusCode::OK),
        Ok(Receipt::Ignored) => Ok(StatusCode::NO_CONTENT),
        Ok(Receipt::Accepted) => {
            tracing::info!("delivery accepted");
            Ok(StatusCode::ACCEPTED)
        }
        Err(DeliveryNotStored::Unreadable(error)) => {
            tracing::warn!(%error, "a signed delivery cannot be read");
            Err((StatusCode::BAD_REQUEST, "the body is not what GitHub sends\n"))
        }
        Err(DeliveryNotStored::Unavailable(error)) => {
            tracing::error!(%error, "a delivery could not be stored; GitHub is asked for it again later");
            Err((StatusCode::SERVICE_UNAVAILABLE, "the journal is unavailable; deliver it again later\n"))
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
