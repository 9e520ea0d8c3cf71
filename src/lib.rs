//! Fieldmedic: an autonomous ticket-resolution agent. `docs/ARCHITECTURE.md` is the map.

pub mod core;
pub mod github;
pub mod ports;
pub mod sandbox;
pub mod web;
