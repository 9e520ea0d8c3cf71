//! The HTTP servers of the process; axum is named only here and in the sandbox. The caller brings the
//! listener of each.
//!
//! - `webhook`: receives GitHub's deliveries. `signature`: whether a delivery is GitHub's.
//! - `health`: `/healthz` and `/readyz`. `listener`: the bounds of its connections.
//! - `app_manifest`: the page by which a GitHub App is made.

mod app_manifest;
mod health;
mod listener;
mod signature;
mod webhook;

pub use crate::github::webhook::{Delivery, IssueAction, Parsed, Sender, read};
pub use crate::web::app_manifest::{Application, NoCode, receive_code};
pub use crate::web::health::{CheckResult, ReadinessCheck, serve_health};
pub use crate::web::signature::Secrets;
pub use crate::web::webhook::{BODY_LIMIT, DeliveryNotStored, DeliverySink, WebhookConfig, router, serve};
pub use axum::Router;

#[cfg(test)]
mod tests;
