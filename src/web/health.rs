//! Health checks and metrics over HTTP, on a listener of their own.
//!
//! `GET /healthz` answers 200 for as long as the process' event loop lives. `GET /readyz` answers 200 if all
//! checks pass, and 503 if one fails; its body lists them:
//!
//! ```json
//! {"ready": false, "checks": [{"name": "journal", "ok": false, "detail": "the disk is full"}]}
//! ```
//!
//! `GET /metrics` answers with the figures of the process.

use crate::web::metrics::{CONTENT_TYPE, MetricSource, encode};
use crate::web::server::{ServerLimits, serve};
use async_trait::async_trait;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::json;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

/// Nobody has to send anything.
const BODY_LIMIT: usize = 1024;

/// All checks together have less time than that.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Tells whether the process can do its work.
#[async_trait]
pub trait ReadinessCheck: Send + Sync {
    /// Runs all checks. It takes a few seconds at most, and a check that cannot be run has failed.
    async fn run(&self) -> Vec<CheckResult>;
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckResult {
    /// Stable: alerts go by it.
    pub name: String,
    /// Whether it passed.
    pub ok: bool,
    /// Why it failed, for people and redacted; empty if it passed.
    pub detail: String,
}

impl CheckResult {
    /// A check that passes if there is nothing to report.
    pub fn new(name: impl Into<String>, result: Result<(), String>) -> Self {
        Self { name: name.into(), ok: result.is_ok(), detail: result.err().unwrap_or_default() }
    }
}

/// Serves the health checks and the metrics until `shutdown` is done.
pub async fn serve_health(
    listener: TcpListener,
    checks: Arc<dyn ReadinessCheck>,
    metrics: Arc<dyn MetricSource>,
    shutdown: impl Future<Output = ()> + Send,
) {
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(checks)
        .merge(Router::new().route("/metrics", get(figures)).with_state(metrics))
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_WITHIN));
    serve(listener, router, ServerLimits::default(), shutdown).await;
}

async fn ready(State(checks): State<Arc<dyn ReadinessCheck>>) -> Response {
    let checks = checks.run().await;
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "checks": checks }))).into_response()
}

async fn figures(State(metrics): State<Arc<dyn MetricSource>>) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], encode(&metrics.collect().await)).into_response()
}
