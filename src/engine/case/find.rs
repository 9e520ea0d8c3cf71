//! How far questions about other cases reach.

/// How many of the newest cases are asked about what goes on elsewhere.
pub(crate) const RECENT: u32 = 500;
