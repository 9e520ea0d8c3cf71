//! The heartbeat: while the daemon is ready, a service is told so. It raises the alarm when it hears nothing.

use crate::app::secrets::secret;
use crate::config::{HeartbeatEntry, is_web_address};
use crate::core::text::redact::Redactor;
use crate::engine::Shutdown;
use crate::http_client::{HttpClient, HttpError, HttpLimits, USER_AGENT};
use crate::web::ReadinessCheck;
use http::{Request, header};
use miette::Diagnostic;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

const LIMITS: HttpLimits = HttpLimits { timeout: Duration::from_secs(10), length: 64 << 10 };

/// Why there is no heartbeat.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum HeartbeatError {
    /// The variable with the address is not set, or its value is no address. The value is not shown.
    #[error("the address of [heartbeat] cannot be used: environment variable {0} is not set, or holds none")]
    #[diagnostic(help("set {0} to the address that is to be asked, such as https://hc-ping.com/…"))]
    NoAddress(String),
    /// No client for HTTP can be made.
    #[error("[heartbeat] cannot be used: {0}")]
    Client(#[from] HttpError),
}

/// Tells a service that the daemon is ready.
pub struct Heartbeat {
    /// The address may be a secret by itself.
    url: SecretString,
    every: Duration,
    client: HttpClient,
    readiness: Arc<dyn ReadinessCheck>,
    redactor: Arc<Redactor>,
}

/// The address that is told.
///
/// # Errors
/// [`HeartbeatError::NoAddress`].
pub fn address(entry: &HeartbeatEntry) -> Result<SecretString, HeartbeatError> {
    if let Some(url) = &entry.url {
        return Ok(url.as_str().into());
    }
    let variable = entry.url_env.as_deref().unwrap_or_default();
    let url =
        secret(variable).filter(|url| Url::parse(url.expose_secret()).is_ok_and(|url| is_web_address(&url)));
    url.ok_or_else(|| HeartbeatError::NoAddress(variable.to_owned()))
}

/// What was told last, so that the log has each change once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// The service was told.
    Told,
    /// The daemon is not ready, so nothing was told.
    Withheld,
    /// The service did not take it.
    Lost,
}

impl Heartbeat {
    /// A heartbeat as the configuration has it.
    ///
    /// # Errors
    /// [`HeartbeatError`].
    pub fn new(
        entry: &HeartbeatEntry,
        readiness: Arc<dyn ReadinessCheck>,
        redactor: Arc<Redactor>,
    ) -> Result<Self, HeartbeatError> {
        Ok(Self { url: address(entry)?, every: entry.every, client: HttpClient::new()?, readiness, redactor })
    }

    /// Tells it again and again, until the shutdown is requested.
    pub async fn run(self, stop: Shutdown) {
        let mut last = None;
        while !stop.is_requested() {
            let beat = tokio::select! {
                beat = self.beat(last) => beat,
                () = stop.requested() => return,
            };
            last = Some(beat);
            tokio::select! {
                () = tokio::time::sleep(self.every) => {}
                () = stop.requested() => {}
            }
        }
    }

    /// Tells it once, if the daemon is ready.
    pub async fn beat(&self, last: Option<Beat>) -> Beat {
        if self.readiness.run().await.iter().any(|check| !check.ok) {
            if last != Some(Beat::Withheld) {
                tracing::warn!("the daemon is not ready, so [heartbeat] is told nothing");
            }
            return Beat::Withheld;
        }
        let error = match self.ask().await {
            Ok(()) => {
                if last.is_some_and(|last| last != Beat::Told) {
                    tracing::info!("[heartbeat] is told again that the daemon is ready");
                }
                return Beat::Told;
            }
            Err(error) => self.redactor.text(&error),
        };
        if last != Some(Beat::Lost) {
            tracing::warn!(%error, "[heartbeat] could not be told that the daemon is ready");
        }
        Beat::Lost
    }

    async fn ask(&self) -> Result<(), String> {
        let request = Request::get(self.url.expose_secret())
            .header(header::USER_AGENT, USER_AGENT)
            .body(String::new())
            .map_err(|_| "its address cannot be asked".to_owned())?;
        let answer = self.client.send(request, LIMITS).await.map_err(|error| error.to_string())?;
        match answer.status.is_success() {
            true => Ok(()),
            false => Err(format!("it answered with the status {}", answer.status.as_u16())),
        }
    }
}
