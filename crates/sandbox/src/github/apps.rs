//! GitHub Apps, their installations, and the tokens of these.

use crate::github::jwt::JwtKey;
use chrono::{DateTime, Utc};
use fieldmedic_core::ticket::Repo;
use std::collections::{BTreeMap, BTreeSet};

/// GitHub's permissions, such as `issues` and `write`.
pub type Rights = BTreeMap<String, String>;

/// A created App, as its creator receives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeApp {
    /// The App's id, which it states as the issuer of its tokens.
    pub id: u64,
    /// The account that the App acts with: `<slug>[bot]`.
    pub login: String,
    /// The private key, PEM.
    pub key: String,
}

pub(super) struct RegisteredApp {
    pub id: u64,
    pub slug: String,
    pub owner: String,
    pub key: JwtKey,
    pub rights: Rights,
    pub events: Vec<String>,
    pub at: DateTime<Utc>,
}

pub(super) struct Installation {
    pub id: u64,
    pub app: u64,
    /// The account that installed it.
    pub account: String,
    pub repos: BTreeSet<Repo>,
    pub suspended: Option<DateTime<Utc>>,
    pub at: DateTime<Utc>,
}

pub(super) struct AccessToken {
    pub installation: u64,
    pub until: DateTime<Utc>,
}

#[derive(Default)]
pub(super) struct Apps {
    pub all: BTreeMap<u64, RegisteredApp>,
    pub installations: BTreeMap<u64, Installation>,
    pub tokens: BTreeMap<String, AccessToken>,
    /// Apps created from a manifest, with their webhook's secret, by the code that is exchanged for the key.
    pub codes: BTreeMap<String, (MadeApp, String)>,
}

impl RegisteredApp {
    /// The account that the App acts with: `<slug>[bot]`.
    pub(super) fn login(&self) -> String {
        format!("{}[bot]", self.slug)
    }
}
