//! Why a payload cannot be read or written.

use crate::case::upcast::UpcastError;

/// Why something that is stored cannot be read. To try again cannot help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// It cannot be brought to the form of this version.
    #[error(transparent)]
    Upcast(#[from] UpcastError),
    /// It is not JSON of the form that its version has.
    #[error("it does not have the form of version {version}: {why}")]
    Malformed {
        /// The version that it says it has.
        version: u32,
        /// What the decoder says.
        why: String,
    },
    /// It cannot be written as JSON.
    #[error("it cannot be written as JSON: {0}")]
    Unwritable(String),
}
