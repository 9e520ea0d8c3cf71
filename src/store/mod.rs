//! Where the journal is kept. [`Sqlite`] needs nothing but a file; it is the only adapter so far.
//!
//! Nothing here can edit or delete a record, and no other folder names the database crate.

mod sqlite;
mod worker;

pub use sqlite::Sqlite;
pub use worker::worker_name;
