//! `[heartbeat]`: a sign of life for a service that misses it.

use crate::config::value::{duration, is_web_address};
use crate::library::schema::DurationText;
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;
use url::Url;

/// The section `[heartbeat]`. Without it, nobody is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeartbeatEntry {
    /// The address that is asked while the daemon is ready.
    #[serde(default)]
    pub url: Option<Url>,
    /// The variable with the address, where the address is a secret.
    #[serde(default)]
    pub url_env: Option<String>,
    /// How often; a minute by default.
    #[serde(default = "default_every", deserialize_with = "duration")]
    #[schemars(with = "DurationText")]
    pub every: Duration,
}

fn default_every() -> Duration {
    Duration::from_secs(60)
}

impl HeartbeatEntry {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        match (&self.url, &self.url_env) {
            (None, None) => problems.push("[heartbeat] needs url or url_env".to_owned()),
            (Some(_), Some(_)) => problems.push("[heartbeat] has url and url_env: leave one out".to_owned()),
            (Some(url), None) if !is_web_address(url) => {
                problems.push("[heartbeat] url is not the address of a web server".to_owned());
            }
            _ => {}
        }
        if self.every < Duration::from_secs(10) {
            problems.push("[heartbeat] every must be 10s or more".to_owned());
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_heartbeat() {
        let problems = |text: &str| toml::from_str::<HeartbeatEntry>(text).unwrap().problems();
        for good in ["url = \"https://example.org/ping/1\"", "url_env = \"A\"\nevery = \"5m\""] {
            assert_eq!(problems(good), [] as [String; 0]);
        }
        for bad in [
            "",
            "url = \"https://example.org\"\nurl_env = \"A\"",
            "url = \"mailto:a@example.org\"",
            "url_env = \"A\"\nevery = \"1s\"",
        ] {
            assert_eq!(problems(bad).len(), 1, "{bad}");
        }
    }
}
