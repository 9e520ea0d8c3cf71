//! The HTTP servers of the process; axum is named only here and in the sandbox. The caller brings the
//! listener of each.
//!
//! - `webhook`: receives GitHub's deliveries. `signature`: whether a delivery is GitHub's.
//! - `alerts`: receives what monitors send.
//! - `health`: `/healthz` and `/readyz`. `metrics`: `/metrics`. `server`: the bounds of all connections.
//! - `app_manifest`: the page by which a GitHub App is made.
//! - `dashboard`: the pages for operators.

mod alerts;
mod app_manifest;
mod dashboard;
mod health;
mod metrics;
mod server;
mod signature;
mod webhook;

pub use crate::web::alerts::{AlertDelivery, AlertDoor, AlertLogin, AlertSink, alert_router};
pub use crate::web::app_manifest::{Application, NoCode, receive_code};
pub use crate::web::dashboard::{
    LoginToken, Sessions, Site, SiteSettings, dashboard_router, serve_dashboard,
};
pub use crate::web::health::{CheckResult, ReadinessCheck, serve_health};
pub use crate::web::metrics::{Labels, Metric, MetricKind, MetricSource, number};
pub use crate::web::server::{ServerLimits, serve};
pub use crate::web::signature::Secrets;
pub use crate::web::webhook::{
    BODY_LIMIT, DeliveryNotStored, DeliverySink, Receipt, SignedDelivery, WebhookConfig, router,
};
pub use axum::Router;

#[cfg(test)]
mod tests;
