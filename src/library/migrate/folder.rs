//! Migrates a folder on disk: playbooks, scenarios, or both.

#![expect(clippy::disallowed_methods, reason = "reads the folder of playbooks")]

use super::files::migrate_files;
use super::kind::FileKind;
use super::types::{Change, MigrateError, MigrateErrors, MigratedFiles};
use super::write::{Replacement, WriteError, replace_all};
use crate::library::files::is_yaml;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// Longer files are no playbooks; the loader refuses them too.
const LARGEST: u64 = 1024 * 1024;
/// Folders below each other, and files in all of them.
const DEEPEST: usize = 16;
const MOST: usize = 100_000;

/// What a migration changed, or would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderReport {
    /// In the order of their paths.
    pub files: Vec<FileReport>,
    /// How many files were read that are as they should be.
    pub unchanged: usize,
    /// Whether the files were left alone, and the report says only what would change.
    pub is_dry_run: bool,
}

/// What a migration changed, or would change, in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// The file, below the folder as the caller named it.
    pub path: PathBuf,
    /// Its changes, in the order of the file; never empty.
    pub changes: Vec<Change>,
}

/// Why a folder was not migrated. No file was changed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FolderError {
    /// A folder or a file cannot be read, or a folder cannot be resolved.
    #[error("cannot read {}: {error}", path.display())]
    #[diagnostic(help("name a folder with playbooks, with scenarios, or with both below it"))]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The folder has more than 100,000 entries, or folders more than 16 deep. `path` is the whole folder.
    #[error("{} has more than {MOST} files, or folders more than {DEEPEST} deep", path.display())]
    #[diagnostic(help("name the folder of the playbooks or of the scenarios itself"))]
    TooLarge {
        /// The folder that was to be migrated.
        path: PathBuf,
    },
    /// Some files cannot be migrated.
    #[error("{0}; no file was changed")]
    #[diagnostic(transparent)]
    Files(MigrateErrors),
    /// The migrated texts could not be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    NotWritten(#[from] WriteError),
}

/// Migrates every playbook and scenario below a folder, all or none. A dry run changes nothing.
///
/// # Errors
/// Every file that cannot be migrated, at once; or why the folder cannot be read or written.
pub fn migrate_dir(dir: &Path, is_dry_run: bool) -> Result<FolderReport, FolderError> {
    let mut found = Vec::new();
    collect(dir, &mut found)?;
    let (texts, paths, mut errors) = read(&found)?;
    let migrated = migrate_files(&texts).unwrap_or_else(|found| {
        errors.extend(found.list);
        MigratedFiles::default()
    });
    if !errors.is_empty() {
        errors.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
        return Err(FolderError::Files(MigrateErrors { list: errors }));
    }
    let path_of = |name: &String| paths.get(name).cloned().unwrap_or_else(|| PathBuf::from(name));
    if !is_dry_run {
        replace_all(&replacements(&texts, &migrated.files, &migrated.changes, path_of))?;
    }
    let unchanged = texts
        .iter()
        .filter(|(name, text)| !migrated.changes.contains_key(*name) && FileKind::of(name, text).is_some());
    Ok(FolderReport {
        unchanged: unchanged.count(),
        files: migrated
            .changes
            .into_iter()
            .map(|(name, changes)| FileReport { path: path_of(&name), changes })
            .collect(),
        is_dry_run,
    })
}

/// What is to be written. `system.yaml` comes last: it says that the playbooks beside it are migrated, so a
/// migration that was interrupted goes on where it stopped.
fn replacements(
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
    changes: &BTreeMap<String, Vec<Change>>,
    path_of: impl Fn(&String) -> PathBuf,
) -> Vec<Replacement> {
    let mut names: Vec<&String> = changes.keys().collect();
    names.sort_by_key(|name| {
        old.get(*name).is_some_and(|text| FileKind::of(name, text) == Some(FileKind::SystemType))
    });
    let replacement = |name: &String| {
        Some(Replacement { path: path_of(name), old: old.get(name)?.clone(), new: new.get(name)?.clone() })
    };
    names.into_iter().filter_map(replacement).collect()
}

type Texts = (BTreeMap<String, String>, BTreeMap<String, PathBuf>, Vec<MigrateError>);

