//! What both databases do in the same way: the statements, how rows are read, and the rules about what is
//! held by whom and until when.
//!
//! [`connection`] is what the rest runs on. [`dialect`] lists the statements that differ.

pub(in crate::store) mod archive;
pub(in crate::store) mod case_index;
pub(in crate::store) mod connection;
pub(in crate::store) mod cursors;
pub(in crate::store) mod dialect;
pub(in crate::store) mod event;
pub(in crate::store) mod inbox;
pub(in crate::store) mod kv;
pub(in crate::store) mod leases;
pub(in crate::store) mod measurements;
pub(in crate::store) mod notices;
pub(in crate::store) mod overview;
pub(in crate::store) mod records;
pub(in crate::store) mod runs;
pub(in crate::store) mod schema;
pub(in crate::store) mod statistics;
