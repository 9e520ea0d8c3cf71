//! `[dashboard]`: pages for operators, served by `serve`.

use crate::config::value::is_web_address;
use crate::core::text::web_path::is_web_path;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use url::Url;

/// The section `[dashboard]`. Without it the defaults hold: the dashboard is served on this machine alone, and nobody
/// can do anything but look.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DashboardEntry {
    /// Whether `serve` serves it; true by default.
    pub enabled: bool,
    /// The address to listen on; `127.0.0.1:8788` by default.
    pub listen: SocketAddr,
    /// Where people reach it, if a reverse proxy stands before it.
    pub public_url: Option<Url>,
    /// The path under which a reverse proxy shows it, such as `/fieldmedic`. A header `X-Forwarded-Prefix` says it too.
    pub base_path: String,
    /// The environment variable with a token that people share; `FIELDMEDIC_DASHBOARD_TOKEN` by default. Without a
    /// token nobody can do anything but look.
    pub token_env: String,
    /// GitHub logins, each with the environment variable of that person's own token.
    pub people: BTreeMap<String, String>,
    /// Whether only those who are logged in see anything. By default it is so if others than this machine can reach
    /// the dashboard: by `listen`, or by `public_url`.
    pub login_to_read: Option<bool>,
}

impl Default for DashboardEntry {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8788)),
            public_url: None,
            base_path: String::new(),
            token_env: "FIELDMEDIC_DASHBOARD_TOKEN".into(),
            people: BTreeMap::new(),
            login_to_read: None,
        }
    }
}

impl DashboardEntry {
    /// Whether only those who are logged in see anything.
    pub fn needs_login_to_read(&self) -> bool {
        self.login_to_read.unwrap_or(!self.listen.ip().is_loopback() || self.public_url.is_some())
    }

    /// The variables that hold tokens.
    pub fn variables(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.token_env).chain(self.people.values())
    }

    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !is_web_path(&self.base_path) {
            problems.push(format!(
                "[dashboard] base_path = \"{}\" is not a path such as \"/fieldmedic\"",
                self.base_path
            ));
        }
        if let Some(url) = &self.public_url
            && !is_web_address(url)
        {
            problems.push(format!("[dashboard] public_url = \"{url}\" is not the address of a web page"));
        }
        let is_login = |login: &str| {
            !login.is_empty() && login.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        for login in self.people.keys().filter(|login| !is_login(login)) {
            problems.push(format!("[dashboard] people: `{login}` is not a GitHub login"));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_values_are_told_and_strangers_have_to_log_in() {
        let read = |text: &str| toml::from_str::<DashboardEntry>(text).unwrap();
        let default = read("");
        assert!(default.enabled && !default.needs_login_to_read() && default.problems().is_empty());
        assert!(read("listen = \"0.0.0.0:8788\"").needs_login_to_read());
        assert!(read("public_url = \"https://ops.example.org/medic\"").needs_login_to_read());
        assert!(!read("listen = \"0.0.0.0:8788\"\nlogin_to_read = false").needs_login_to_read());
        for text in [
            "base_path = \"fieldmedic\"",
            "base_path = \"/a/\"",
            "base_path = \"/..\"",
            "public_url = \"ftp://example.org\"",
            "people = { \"@ada\" = \"TOKEN\" }",
        ] {
            assert_eq!(read(text).problems().len(), 1, "{text}");
        }
        assert!(read("base_path = \"/ops/medic\"").problems().is_empty());
    }
}
