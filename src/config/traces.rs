//! `[traces]`: where cases are exported to, as traces of OpenTelemetry.

use crate::config::value::is_web_address;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

/// The section `[traces]`. Without it, nothing is exported.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TracesEntry {
    /// The address of a collector that takes OTLP over HTTP, without the path: `http://127.0.0.1:4318`.
    pub endpoint: Url,
    /// The variable with headers of every request, as `OTEL_EXPORTER_OTLP_HEADERS` has them: `name=value,name=value`.
    #[serde(default)]
    pub headers_env: Option<String>,
}

impl TracesEntry {
    pub(super) fn problems(&self) -> Vec<String> {
        match is_web_address(&self.endpoint) {
            true => Vec::new(),
            false => vec!["[traces] endpoint is not the address of a web server".to_owned()],
        }
    }

    /// The names of the variables with secrets.
    pub fn variables(&self) -> impl Iterator<Item = &String> {
        self.headers_env.iter()
    }
}
