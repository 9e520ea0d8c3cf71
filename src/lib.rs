//! Fieldmedic: an autonomous ticket-resolution agent. `docs/ARCHITECTURE.md` is the map.

pub mod clock;
pub mod core;
pub mod ports;
pub mod store;
