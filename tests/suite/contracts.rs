//! What every adapter of a port has promised, as tests that know only the port.

pub mod events;
#[macro_use]
mod store;
mod postgres;
mod sqlite;
