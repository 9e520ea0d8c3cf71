//! Where the journal is kept: [`Sqlite`] needs nothing but a file, [`Postgres`] lets several replicas
//! share one journal.
//!
//! Nothing here can edit or delete a record, and no other folder names the database crate.

mod column;
mod failure;
mod postgres;
mod sqlite;
mod stored;
mod summary;
mod worker;

pub use postgres::{Address, AddressError, Postgres};
pub use sqlite::Sqlite;
pub use worker::worker_name;
