//! Notices: from what happened to messages of channels.
//!
//! - `collect`: looks through the journal for what people are to be told, and queues it.
//! - `compose`: puts a message in words.
//! - `courier`: sends what one channel has waiting.
//!
//! Cases know nothing of this, so no channel holds up a case. What is queued is in the store, and outlives the process.

pub(crate) mod collect;
pub(crate) mod compose;
pub(crate) mod courier;
