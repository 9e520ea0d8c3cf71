//! `[store]`: where the journal is.

use crate::store::Address;
use serde::Deserialize;
use std::path::PathBuf;

/// The section `[store]`. Without keys, the journal is `fieldmedic.db` beside the configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreEntry {
    /// An SQLite file.
    pub path: Option<PathBuf>,
    /// The URL of a PostgreSQL database, without a password.
    pub url: Option<String>,
    /// The environment variable with such a URL, which may contain a password.
    pub url_env: Option<String>,
}

impl StoreEntry {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let keys = [self.path.is_some(), self.url.is_some(), self.url_env.is_some()];
        if keys.into_iter().filter(|is_set| *is_set).count() > 1 {
            problems.push("[store] has several of path, url and url_env: keep one of them".into());
        }
        match self.url.as_deref().map(Address::parse) {
            Some(Err(error)) => problems.push(format!("[store] url: {error}")),
            Some(Ok(address)) if !address.passwords().is_empty() => problems.push(
                "[store] url contains a password, which does not belong in this file: use url_env, \
                 PGPASSWORD or ~/.pgpass"
                    .into(),
            ),
            _ => {}
        }
        problems
    }
}
