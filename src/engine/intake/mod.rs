//! Intake: how tickets and comments become cases, in whatever way they come in.
//!
//! - `poll` and the webhook's inbox bring issues and comments; `redeliver` asks for what a webhook missed.
//! - `alert` takes in what monitors send.
//! - `issue` decides about an issue, `comment` about a comment, `feedback` about answers to a close.
//! - `cases` loads the cases of a ticket, once.
//! - `open` opens a case.

pub(crate) mod alert;
pub(crate) mod cases;
pub(crate) mod comment;
pub(crate) mod feedback;
pub(crate) mod issue;
pub(crate) mod open;
pub(crate) mod poll;
pub(crate) mod redeliver;
