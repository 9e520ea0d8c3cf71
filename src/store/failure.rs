//! Why a call failed, before each adapter explains it in the words of its database.

use crate::ports::JournalError;

#[derive(Debug)]
pub(super) enum Failure {
    Store(sqlx::Error),
    /// Known by the journal itself; said as it is.
    Said(JournalError),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Failure::Store(error)
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Failure::Said(error)
    }
}

pub(super) fn unreadable(what: String) -> Failure {
    JournalError::Unreadable(what).into()
}
