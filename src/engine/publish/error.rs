//! Why something was not published.

use crate::ports::{ForgeError, JournalError};

/// Why something was not published. Each variant names its own cause.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    /// The forge did not take it.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// What was to be published could not be read from the journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Another replica is about to publish the same.
    #[error("another replica is publishing this right now")]
    Elsewhere,
}

impl PublishError {
    /// Trying again cannot help. `is_believed`: it was refused for long enough.
    pub(crate) fn is_final(&self, is_believed: bool) -> bool {
        match self {
            PublishError::Forge(error) => error.is_final(is_believed),
            PublishError::Journal(_) | PublishError::Elsewhere => false,
        }
    }
}
