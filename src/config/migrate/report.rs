//! Results and errors of a migration.

use crate::library::migrate::WriteError;
use std::fmt;
use std::path::PathBuf;

/// An old key that was found in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// Counted from 1.
    pub line: usize,
    /// The table where it stands, with today's names: `policy.limits`.
    pub table: String,
    /// The name in the file, such as `pace`.
    pub old: String,
    /// Today's name, such as `write_interval`.
    pub new: String,
    /// Whether it stands in an entry that is commented out.
    pub is_comment: bool,
}

/// A configuration with today's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgraded {
    /// The whole text. It has as many lines as before.
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
    /// The table where both stand, with today's names: `policy.limits`.
    pub table: String,
    /// The old name, such as `pace`.
    pub old: String,
    /// The line of the old name, counted from 1.
    pub old_line: usize,
    /// Today's name, such as `write_interval`.
    pub new: String,
    /// The line of today's name, counted from 1.
    pub new_line: usize,
}

/// Why a configuration cannot be migrated. The file was not changed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum MigrateConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    #[diagnostic(help("name the configuration with --config"))]
    Unreadable {
        /// The path of the configuration.
        path: PathBuf,
        /// Why the operating system did not read it.
        error: std::io::Error,
    },
    /// The text is not TOML, as it was or with the new keys.
    #[error("{} is not TOML\n\n{problem}", path.display())]
    #[diagnostic(help("correct the file first; then migrate it"))]
    Malformed {
        /// The path of the configuration.
        path: PathBuf,
        /// The parser's message, with the line if it has one.
        problem: String,
    },
    /// Some keys stand in their table by the old and by the new name.
    #[error("{} has keys by two names", path.display())]
    BothNames {
        /// The path of the configuration.
        path: PathBuf,
        /// All of these keys; never empty.
        #[related]
        keys: Vec<BothNames>,
    },
    /// The new text could not be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    NotWritten(#[from] WriteError),
}

/// What a migration changed, or would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigReport {
    /// The path of the configuration.
    pub path: PathBuf,
    /// The old keys in the order of the file; empty if there are none.
    pub renamed: Vec<Renamed>,
    /// The lines that differ.
    pub lines: Vec<ChangedLine>,
    /// Whether the file was left as it is, on request.
    pub is_dry_run: bool,
}

/// A line that the renaming of keys changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedLine {
    /// Counted from 1.
    pub number: usize,
    /// The line before, without its line break.
    pub old: String,
    /// The line afterwards, without its line break.
    pub new: String,
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
