//! Results and errors of a migration.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The newest format of playbooks, which the migration produces.
pub const FORMAT: u32 = 1;

/// One rename in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Counted from 1, in the original file.
    pub line: usize,
    /// Empty where something was added.
    pub from: String,
    /// The new spelling, such as `rollback`; the text that was added, such as `format: 1`.
    pub to: String,
}

/// A migrated text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// The whole text after the changes.
    pub text: String,
    /// In the order of the file; empty if the text is as it was.
    pub changes: Vec<Change>,
}

/// Migrated files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MigratedFiles {
    /// Path to text, of all files: migrated ones and those that stayed as they were.
    pub files: BTreeMap<String, String>,
    /// Path to changes, of the migrated files.
    pub changes: BTreeMap<String, Vec<Change>>,
}

/// Why a file cannot be migrated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("{path}{}: {message}", if *.line > 0 { format!(":{line}:{column}") } else { String::new() })]
#[diagnostic(help("{hint}"))]
pub struct MigrateError {
    /// The file, as the caller named it.
    pub path: String,
    /// Counted from 1; 0 if the whole file is meant.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What stands in the way, in one sentence without the place.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// Every problem that stands in the way of a migration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("{} cannot be migrated", self.subject())]
pub struct MigrateErrors {
    /// One entry for each problem of each file.
    #[related]
    pub list: Vec<MigrateError>,
}

/// A problem at a byte of a text.
#[derive(Debug)]
pub(super) struct Problem {
    pub at: usize,
    pub message: String,
    pub hint: String,
}

impl Problem {
    /// A problem at the byte `at`, counted from 0.
    pub(super) fn new(at: usize, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: hint.into() }
    }

    /// The error in the file whose text this is; the text that was parsed begins at `offset` of it.
    pub(super) fn at(self, path: &str, text: &str, offset: usize) -> MigrateError {
        let before = text.get(..offset + self.at).unwrap_or(text);
        MigrateError {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
            message: self.message,
            hint: self.hint,
        }
    }
}

impl MigrateErrors {
    /// Who cannot be migrated, for the sentence that tells it.
    fn subject(&self) -> String {
        let files: BTreeSet<&str> = self.list.iter().map(|error| error.path.as_str()).collect();
        match files.len() {
            1 => files.into_iter().collect(),
            several => format!("{several} files"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from.as_str() {
            "" => write!(f, "line {}: `{}` added", self.line, self.to),
            from => write!(f, "line {}: `{from}` → `{}`", self.line, self.to),
        }
    }
}