/// The texts by the names that reports and errors call the files, the paths by the same names, and what
/// should have been text and is none.
fn read(found: &[PathBuf]) -> Result<Texts, FolderError> {
    let folders: BTreeSet<&Path> = found
        .iter()
        .filter(|path| is_named(path, &["system.yaml", "system.yml"]))
        .filter_map(|path| path.parent())
        .collect();
    let (mut texts, mut paths, mut errors) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for path in found {
        let unreadable = |error| FolderError::Unreadable { path: path.clone(), error };
        let name = path.to_string_lossy().replace('\\', "/");
        let size = path.metadata().map_err(unreadable)?.len();
        let text = match size {
            ..=LARGEST => String::from_utf8(std::fs::read(path).map_err(unreadable)?).ok(),
            _ => None,
        };
        let is_ours = is_named(path, &["expect.yaml", "host.yaml", "ticket.md"])
            || path.parent().is_some_and(|folder| folders.contains(folder));
        match text {
            Some(text) => {
                texts.insert(name.clone(), text);
                paths.insert(name, path.clone());
            }
            None if is_ours => errors.push(MigrateError {
                path: name,
                line: 0,
                column: 0,
                message: "it is not UTF-8 text, or it is larger than 1 MiB".into(),
                hint: "save it as UTF-8, or move it out of the folder".into(),
            }),
            None => {}
        }
    }
    Ok((texts, paths, errors))
}

/// Every YAML file and every ticket below a folder. Hidden files and folders are left out.
fn collect(root: &Path, found: &mut Vec<PathBuf>) -> Result<(), FolderError> {
    let mut open = vec![(root.to_owned(), 0)];
    // A link may lead back to a folder above it, or to one beside it.
    let mut seen = BTreeSet::new();
    let mut count = 0;
    while let Some((dir, depth)) = open.pop() {
        let unreadable = |error| FolderError::Unreadable { path: dir.clone(), error };
        if !seen.insert(dir.canonicalize().map_err(unreadable)?) {
            continue;
        }
        for entry in std::fs::read_dir(&dir).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            count += 1;
            if count > MOST || depth > DEEPEST {
                return Err(FolderError::TooLarge { path: root.to_owned() });
            }
            let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if is_hidden {
                continue;
            }
            if path.is_dir() {
                open.push((path, depth + 1));
            } else if path.is_file()
                && is_candidate(&path)
                && seen.insert(path.canonicalize().map_err(unreadable)?)
            {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(())
}

fn is_candidate(path: &Path) -> bool {
    is_yaml(path) || is_named(path, &["ticket.md"])
}

fn is_named(path: &Path, names: &[&str]) -> bool {
    path.file_name().is_some_and(|name| names.iter().any(|wanted| name == *wanted))
}

impl fmt::Display for FolderReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            writeln!(f, "{}", file.path.display())?;
            for change in &file.changes {
                writeln!(f, "  {change}")?;
            }
        }
        let verb = if self.is_dry_run { "would be migrated" } else { "migrated" };
        write!(f, "{} {verb}, {} unchanged", counted(self.files.len()), self.unchanged)
    }
}

