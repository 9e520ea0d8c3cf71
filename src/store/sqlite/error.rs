//! What went wrong with the database, as a sentence and what to do next.

use crate::ports::JournalError;
use crate::store::error::StoreError;
use std::io;
use std::path::Path;

/// Explains a failure; `place` is the journal's file, as people know it.
pub(super) fn explain(place: &str, failure: StoreError) -> JournalError {
    let error = match failure {
        StoreError::Said(error) => return error,
        StoreError::Store(error) => error,
    };
    JournalError::Unavailable(match result_code(&error) {
        Some(BUSY | LOCKED) => format!(
            "another process is writing to {place} and does not stop. \
             See who holds it with `fuser {place}`, then try again"
        ),
        Some(FULL) => {
            format!("the disk that holds {place} is full. Free some space on it, then try again")
        }
        Some(READONLY | PERM) => format!(
            "{place} may not be written. Give the user that runs fieldmedic the right to write to the \
             file and its directory, and check that the disk is not mounted read-only"
        ),
        Some(CANTOPEN) => format!(
            "{place} cannot be opened. Check that the file and its directory are there, and that the user \
             that runs fieldmedic may write to both"
        ),
        Some(IOERR) => format!(
            "the disk that holds {place} could not be read or written: {error}. \
             Check the disk, its quota and the limit on file sizes, then try again"
        ),
        Some(CORRUPT | NOTADB) => format!(
            "{place} is damaged, or is no SQLite database: {error}. Restore it from a backup, or name \
             another file; nothing was written to it"
        ),
        _ => format!("{place}: {error}"),
    })
}

/// Explains why the file could not be made or looked at.
pub(super) fn explain_io(path: &Path, error: &io::Error) -> JournalError {
    let place = path.display();
    JournalError::Unavailable(match error.kind() {
        io::ErrorKind::NotFound => {
            let directory = path.parent().unwrap_or(path).display();
            format!("the directory of {place} is not there. Create it with `mkdir -p {directory}`")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => format!(
            "{place} may not be written ({error}). Give the user that runs fieldmedic the right to write \
             to the file and its directory"
        ),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("the disk that holds {place} is full. Free some space on it, then try again")
        }
        _ => format!("{place} cannot be opened: {error}"),
    })
}

/// Somebody else holds the database for the moment.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(result_code(error), Some(BUSY | LOCKED))
}

// SQLite's primary result codes, https://www.sqlite.org/rescode.html
const PERM: u32 = 3;
const BUSY: u32 = 5;
const LOCKED: u32 = 6;
const READONLY: u32 = 8;
const IOERR: u32 = 10;
const CORRUPT: u32 = 11;
const FULL: u32 = 13;
const CANTOPEN: u32 = 14;
const NOTADB: u32 = 26;

/// The primary code is the lowest byte of the extended one, which is what the driver gives.
fn result_code(error: &sqlx::Error) -> Option<u32> {
    if matches!(error, sqlx::Error::PoolTimedOut) {
        // The calls before this one wait for another process.
        return Some(BUSY);
    }
    let extended: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}
