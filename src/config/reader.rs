//! `[reader]`: a language model that gives a second opinion about the words of tickets.

use crate::config::value::duration;
use crate::library::schema::DurationText;
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;
use url::{Host, Url};

/// The section `[reader]`. Without it, the built-in reader reads alone, and no text of a ticket is sent anywhere.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReaderEntry {
    /// The address of an OpenAI-compatible API, such as `https://api.example.org/v1`.
    pub url: Url,
    /// The name of a model for embeddings.
    pub model: String,
    /// The environment variable with the key; no key is sent by default.
    #[serde(default)]
    pub key_env: Option<String>,
    /// The time for one request; 5 seconds by default.
    #[serde(default = "default_timeout", deserialize_with = "duration")]
    #[schemars(with = "DurationText")]
    pub timeout: Duration,
    /// How many examples are sent when it learns; 2000 by default.
    #[serde(default = "default_examples")]
    pub examples: usize,
    /// How many characters are sent in a day; two million by default.
    #[serde(default = "default_characters")]
    pub characters_per_day: u64,
}

fn default_timeout() -> Duration {
    Duration::from_secs(5)
}
fn default_examples() -> usize {
    2_000
}
fn default_characters() -> u64 {
    2_000_000
}

impl ReaderEntry {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let is_local = match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if !(self.url.scheme() == "https" || self.url.scheme() == "http" && is_local) {
            problems.push(
                "[reader] url: texts of tickets are sent by https only, or to this machine: write https://…"
                    .to_owned(),
            );
        }
        if !self.url.username().is_empty() || self.url.password().is_some() {
            problems.push(
                "[reader] url contains a login, which does not belong in this file: use key_env".into(),
            );
        }
        if self.url.query().is_some() || self.url.fragment().is_some() {
            problems.push("[reader] url has a `?` or a `#`: write the address of the API alone, such as https://api.example.org/v1".into());
        }
        // Each ticket waits so long for an endpoint that does not answer.
        if self.timeout.is_zero() || self.timeout > Duration::from_secs(60) {
            problems.push("[reader] timeout must be more than 0s and at most 60s".into());
        }
        if self.characters_per_day == 0 {
            problems.push("[reader] characters_per_day is 0: remove the section to send nothing".into());
        }
        if self.examples == 0 {
            problems.push("[reader] examples is 0: it must be at least 1".into());
        }
        problems
    }
}
