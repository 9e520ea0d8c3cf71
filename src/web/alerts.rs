//! The door for alerts: a monitor shows a secret, and what it sends is stored before it is answered.

use crate::telemetry::spans;
use crate::web::signature::Secrets;
use crate::web::webhook::{BODY_LIMIT, DeliveryNotStored, Receipt, SEND_WITHIN};
use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode, header};
use std::collections::BTreeMap;
use std::sync::Arc;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use tracing::Instrument;

/// Who may send alerts of one source.
#[derive(Debug, Clone)]
pub struct AlertDoor {
    /// The secrets that open it. Without one it stays shut.
    pub secrets: Secrets,
    /// How the secret is shown.
    pub login: AlertLogin,
}

/// How a monitor shows that it knows the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertLogin {
    /// `Authorization: Bearer <secret>`, or basic authentication with the secret as its password.
    Token,
    /// `Sentry-Hook-Signature`: the HMAC-SHA256 of the body in hex.
    Signature,
}

/// A delivery whose secret was checked.
#[derive(Debug, Clone, Copy)]
pub struct AlertDelivery<'a> {
    /// The name of the source, as the address has it.
    pub source: &'a str,
    /// The value of `Sentry-Hook-Resource`.
    pub resource: Option<&'a str>,
    /// The body as it was sent.
    pub body: &'a [u8],
}

/// Stores alerts.
#[async_trait]
pub trait AlertSink: Send + Sync {
    /// Stores every alert of a delivery durably, and leaves the work for later.
    ///
    /// # Errors
    /// [`DeliveryNotStored`]; nothing of the delivery is stored then.
    async fn store(&self, delivery: AlertDelivery<'_>) -> Result<Receipt, DeliveryNotStored>;
}

struct Desk {
    doors: BTreeMap<String, AlertDoor>,
    sink: Arc<dyn AlertSink>,
}

/// `POST /alerts/<source>`, for the sources that have a door.
///
/// | answer | to |
/// |---|---|
/// | 202 | alerts that were taken in |
/// | 204 | a message that says nothing about an alert, such as a test |
/// | 400 | a body that is not what the source's format sends |
/// | 401 | a missing or wrong secret |
/// | 404 | a source that the configuration does not name |
/// | 408, 413 | a body that comes too slowly or is too long |
/// | 503 | alerts that could not be kept |
pub fn alert_router(doors: BTreeMap<String, AlertDoor>, sink: Arc<dyn AlertSink>) -> Router {
    Router::new()
        .route("/alerts/{source}", post(receive))
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, SEND_WITHIN))
        .with_state(Arc::new(Desk { doors, sink }))
}

async fn receive(State(desk): State<Arc<Desk>>, Path(source): Path<String>, request: Request) -> Response {
    let known = desk.doors.get_key_value(&source);
    let Some((source, door)) = known else {
        return (StatusCode::NOT_FOUND, "there is no such source: name it in [alerts.<source>]\n")
            .into_response();
    };
    let span = spans::delivery(source, "alert");
    match accept(&desk, source, door, request).instrument(span).await {
        Ok(status) => status.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

type Refusal = (StatusCode, &'static str);

/// A token is checked before anything of the body is read. A signature is over the body, which has a bound.
async fn accept(
    desk: &Desk,
    source: &str,
    door: &AlertDoor,
    request: Request,
) -> Result<StatusCode, Refusal> {
    let refused = (StatusCode::UNAUTHORIZED, "the secret is missing or wrong\n");
    let headers = request.headers().clone();
    if door.login == AlertLogin::Token && !token(&headers).is_some_and(|token| door.secrets.contain(&token)) {
        return Err(refused);
    }
    let body = Bytes::from_request(request, &()).await;
    let body = body.map_err(|error| (error.status(), "the body is too long or broken\n"))?;
    let text = |name: &str| headers.get(name)?.to_str().ok();
    if door.login == AlertLogin::Signature && !door.secrets.signed_hex(text("sentry-hook-signature"), &body) {
        return Err(refused);
    }
    let delivery = AlertDelivery { source, resource: text("sentry-hook-resource"), body: &body };
    match desk.sink.store(delivery).await {
        Ok(Receipt::Ping | Receipt::Ignored) => Ok(StatusCode::NO_CONTENT),
        Ok(Receipt::Accepted) => {
            tracing::info!("alerts accepted");
            Ok(StatusCode::ACCEPTED)
        }
        Err(DeliveryNotStored::Unreadable(error)) => {
            tracing::warn!(%error, "alerts cannot be read; is the format of the source right?");
            Err((StatusCode::BAD_REQUEST, "the body is not what the format of this source sends\n"))
        }
        Err(DeliveryNotStored::Unavailable(error)) => {
            tracing::error!(%error, "alerts could not be stored");
            Err((StatusCode::SERVICE_UNAVAILABLE, "the journal is unavailable; send them again later\n"))
        }
    }
}

/// The token of `Authorization`. The name of the scheme is in any case of letters.
fn token(headers: &HeaderMap) -> Option<String> {
    let (scheme, value) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(value.trim().to_owned()),
        "basic" => {
            let decoded = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
            Some(decoded.split_once(':')?.1.to_owned())
        }
        _ => None,
    }
}
