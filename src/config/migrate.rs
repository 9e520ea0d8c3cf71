//! Renamed keys of `fieldmedic.toml`: old files are still read, with a warning for each old key, and
//! [`migrate_config`] rewrites a file.
//!
//! Both work on the text, by byte ranges. Comments, order and spacing stay, and an error in a value is
//! reported at the line that the author wrote.
//!
//! ```text
//! migrate/keys.rs     the table of renamed keys, and hints for unknown ones
//! migrate/rewrite.rs  the edits in the text
//! ```

#![expect(clippy::disallowed_methods, reason = "reads the configuration file")]

mod keys;
mod rewrite;

pub use keys::unknown_key;

use crate::library::migrate::write::{Replacement, WriteError, replace_all};
use std::fmt;
use std::path::{Path, PathBuf};

/// An old key that was found in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// Counted from 1.
    pub line: usize,
    /// The table where it stands, with today's names: `policy.limits`.
    pub table: String,
    pub old: String,
    pub new: String,
    /// Whether it stands in an entry that is commented out.
    pub is_comment: bool,
}

/// A configuration with today's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgraded {
    pub text: String,
    /// In the order of the file; empty if the text is as it was.
    pub renamed: Vec<Renamed>,
}

/// One key that stands in a table by its old and by its new name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error(
    "[{table}] has `{old}` (line {old_line}) and `{new}` (line {new_line}), the old and the new name of one key"
)]
#[diagnostic(help("keep one of them, as `{new}`"))]
pub struct BothNames {
    pub table: String,
    pub old: String,
    pub old_line: usize,
    pub new: String,
    pub new_line: usize,
}

/// Why a configuration cannot be migrated. The file was not changed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum MigrateConfigError {
    #[error("cannot read {}: {error}", path.display())]
    #[diagnostic(help("name the configuration with --config"))]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("{} is not TOML\n\n{problem}", path.display())]
    #[diagnostic(help("correct the file first; then migrate it"))]
    Malformed { path: PathBuf, problem: String },
    #[error("{} has keys by two names", path.display())]
    BothNames {
        path: PathBuf,
        #[related]
        keys: Vec<BothNames>,
    },
    #[error(transparent)]
    #[diagnostic(transparent)]
    NotWritten(#[from] WriteError),
}

/// What a migration changed, or would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigReport {
    pub path: PathBuf,
    pub renamed: Vec<Renamed>,
    /// The lines that differ.
    pub lines: Vec<ChangedLine>,
    pub is_dry_run: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedLine {
    /// Counted from 1.
    pub number: usize,
    pub old: String,
    pub new: String,
}

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

impl fmt::Display for Renamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, table, old, new, .. } = self;
        write!(f, "line {line}: `{old}` in [{table}] is now called `{new}`")
    }
}

impl fmt::Display for ConfigReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ChangedLine { number, old, new } in &self.lines {
            writeln!(f, "line {number}\n- {old}\n+ {new}")?;
        }
        let path = self.path.display();
        match (self.renamed.len(), self.is_dry_run) {
            (0, _) => write!(f, "{path} has no old keys"),
            (count, true) => write!(f, "{path}: {} would be renamed", counted(count)),
            (count, false) => write!(f, "{path}: {} renamed", counted(count)),
        }
    }
}

fn counted(keys: usize) -> String {
    match keys {
        1 => "1 key".into(),
        several => format!("{several} keys"),
    }
}

#[cfg(test)]
mod tests;
