//! Why a call failed, before each adapter explains it in the words of its database.

use crate::ports::JournalError;

#[derive(Debug)]
pub(super) enum StoreError {
    Store(sqlx::Error),
    /// Known by the journal itself; said as it is.
    Said(JournalError),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        StoreError::Store(error)
    }
}

impl From<JournalError> for StoreError {
    fn from(error: JournalError) -> Self {
        StoreError::Said(error)
    }
}

pub(super) fn unreadable(what: String) -> StoreError {
    JournalError::Unreadable(what).into()
}
