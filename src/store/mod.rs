//! Where the journal is kept: [`Sqlite`] needs nothing but a file, [`Postgres`] lets several replicas
//! share one journal.
//!
//! Nothing here can edit or delete a record, and no other folder names the database crate.

mod case_index;
mod codec;
mod error;
mod postgres;
mod row;
mod sql;
mod sqlite;
mod worker;

pub use crate::store::postgres::{Address, AddressError, Postgres};
pub use crate::store::sqlite::Sqlite;
pub use crate::store::worker::worker_name;
