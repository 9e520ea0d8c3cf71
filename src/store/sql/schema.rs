//! What migrations have in common: which of them a journal lacks, and which journals are refused.

use crate::ports::JournalError;
use crate::store::error::StoreError;

/// The migrations that a journal of this version lacks, in their order. Each leads from the version before
/// it to its own number.
///
/// # Errors
/// The journal is of a later version than these.
pub(in crate::store) fn missing<'a>(
    migrations: &'a [&'static str],
    version: i64,
    place: &str,
) -> Result<&'a [&'static str], StoreError> {
    let missing = usize::try_from(version).ok().and_then(|version| migrations.get(version..));
    missing.ok_or_else(|| {
        refuse(format!(
            "{place} was written by a later version of fieldmedic. Run that version, or a later one"
        ))
    })
}

/// Whether a journal of this version can be read as it is.
///
/// # Errors
/// The journal is of a later version than these, or of an earlier one.
pub(in crate::store) fn is_current(
    migrations: &[&'static str],
    version: i64,
    place: &str,
) -> Result<(), StoreError> {
    match missing(migrations, version, place)? {
        [] => Ok(()),
        _ => Err(refuse(format!(
            "{place} was written by an earlier version of fieldmedic, and to look does not upgrade it. \
             `fieldmedic case list` does"
        ))),
    }
}

/// There is no journal to read at this place.
pub(in crate::store) fn absent(place: &str) -> JournalError {
    JournalError::Unavailable(format!(
        "there is no journal {place} yet. `fieldmedic serve` makes it, and so does the first `resolve` or `sweep`"
    ))
}

/// The journal cannot be opened.
pub(in crate::store) fn refuse(why: String) -> StoreError {
    JournalError::Unavailable(why).into()
}
