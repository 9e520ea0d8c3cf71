//! Payloads: what the journal stores, in types of their own. A rename in the domain does not change them, so
//! a record that was written once stays readable. They are those of record version 3; `upcast` brings what
//! older versions wrote to this form.

mod change;
mod convert;
mod detail;
mod envelope;
mod error;
mod event;
mod evidence;
mod outcome;
mod plan;
mod published;
mod reading;
mod signal;
mod ticket;
mod triage;

pub use crate::case::payload::envelope::{decode_outcome, decode_pause_order, decode_signal};
pub use crate::case::payload::envelope::{encode_outcome, encode_pause_order, encode_signal};
pub use crate::case::payload::error::PayloadError;
pub use crate::case::payload::event::{decode_event, encode_event};
