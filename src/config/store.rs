//! `[store]`: where the journal is.

#![expect(
    clippy::disallowed_methods,
    reason = "systemd and operators say in the environment where the journal is"
)]

use crate::store::Address;
use schemars::JsonSchema;
use serde::Deserialize;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The folder of the machine's own configuration, which the packages create.
pub(super) const MACHINE_FOLDER: &str = "/etc/fieldmedic";
/// The folder of the journal that belongs to it.
const MACHINE_STATE: &str = "/var/lib/fieldmedic";
const JOURNAL: &str = "fieldmedic.db";
/// The variable that goes before the whole section: the path of a file, or the URL of a database.
const OVERRIDE: &str = "FIELDMEDIC_JOURNAL";

/// The section `[store]`. Without keys, the journal is a file by the rule of [`usual_journal`].
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
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
    /// Fills in what the environment says, or else the usual place. `base` is the folder of the configuration.
    pub(super) fn choose_journal(&mut self, base: &Path) {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        if let Some(named) = variable(OVERRIDE) {
            *self = overridden(&named);
        } else if self.path.is_none() && self.url.is_none() && self.url_env.is_none() {
            self.path = Some(usual_journal(base, variable("STATE_DIRECTORY").as_deref()));
        }
    }

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

/// The store that [`OVERRIDE`] names. A URL may contain a password, so it stays in the environment.
fn overridden(named: &OsStr) -> StoreEntry {
    let is_url = named.to_str().is_some_and(|text| text.contains("://"));
    match is_url {
        true => StoreEntry { url_env: Some(OVERRIDE.into()), ..StoreEntry::default() },
        false => {
            let path = PathBuf::from(named);
            // Unlike a path in a file, it is relative to where the person is.
            StoreEntry { path: Some(std::path::absolute(&path).unwrap_or(path)), ..StoreEntry::default() }
        }
    }
}

/// A journal that lies beside the configuration stays there. A new one lies in the state folder that systemd gives
/// a service; that of the machine's configuration in its state folder, so that commands in a terminal find
/// the journal of the service; any other beside its configuration.
fn usual_journal(base: &Path, state: Option<&OsStr>) -> PathBuf {
    let beside = base.join(JOURNAL);
    if beside.exists() {
        return beside;
    }
    // systemd separates several folders by colons.
    let given = state.and_then(|folders| std::env::split_paths(folders).next());
    match given.filter(|folder| folder.is_absolute()) {
        Some(folder) => folder.join(JOURNAL),
        None if base == Path::new(MACHINE_FOLDER) => Path::new(MACHINE_STATE).join(JOURNAL),
        None => beside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_journal_is_where_it_was_or_in_the_state_folder() {
        let base = tempfile::tempdir().unwrap();
        let beside = base.path().join("fieldmedic.db");
        let usual = |state: Option<&str>| usual_journal(base.path(), state.map(OsStr::new));
        assert_eq!(usual(None), beside);
        assert_eq!(usual(Some("relative")), beside);
        assert_eq!(usual(Some("/var/lib/medic:/var/lib/other")), Path::new("/var/lib/medic/fieldmedic.db"));
        assert_eq!(
            usual_journal(Path::new("/etc/fieldmedic"), None),
            Path::new("/var/lib/fieldmedic/fieldmedic.db")
        );
        std::fs::write(&beside, "").unwrap();
        assert_eq!(usual(Some("/var/lib/medic")), beside, "a journal is never left behind");
    }

    #[test]
    fn an_override_is_a_file_or_a_database() {
        let file = overridden(OsStr::new("/srv/copy.db"));
        assert_eq!(file.path.as_deref(), Some(Path::new("/srv/copy.db")));
        assert!(overridden(OsStr::new("copy.db")).path.unwrap().is_absolute());
        let database = overridden(OsStr::new("postgres://medic:secret@db.example.org/fieldmedic"));
        assert_eq!((database.url_env.as_deref(), database.path, database.url), (Some(OVERRIDE), None, None));
    }
}
