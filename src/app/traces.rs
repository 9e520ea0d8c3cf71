//! The export of cases that have ended, each as one trace of OpenTelemetry, from the records of the journal.
//!
//! The journal notes each case that the collector has taken, so neither a restart nor a collector that is away loses
//! one. What is sent twice all the same, by a process that is killed in between, has the same identities.

mod otlp;

use crate::app::secrets::secret;
use crate::config::TracesEntry;
use crate::core::case::event::EventKind;
use crate::core::ids::CaseId;
use crate::core::view::trace::trace_of;
use crate::engine::{Context, Shutdown};
use crate::http_client::{HttpClient, HttpError, HttpLimits, USER_AGENT};
use crate::ports::{Cursor, DedupeKey, JournalError};
use chrono::TimeDelta;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use miette::Diagnostic;
use secrecy::ExposeSecret;
use serde_json::json;
use std::time::Duration;
use url::Url;

const LIMITS: HttpLimits = HttpLimits { timeout: Duration::from_secs(10), length: 64 << 10 };

/// How often the journal is asked for cases that have ended.
const EVERY: Duration = Duration::from_secs(15);

/// Records so much older than the last look are looked at again: a replica's clock may be behind, and its transaction
/// may have taken a while.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);

/// What ended longer ago is exported no more.
const OLDEST: TimeDelta = TimeDelta::days(2);

/// Why no traces can be exported.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum TracesError {
    /// The variable is not set or is blank.
    #[error("the headers of [traces] are missing: environment variable {0} is not set")]
    #[diagnostic(help("set it to name=value,name=value, or remove headers_env if the collector wants none"))]
    NoHeaders(String),
    /// The value of the variable is no list of headers. It is not shown.
    #[error("[traces] headers_env: the value of {0} is no list of headers")]
    #[diagnostic(help("write it as name=value,name=value; a comma in a value is %2C"))]
    BadHeaders(String),
    /// No client for HTTP can be made.
    #[error("[traces] cannot be used: {0}")]
    Client(#[from] HttpError),
}

/// Why a collector did not take what it was sent.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// It answered with this status.
    #[error("it answered with the status {}", .0.as_u16())]
    Status(StatusCode),
    /// There is no answer.
    #[error(transparent)]
    NoAnswer(#[from] HttpError),
}

/// Why not all traces were exported. The next look tries again.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The collector does not take it now.
    #[error("the collector: {0}")]
    Collector(#[from] CollectorError),
}

/// What takes traces: a collector of OpenTelemetry, or a backend that speaks its protocol.
#[derive(Debug)]
pub struct Collector {
    client: HttpClient,
    address: String,
    headers: HeaderMap,
}

/// Exports cases that have ended.
pub struct TraceExporter {
    context: Context,
    collector: Collector,
    /// The last look failed, which the log has once.
    is_failing: bool,
}

impl TraceExporter {
    /// To this collector. Nobody is asked yet.
    pub fn new(collector: Collector, context: Context) -> Self {
        Self { context, collector, is_failing: false }
    }

