//! Migrates one file, or the files of a library together.

use super::kind::{FileKind, front_matter};
use super::names::Shape;
use super::tree::Document;
use super::types::{Change, FORMAT, MigrateErrors, Migrated, MigratedFiles, Problem};
use super::{edit, plan};
use std::collections::{BTreeMap, BTreeSet};

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
