//! Upgrades the text of a configuration, or rewrites its file.

#![expect(clippy::disallowed_methods, reason = "reads the configuration file")]

use super::report::{BothNames, ChangedLine, ConfigReport, MigrateConfigError, Upgraded};
use super::rewrite;
use crate::library::migrate::write::{Replacement, replace_all};
use std::path::Path;

/// The text with today's keys, for reading a configuration. A text that is not TOML stays as it is, so that
/// whoever reads it next tells why. Entries that are commented out stay too.
///
/// # Errors
/// Every key that stands there by both of its names.
pub fn upgrade(text: &str) -> Result<Upgraded, Vec<BothNames>> {
    match parse(text) {
        Ok(()) => rewrite::rewrite(text, false),
        Err(_) => Ok(Upgraded { text: text.to_owned(), renamed: Vec::new() }),
    }
}

/// Gives a configuration file today's keys, also in entries that are commented out. A dry run changes
/// nothing.
///
/// # Errors
/// [`MigrateConfigError`]; the file is as it was then.
pub fn migrate_config(path: &Path, is_dry_run: bool) -> Result<ConfigReport, MigrateConfigError> {
    let unreadable = |error| MigrateConfigError::Unreadable { path: path.to_owned(), error };
    let old = std::fs::read_to_string(path).map_err(unreadable)?;
    let malformed = |problem| MigrateConfigError::Malformed { path: path.to_owned(), problem };
    parse(&old).map_err(malformed)?;
    let both = |keys| MigrateConfigError::BothNames { path: path.to_owned(), keys };
    let Upgraded { text, renamed } = rewrite::rewrite(&old, true).map_err(both)?;
    parse(&text).map_err(malformed)?;
    let lines = changed_lines(&old, &text);
    if !is_dry_run && !renamed.is_empty() {
        replace_all(&[Replacement { path: path.to_owned(), old, new: text }])?;
    }
    Ok(ConfigReport { path: path.to_owned(), renamed, lines, is_dry_run })
}

fn parse(text: &str) -> Result<(), String> {
    toml::from_str::<toml::Table>(text).map(drop).map_err(|error| error.to_string())
}

/// A rename never adds or removes a line.
fn changed_lines(old: &str, new: &str) -> Vec<ChangedLine> {
    let lines = old.lines().zip(new.lines()).zip(1..);
    let changed = lines.filter(|((old, new), _)| old != new);
    changed
        .map(|((old, new), number)| ChangedLine { number, old: old.to_owned(), new: new.to_owned() })
        .collect()
}