    /// Exports again and again, until the shutdown is requested.
    pub async fn run(mut self, stop: Shutdown) {
        while !stop.is_requested() {
            let exported = tokio::select! {
                exported = self.export() => exported,
                () = stop.requested() => return,
            };
            match &exported {
                Ok(()) if self.is_failing => tracing::info!("[traces]: the collector takes traces again"),
                Err(error) if !self.is_failing => {
                    let error = self.context.redactor.text(&error.to_string());
                    tracing::warn!(%error, "traces could not be exported; they are kept, and tried again");
                }
                _ => {}
            }
            self.is_failing = exported.is_err();
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = stop.requested() => {}
            }
        }
    }

    /// Exports what has ended since the last time. The first time of all begins with now.
    ///
    /// # Errors
    /// [`ExportError`]; what was not exported is kept.
    pub async fn export(&self) -> Result<(), ExportError> {
        let journal = self.context.journal.clone();
        let now = self.context.clock.now();
        let Some(last) = journal.cursor(&Cursor::Traces).await? else {
            return Ok(journal.set_cursor(&Cursor::Traces, now).await?);
        };
        let since = (last.min(now) - OVERLAP).max(now - OLDEST);
        let ended = journal.history(&[EventKind::Ended], since).await?;
        let (mut newest, mut has_turn) = (last, false);
        for (case, record) in ended.records {
            let mark = DedupeKey::Traced(case.clone());
            if journal.done_at(&mark).await?.is_some() {
                continue;
            }
            // Of several replicas, one exports at a time. An idle daemon asks for no turn, which is a write.
            has_turn = has_turn || journal.try_once_every("traces", now, EVERY / 2).await?;
            if !has_turn {
                return Ok(());
            }
            self.export_case(&case).await?;
            journal.mark_done(&mark, now).await?;
            newest = newest.max(record.at);
        }
        if newest > last {
            journal.set_cursor(&Cursor::Traces, newest).await?;
        }
        Ok(())
    }

    async fn export_case(&self, case: &CaseId) -> Result<(), ExportError> {
        let records = match self.context.journal.load(case).await {
            Ok(records) => records,
            // A case that cannot be read is set aside, which is told by itself.
            Err(error) if error.is_permanent() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let Ok(spans) = trace_of(case, &records) else { return Ok(()) };
        match self.collector.post(otlp::request(case, &spans).to_string()).await {
            Err(CollectorError::Status(status)) if is_final(status) => {
                tracing::warn!(%case, status = status.as_u16(), "[traces]: the collector refuses a trace");
                Ok(())
            }
            answer => Ok(answer?),
        }
    }
}

impl Collector {
    /// As the configuration has it. Nobody is asked yet.
    ///
    /// # Errors
    /// [`TracesError`].
    pub fn new(entry: &TracesEntry) -> Result<Self, TracesError> {
        let headers = match &entry.headers_env {
            None => HeaderMap::new(),
            Some(variable) => {
                let value = secret(variable).ok_or_else(|| TracesError::NoHeaders(variable.clone()))?;
                headers(value.expose_secret()).ok_or_else(|| TracesError::BadHeaders(variable.clone()))?
            }
        };
        Ok(Self { client: HttpClient::new()?, address: address(&entry.endpoint), headers })
    }

    /// Whether it takes a request, by one without a trace.
    ///
    /// # Errors
    /// [`CollectorError`].
    pub async fn check(&self) -> Result<(), CollectorError> {
        self.post(json!({ "resourceSpans": [] }).to_string()).await
    }

    async fn post(&self, body: String) -> Result<(), CollectorError> {
        let mut request = Request::post(&self.address)
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(|error| HttpError::Setup(error.to_string()))?;
        request.headers_mut().extend(self.headers.clone());
        let answer = self.client.send(request, LIMITS).await?;
        if answer.status.is_success() { Ok(()) } else { Err(CollectorError::Status(answer.status)) }
    }
}

/// Whether the same request is refused again, by the specification of OTLP. What hangs on the configuration is tried
/// again, so that nothing is lost until somebody has put it right.
fn is_final(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY
    )
}

/// Where traces are posted to.
fn address(endpoint: &Url) -> String {
    format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'))
}

/// The headers of a list such as `name=value,name=value`, whose values may be percent-encoded.
fn headers(list: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for pair in list.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let value = percent_encoding::percent_decode_str(value.trim()).decode_utf8().ok()?;
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        headers.insert(HeaderName::try_from(name.trim()).ok()?, value);
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_a_list_of_names_and_values() {
        let read = headers("authorization=Basic%20abc%3D, x-scope = ops,").unwrap();
        assert_eq!(read.get("authorization").unwrap(), "Basic abc=");
        assert_eq!(read.get("x-scope").unwrap(), "ops");
        for bad in ["authorization", "a b=c", "a=%00"] {
            assert!(headers(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_path_follows_that_of_the_endpoint() {
        for (endpoint, expect) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("https://example.org/otlp/", "https://example.org/otlp/v1/traces"),
        ] {
            assert_eq!(address(&endpoint.parse().unwrap()), expect);
        }
    }
}
