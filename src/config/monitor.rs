//! `[monitor]`: health checks and metrics over HTTP, without TLS and without a login.

use schemars::JsonSchema;
use serde::Deserialize;
use std::net::SocketAddr;

/// The section `[monitor]`. Without it, there are no health checks and no metrics.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MonitorEntry {
    /// The address to listen on.
    pub listen: SocketAddr,
}
