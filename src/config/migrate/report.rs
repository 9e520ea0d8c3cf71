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
