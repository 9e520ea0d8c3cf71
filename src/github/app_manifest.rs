//! Making a GitHub App by GitHub's manifest flow: a page of GitHub's shows what the App shall be, a person
//! says yes, and GitHub hands out the App's keys for the code that it sends along.

use crate::github::adapter::GitHub;
use crate::github::http::encode;
use crate::github::options::PUBLIC_API;
use crate::github::setup::{EVENTS, REQUIRED_PERMISSIONS};
use crate::ports::ForgeError;
use http::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An App that was just made.
#[derive(Debug, Clone, Deserialize)]
pub struct NewApp {
    /// The App's number: `app_id` of the configuration.
    pub id: u64,
    /// The App's name in URLs, such as `fieldmedic`; unique on GitHub.
    pub slug: String,
    /// The App's public page. `/installations/new` below it installs the App.
    pub html_url: String,
    /// The App's private key: RSA, in PEM. GitHub does not show it again.
    pub pem: SecretString,
    /// The secret that GitHub signs deliveries with; `None` if GitHub returned none.
    pub webhook_secret: Option<SecretString>,
}

/// What the App shall be, as GitHub's page takes it. `back` is where GitHub leads the browser then;
/// `webhook` is where GitHub can reach the agent, if it can.
pub fn manifest(name: &str, back: &str, webhook: Option<&str>) -> Value {
    let mut manifest = BTreeMap::from([
        ("name", json!(name)),
        ("url", json!("https://github.com/apps")),
        ("description", json!("Resolves operations tickets: diagnoses, fixes, proves it, or hands over.")),
        ("redirect_url", json!(back)),
        ("public", json!(false)),
        ("default_permissions", json!(BTreeMap::from(REQUIRED_PERMISSIONS))),
    ]);
    if let Some(webhook) = webhook {
        manifest.insert("hook_attributes", json!({ "url": webhook, "active": true }));
        manifest.insert("default_events", json!(EVENTS));
    }
    json!(manifest)
}

/// The page that takes a manifest, of a person or of an organisation. `base_url` is that of the API.
pub fn page(base_url: &str, organisation: Option<&str>, state: &str) -> String {
    let base = base_url.trim_end_matches('/');
    let web = match base {
        PUBLIC_API => "https://github.com",
        other => other.trim_end_matches("/api/v3"),
    };
    match organisation {
        Some(name) => format!("{web}/organizations/{}/settings/apps/new?state={state}", encode(name)),
        None => format!("{web}/settings/apps/new?state={state}"),
    }
}

impl GitHub {
    /// Exchanges the code that GitHub sent along for the App's keys. It can be done once, within an hour.
    /// It takes no rights: [`Identity::Nobody`](crate::github::Identity::Nobody) may ask.
    ///
    /// # Errors
    /// [`ForgeError`] if GitHub does not take the code, or cannot be reached.
    pub async fn redeem(&self, code: &str) -> Result<NewApp, ForgeError> {
        let route = format!("/app-manifests/{}/conversions", encode(code));
        self.clients.own().post_unpaced(Method::POST, &route, &"the code of the manifest").await
    }
}
