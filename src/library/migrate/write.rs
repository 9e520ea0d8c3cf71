//! Replaces several files, all or none.

#![expect(clippy::disallowed_methods, reason = "replaces files of playbooks")]

use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file and what takes the place of its text.
#[derive(Debug, Clone)]
pub(crate) struct Replacement {
    pub path: PathBuf,
    /// The text that was read; the file is left alone if somebody has changed it since.
    pub old: String,
    pub new: String,
}

/// Why no file was replaced.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum WriteError {
    /// A file cannot be read or written. Files that were replaced before it have their old texts again.
    #[error("cannot write {}: {error}; no file was changed", path.display())]
    #[diagnostic(help("check who may write to the folder, and whether its disk has room"))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Somebody changed a file after it was read.
    #[error("{} changed while it was being migrated; no file was changed", path.display())]
    #[diagnostic(help("save your changes, then migrate again"))]
    Changed {
        /// The file that was changed.
        path: PathBuf,
    },
    /// A file cannot be written, and `lost`, which was replaced before it, could not get its old text back.
    #[error("cannot write {}: {error}; {} could not be restored either", path.display(), lost.display())]
    #[diagnostic(help("migrate again: files that are migrated already stay as they are"))]
    Half {
        /// The file that cannot be written.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
        /// The file that keeps its new text.
        lost: PathBuf,
    },
}

/// A new text that is on disk beside the file whose place it will take.
struct Staged<'r> {
    file: NamedTempFile,
    target: PathBuf,
    replacement: &'r Replacement,
}

/// Replaces the texts of files, in this order. Every new text is on disk before the first file is
/// replaced; if a later file cannot be replaced, the earlier ones get their old texts back.
pub(crate) fn replace_all(replacements: &[Replacement]) -> Result<(), WriteError> {
    let staged: Vec<Staged<'_>> = replacements.iter().map(stage).collect::<Result<_, _>>()?;
    let mut done: Vec<(PathBuf, &Replacement)> = Vec::new();
    for Staged { file, target, replacement } in staged {
        if let Err(error) = file.persist(&target) {
            return Err(restore(&done, &replacement.path, error.error));
        }
        done.push((target, replacement));
    }
    Ok(())
}

fn stage(replacement: &Replacement) -> Result<Staged<'_>, WriteError> {
    let wrong = |error| WriteError::Io { path: replacement.path.clone(), error };
    // A symbolic link stays one: the file that it names is replaced.
    let target = replacement.path.canonicalize().map_err(wrong)?;
    if std::fs::read_to_string(&target).map_err(wrong)? != replacement.old {
        return Err(WriteError::Changed { path: replacement.path.clone() });
    }
    let file = prepare(&target, &replacement.new).map_err(wrong)?;
    Ok(Staged { file, target, replacement })
}

/// A temporary file beside the target, with the target's permissions and the new text.
fn prepare(target: &Path, text: &str) -> std::io::Result<NamedTempFile> {
    let folder = target.parent().unwrap_or(Path::new("/"));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    let metadata = target.metadata()?;
    // Only root can give a file away; for everybody else, it belongs to the user who migrates.
    let _ = chown(file.path(), Some(metadata.uid()), Some(metadata.gid()));
    file.as_file().set_permissions(metadata.permissions())?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn restore(done: &[(PathBuf, &Replacement)], path: &Path, error: std::io::Error) -> WriteError {
    for (target, replacement) in done.iter().rev() {
        let restored = prepare(target, &replacement.old)
            .and_then(|file| file.persist(target).map(drop).map_err(|error| error.error));
        if restored.is_err() {
            return WriteError::Half { path: path.to_owned(), error, lost: target.clone() };
        }
    }
    WriteError::Io { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn replacement(path: &Path, old: &str, new: &str) -> Replacement {
        Replacement { path: path.to_owned(), old: old.into(), new: new.into() }
    }

    #[test]
    fn a_file_keeps_its_permissions_and_a_link_stays_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        std::fs::write(&file, "old").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        replace_all(&[replacement(&link, "old", "new")]).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "no temporary file is left");
    }

    #[test]
    fn no_file_is_replaced_if_one_cannot_be() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        std::fs::write(&one, "1").unwrap();
        std::fs::write(&two, "edited").unwrap();
        let both = [replacement(&one, "1", "new"), replacement(&two, "2", "new")];
        assert!(matches!(replace_all(&both), Err(WriteError::Changed { path }) if path == two));
        std::fs::remove_file(&two).unwrap();
        assert!(matches!(replace_all(&both), Err(WriteError::Io { path, .. }) if path == two));
        assert_eq!(std::fs::read_to_string(&one).unwrap(), "1");
    }

    #[test]
    fn a_file_that_was_replaced_gets_its_old_text_back() {
        let dir = tempfile::tempdir().unwrap();
        let one = dir.path().join("one");
        std::fs::write(&one, "new").unwrap();
        let done = replacement(&one, "old", "new");
        let error = restore(&[(one.clone(), &done)], Path::new("two"), std::io::Error::other("full"));
        assert!(matches!(error, WriteError::Io { .. }), "{error}");
        assert_eq!(std::fs::read_to_string(&one).unwrap(), "old");
    }
}
