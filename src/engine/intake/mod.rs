//! Intake: how tickets and comments become cases.

pub(crate) mod feedback;
pub(crate) mod open;
pub(crate) mod poll;
pub(crate) mod redeliver;