fn counted(files: usize) -> String {
    match files {
        1 => "1 file".into(),
        several => format!("{several} files"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEM: &str = "system: x\nprobes:\n  disk: { on: main, run: df, facts: { a: text } }\n";
    const PLAYBOOK: &str = "playbook: full\nbecause: x\n";

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    fn text(dir: &tempfile::TempDir, path: &str) -> String {
        std::fs::read_to_string(dir.path().join(path)).unwrap()
    }

    #[test]
    fn a_folder_is_migrated_once() {
        let dir = folder(&[
            ("playbooks/x/system.yaml", SYSTEM),
            ("playbooks/x/full.yaml", PLAYBOOK),
            ("fixtures/x/a/expect.yaml", "outcome: resolved\nsays: [a]\n"),
            ("fixtures/x/a/ticket.md", "---\norder: status\n---\n# A\n"),
            ("fixtures/x/a/host.yaml", "base: ../healthy.yaml\n"),
            ("fixtures/x/healthy.yaml", "commands:\n  - { run: df, in: / }\n"),
            ("other/compose.yml", "services: { says: {} }\n"),
            (".hidden/expect.yaml", "says: [a]\n"),
        ]);
        let dry = migrate_dir(dir.path(), true).unwrap();
        assert_eq!(text(&dir, "playbooks/x/full.yaml"), PLAYBOOK);
        let report = migrate_dir(dir.path(), false).unwrap();
        assert_eq!((report.files.clone(), report.unchanged), (dry.files, dry.unchanged));
        assert_eq!((report.files.len(), report.unchanged), (5, 1));
        assert_eq!(text(&dir, "playbooks/x/full.yaml"), "playbook: full\nsummary: x\n");
        assert!(text(&dir, "playbooks/x/system.yaml").starts_with("format: 1\nsystem_type: x\n"));
        assert_eq!(text(&dir, "fixtures/x/a/ticket.md"), "---\ncommand: status\n---\n# A\n");
        assert_eq!(text(&dir, "fixtures/x/healthy.yaml"), "commands:\n  - { run: df, cwd: / }\n");
        assert_eq!(text(&dir, "other/compose.yml"), "services: { says: {} }\n");
        assert_eq!(text(&dir, ".hidden/expect.yaml"), "says: [a]\n");
        let again = migrate_dir(dir.path(), false).unwrap();
        assert_eq!((again.files.len(), again.unchanged), (0, 6));
        assert_eq!(again.to_string(), "0 files migrated, 6 unchanged");
    }

    #[test]
    fn no_file_is_written_if_one_cannot_be_migrated() {
        let dir = folder(&[
            ("x/system.yaml", SYSTEM),
            ("x/full.yaml", "playbook: full\nbecause: x\nsummary: y\n"),
            ("x/broken.yaml", "playbook: broken\ntitle: [\n"),
            ("a/expect.yaml", "says: [a]\n"),
        ]);
        std::fs::write(dir.path().join("x/bytes.yaml"), b"playbook: \xff\n").unwrap();
        let FolderError::Files(errors) = migrate_dir(dir.path(), false).unwrap_err() else { panic!() };
        let places: Vec<String> = errors
            .list
            .iter()
            .map(|error| format!("{}:{}", error.path.rsplit('/').next().unwrap(), error.line))
            .collect();
        assert_eq!(places, ["broken.yaml:2", "bytes.yaml:0", "full.yaml:3"]);
        assert_eq!(text(&dir, "x/system.yaml"), SYSTEM);
        assert_eq!(text(&dir, "a/expect.yaml"), "says: [a]\n");
    }

    #[test]
    fn an_interrupted_migration_goes_on() {
        // The playbook is written, and `system.yaml` is not: it comes last.
        let dir = folder(&[("x/system.yaml", SYSTEM), ("x/full.yaml", PLAYBOOK), ("x/b.yaml", PLAYBOOK)]);
        let texts: BTreeMap<String, String> = ["x/system.yaml", "x/full.yaml", "x/b.yaml"]
            .map(|path| (path.to_owned(), text(&dir, path)))
            .into();
        let migrated = migrate_files(&texts).unwrap();
        let order = replacements(&texts, &migrated.files, &migrated.changes, |name| name.into());
        let order: Vec<_> = order.iter().map(|replacement| replacement.path.to_str().unwrap()).collect();
        assert_eq!(order, ["x/b.yaml", "x/full.yaml", "x/system.yaml"]);
        std::fs::write(dir.path().join("x/b.yaml"), &migrated.files["x/b.yaml"]).unwrap();
        migrate_dir(dir.path(), false).unwrap();
        for (path, text) in &migrated.files {
            assert_eq!(&std::fs::read_to_string(dir.path().join(path)).unwrap(), text, "{path}");
        }
    }

    #[test]
    fn links_do_not_lead_in_circles() {
        let dir = folder(&[("a/expect.yaml", "says: [a]\n")]);
        std::os::unix::fs::symlink(dir.path(), dir.path().join("a/up")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("a"), dir.path().join("b")).unwrap();
        assert_eq!(migrate_dir(dir.path(), false).unwrap().files.len(), 1);
        assert!(matches!(migrate_dir(Path::new("/nowhere"), true), Err(FolderError::Unreadable { .. })));
    }
}
