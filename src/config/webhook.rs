//! `[webhook]`: where GitHub sends events.

use schemars::JsonSchema;
use serde::Deserialize;
use std::net::SocketAddr;

/// The section `[webhook]`. Without it, `serve` only polls.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookEntry {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The environment variable with the secret; `FIELDMEDIC_WEBHOOK_SECRET` by default.
    #[serde(default = "default_secret_env")]
    pub secret_env: String,
    /// The environment variable with the previous secret, until GitHub signs with the new one only.
    #[serde(default)]
    pub previous_secret_env: Option<String>,
}

fn default_secret_env() -> String {
    "FIELDMEDIC_WEBHOOK_SECRET".into()
}
