//! Migration of playbooks and scenarios from format 0 (no `format` key) to format 1.
//!
//! Format 1 renames keys. The migration parses a file, decides for every scalar what it means at its
//! place, and edits the text by byte ranges. Everything else stays as it was: comments, order, quotes and
//! indentation. Before a result is returned, it is parsed again and compared with the original.
//!
//! ```text
//! migrate/kind.rs     what a file is for
//! migrate/names.rs    the table of renames
//! migrate/tree.rs     YAML text as a tree with byte ranges
//! migrate/plan.rs     which scalars change, by their place in the tree
//! migrate/variable.rs the variable with the backup, in scripts
//! migrate/edit.rs     the edits in the text, and the comparison afterwards
//! migrate/folder.rs   a folder on disk
//! migrate/write.rs    atomic replacement of several files
//! ```

mod edit;
mod folder;
mod kind;
mod names;
mod plan;
mod tree;
mod variable;
pub(crate) mod write;

pub use folder::{FileReport, FolderError, FolderReport, migrate_dir};
pub use kind::FileKind;
pub use write::WriteError;

use kind::front_matter;
use names::Shape;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use tree::Document;

/// The newest format of playbooks, which the migration produces.
pub const FORMAT: u32 = 1;

/// One rename in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Counted from 1, in the original file.
    pub line: usize,
    /// Empty where something was added.
    pub from: String,
    pub to: String,
}

/// A migrated text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
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
    pub path: String,
    /// Counted from 1; 0 if the whole file is meant.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// Every problem that stands in the way of a migration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("{} cannot be migrated", self.subject())]
pub struct MigrateErrors {
    #[related]
    pub list: Vec<MigrateError>,
}

/// Migrates one text. A `system.yaml` of format 1 stays as it is; a text of another kind has no mark of its
/// format, so its old keys are renamed wherever they stand.
///
/// # Errors
/// Everything that stands in the way. `path` only names the file in the errors.
pub fn migrate_file(kind: FileKind, path: &str, text: &str) -> Result<Migrated, MigrateErrors> {
    let (range, shape) = match kind {
        FileKind::SystemType => (0..text.len(), Shape::System),
        FileKind::Playbook => (0..text.len(), Shape::Playbook),
        FileKind::Expect => (0..text.len(), Shape::Expect),
        FileKind::HostSpec => (0..text.len(), Shape::Host),
        FileKind::Ticket => match front_matter(text) {
            Some(range) => (range, Shape::FrontMatter),
            None => return Ok(Migrated { text: text.to_owned(), changes: Vec::new() }),
        },
    };
    let yaml = text.get(range.clone()).unwrap_or_default();
    let migrated = migrate_yaml(shape, yaml).map_err(|problems| {
        let place = |problem: Problem| problem.at(path, text, range.start);
        MigrateErrors { list: problems.into_iter().map(place).collect() }
    })?;
    let before = text.get(..range.start).unwrap_or_default();
    let after = text.get(range.end..).unwrap_or_default();
    let lines = before.matches('\n').count();
    let moved = |change: Change| Change { line: change.line + lines, ..change };
    Ok(Migrated {
        text: format!("{before}{}{after}", migrated.text),
        changes: migrated.changes.into_iter().map(moved).collect(),
    })
}

/// Migrates files together, for example the playbooks that a journal keeps. Paths have `/` between
/// folders. Playbooks beside a `system.yaml` of format 1 stay as they are.
///
/// # Errors
/// Everything that stands in the way, of all files.
pub fn migrate_files(files: &BTreeMap<String, String>) -> Result<MigratedFiles, MigrateErrors> {
    let mut migrated = MigratedFiles::default();
    let mut errors = Vec::new();
    let current: BTreeSet<&str> = files
        .iter()
        .filter(|(path, text)| FileKind::of(path, text) == Some(FileKind::SystemType) && is_current(text))
        .map(|(path, _)| folder_of(path))
        .collect();
    for (path, text) in files {
        let kind = FileKind::of(path, text).filter(|kind| {
            let follows_system = matches!(kind, FileKind::SystemType | FileKind::Playbook);
            !(follows_system && current.contains(folder_of(path)))
        });
        let result = kind.map(|kind| migrate_file(kind, path, text)).transpose();
        match result {
            Ok(Some(Migrated { text, changes })) if !changes.is_empty() => {
                migrated.files.insert(path.clone(), text);
                migrated.changes.insert(path.clone(), changes);
            }
            Ok(_) => {
                migrated.files.insert(path.clone(), text.clone());
            }
            Err(found) => errors.extend(found.list),
        }
    }
    if errors.is_empty() { Ok(migrated) } else { Err(MigrateErrors { list: errors }) }
}

/// A problem at a byte of a text.
#[derive(Debug)]
struct Problem {
    at: usize,
    message: String,
    hint: String,
}

impl Problem {
    fn new(at: usize, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: hint.into() }
    }

    /// The error in the file whose text this is; the text that was parsed begins at `offset` of it.
    fn at(self, path: &str, text: &str, offset: usize) -> MigrateError {
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

fn migrate_yaml(shape: Shape, text: &str) -> Result<Migrated, Vec<Problem>> {
    let document = Document::read(text);
    if let Some(problem) = document.problem() {
        return Err(vec![problem]);
    }
    let plan = plan::plan(&document, shape)?;
    if plan.is_empty() {
        return Ok(Migrated { text: text.to_owned(), changes: Vec::new() });
    }
    edit::apply(&document, &plan).map_err(|problem| vec![problem])
}

/// Whether a `system.yaml` is of the newest format already.
fn is_current(text: &str) -> bool {
    Document::read(text).root_value("format") == Some(&FORMAT.to_string())
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
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

#[cfg(test)]
mod tests;
