//! Making a GitHub App by GitHub's manifest flow: a page of GitHub's shows what the App shall be, a person
//! says yes, and GitHub hands out the App's keys for the code that it sends along.

use super::premises::{EVENTS, RIGHTS};
use super::wire::{Wire, encode};
use super::{BadOptions, Identity, Options, client};
use crate::core::redact::Redactor;
use crate::ports::ForgeError;
use http::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An App that was just made.
#[derive(Debug, Clone, Deserialize)]
pub struct NewApp {
    pub id: u64,
    pub slug: String,
    pub html_url: String,
    pub pem: SecretString,
    pub webhook_secret: Option<SecretString>,
}

/// What the App shall be, as GitHub's page takes it. `back` is where GitHub leads the browser then;
/// `webhook` is where GitHub can reach the agent, if it can.
pub fn manifest(name: &str, back: &str, webhook: Option<&str>) -> Value {
    let mut manifest = json!({
        "name": name,
        "url": "https://github.com/apps",
        "description": "Resolves operations tickets: diagnoses, fixes, proves it, or hands over.",
        "redirect_url": back,
        "public": false,
        "default_permissions": BTreeMap::from(RIGHTS),
    });
    if let Some(webhook) = webhook {
        manifest["hook_attributes"] = json!({ "url": webhook, "active": true });
        manifest["default_events"] = json!(EVENTS);
    }
    manifest
}

/// The page that takes a manifest, of a person or of an organisation. `base_url` is that of the API.
pub fn page(base_url: &str, organisation: Option<&str>, state: &str) -> String {
    let base = base_url.trim_end_matches('/');
    let web = match base {
        super::PUBLIC_API => "https://github.com",
        other => other.trim_end_matches("/api/v3"),
    };
    match organisation {
        Some(name) => format!("{web}/organizations/{}/settings/apps/new?state={state}", encode(name)),
        None => format!("{web}/settings/apps/new?state={state}"),
    }
}

/// What went wrong with the exchange of a code.
#[derive(Debug, thiserror::Error)]
pub enum NoApp {
    #[error("{0}")]
    Options(#[from] BadOptions),
    #[error("{0}")]
    Forge(#[from] ForgeError),
}

/// Exchanges the code that GitHub sent along for the App's keys. It can be done once, within an hour.
///
/// # Errors
/// [`NoApp`] if GitHub does not take the code, or cannot be reached.
pub async fn redeem(base_url: &str, code: &str) -> Result<NewApp, NoApp> {
    let options = Options {
        base_url: base_url.to_owned(),
        ..Options::asking_as(Identity::Nobody, Redactor::default())
    };
    let wire = Wire::new(client::build(&options)?, options.answer);
    let route = format!("/app-manifests/{}/conversions", encode(code));
    Ok(wire.order(Method::POST, &route, &"the code of the manifest").await?)
}
