//! Payloads: what the journal stores, in types of their own. A rename in the domain does not change them, so
//! a record that was written once stays readable. They are those of record version 3; `upcast` brings what
//! older versions wrote to this form.

mod change;
mod convert;
mod detail;
mod envelope;
mod event;
mod evidence;
mod outcome;
mod plan;
mod published;
mod signal;
mod ticket;
mod triage;

pub use crate::case::payload::envelope::{decode_outcome, decode_pause, decode_signal};
pub use crate::case::payload::envelope::{encode_outcome, encode_pause, encode_signal};
pub use crate::case::payload::event::{decode_event, encode_event};

/// Why something that is stored cannot be read. To try again cannot help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// It cannot be brought to the form of this version.
    #[error(transparent)]
    Upcast(#[from] crate::case::upcast::UpcastError),
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
