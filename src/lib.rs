//! Fieldmedic: an autonomous ticket-resolution agent. `docs/ARCHITECTURE.md` is the map.

pub mod core;
pub mod library;
pub mod ports;
pub mod render;
pub mod sandbox;
pub mod ssh;
