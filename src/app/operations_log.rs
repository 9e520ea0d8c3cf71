//! The file of the operations log: read, brought up to date and replaced at once, so that a crash or a full disk leaves
//! the old one. What it lacks then is still in the journal, and the file itself says up to where it goes.

#![expect(clippy::disallowed_methods, reason = "reads and replaces the file of the log")]

use crate::core::playbook::Library;
use crate::core::text::redact::Redactor;
use crate::core::view::operations::LogRetention;
use crate::engine::{LogSource, LogUpdate};
use crate::ports::{JournalError, Store};
use crate::render::Prompts;
use crate::render::operations_log::{NotALog, OperationsLog};
use chrono::{DateTime, Utc};
use std::fs::{self, File, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A log larger than this is not read: something else has written it.
const LARGEST: u64 = 256 * 1024 * 1024;

/// The mode of a new file: its group may read it.
const MODE: u32 = 0o640;

/// Where the log is, and how long its entries are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationsLogFile {
    /// The file.
    pub path: PathBuf,
    /// How long its entries are kept.
    pub retention: LogRetention,
}

/// Why a log was not written. The file is as it was.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum OperationsLogError {
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The file is something else.
    #[error("{path}: {error}. It was left as it is")]
    #[diagnostic(help("name another file as [operations_log] path, or move this one away"))]
    NotALog {
        /// The file.
        path: PathBuf,
        /// What it is not.
        error: NotALog,
    },
    /// The file cannot be read, or not be replaced.
    #[error("cannot write {path}: {error}")]
    #[diagnostic(help("the journal keeps everything: the next run writes what is missing"))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

impl OperationsLogFile {
    /// Brings the file up to date, or makes it anew. Gives how many entries were written, and how many it has.
    ///
    /// # Errors
    /// The journal or the file cannot be used.
    pub async fn write(
        &self,
        (journal, library): (&dyn Store, &Library),
        (prompts, redactor): (&Prompts, &Redactor),
        update: LogUpdate,
        now: DateTime<Utc>,
    ) -> Result<(usize, usize), OperationsLogError> {
        let old = self.read()?;
        let mut log = OperationsLog::parse(&old)
            .map_err(|error| OperationsLogError::NotALog { path: self.path.clone(), error })?;
        let source = LogSource { journal, library, prompts, redactor, retention: self.retention };
        let before = log.clone();
        let written = source.update(&mut log, update, now).await?;
        // Nothing new: the file keeps its time, and its older mark only makes the next look longer.
        let is_same = log.has_entries_of(&before);
        let is_recent = before.until.is_some_and(|until| now - until < chrono::TimeDelta::hours(1));
        if !(is_same && is_recent && update == LogUpdate::Newer) {
            self.replace(&log.to_text(&source.intro()))?;
        }
        Ok((written, log.len()))
    }

    fn read(&self) -> Result<String, OperationsLogError> {
        let failed = |error| OperationsLogError::Io { path: self.path.clone(), error };
        match fs::metadata(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(String::new()),
            Err(error) => return Err(failed(error)),
            Ok(found) if !found.is_file() || found.len() > LARGEST => {
                return Err(OperationsLogError::NotALog { path: self.path.clone(), error: NotALog });
            }
            Ok(_) => {}
        }
        fs::read_to_string(&self.path).map_err(failed)
    }

    fn replace(&self, text: &str) -> Result<(), OperationsLogError> {
        replace(&self.path, text).map_err(|error| OperationsLogError::Io { path: self.path.clone(), error })
    }
}

/// Puts a new file in the place of the old one. It is on the disk before the old one is gone.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    // A link leads to the file that is meant.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = fs::metadata(&path).map_or(MODE, |old| old.permissions().mode());
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}
