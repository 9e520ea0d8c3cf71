//! `[github]`: the repositories, and how Fieldmedic logs in.

use crate::config::value::duration;
use crate::core::ticket::Repo;
use crate::library::schema::DurationText;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use std::time::Duration;

/// The section `[github]`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GitHubEntry {
    /// Where people file tickets.
    pub repos: Vec<Repo>,
    /// The label of tickets that Fieldmedic works on; `support` by default.
    #[serde(default = "default_label")]
    pub label: String,
    /// The prefix of commands in comments; `/qfield:support` by default.
    #[serde(default = "default_command")]
    pub command: String,
    /// Logins that are assigned and mentioned when a person is needed.
    #[serde(default)]
    pub on_call: Vec<String>,
    /// Accounts of monitors that open issues: those need no label, and what they close or reopen disputes nothing.
    #[serde(default)]
    pub monitors: Vec<String>,
    /// The API; `https://api.github.com` by default.
    #[serde(default = "default_base_url")]
    pub base_url: String,
    /// The environment variable with the token; `FIELDMEDIC_GITHUB_TOKEN` by default.
    #[serde(default = "default_token_env")]
    pub token_env: String,
    /// The number of a GitHub App, which replaces the token.
    #[serde(default)]
    pub app_id: Option<u64>,
    /// The file with the App's private key.
    #[serde(default)]
    pub private_key: Option<PathBuf>,
    /// The environment variable with the App's private key.
    #[serde(default)]
    pub private_key_env: Option<String>,
    /// How often `serve` looks for events that the webhook missed; 1 minute by default.
    #[serde(default = "default_poll_interval", deserialize_with = "duration")]
    #[schemars(with = "DurationText")]
    pub poll_interval: Duration,
    /// The time between two writes; 1 second by default. A few writes may go at once.
    #[serde(default = "default_write_interval", deserialize_with = "duration")]
    #[schemars(with = "DurationText")]
    pub write_interval: Duration,
}

fn default_label() -> String {
    "support".into()
}
fn default_command() -> String {
    "/qfield:support".into()
}
fn default_base_url() -> String {
    "https://api.github.com".into()
}
fn default_token_env() -> String {
    "FIELDMEDIC_GITHUB_TOKEN".into()
}
fn default_poll_interval() -> Duration {
    Duration::from_secs(60)
}
fn default_write_interval() -> Duration {
    Duration::from_secs(1)
}

impl GitHubEntry {
    /// Every problem that the file alone shows.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.repos.is_empty() {
            problems.push("[github] repos is empty: name the repository where people file tickets".into());
        }
        if !self.command.starts_with('/') {
            problems.push(format!("[github] command is `{}`: it must begin with `/`", self.command));
        }
        problems.extend(self.login_problem().map(str::to_owned));
        problems
    }

    fn login_problem(&self) -> Option<&'static str> {
        match (self.app_id, &self.private_key, &self.private_key_env) {
            (Some(_), None, None) => Some(
                "[github] app_id needs the App's key: set private_key to its file, or private_key_env to a variable",
            ),
            (None, Some(_), _) | (None, _, Some(_)) => {
                Some("[github] has a private key and no app_id: GitHub shows it on the App's settings page")
            }
            (_, Some(_), Some(_)) => Some("[github] has private_key and private_key_env: keep one of them"),
            _ => None,
        }
    }
}
