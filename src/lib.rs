//! Fieldmedic: an autonomous ticket-resolution agent. `docs/ARCHITECTURE.md` is the map.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod engine;
pub mod github;
pub mod library;
pub mod render;
pub mod scenario;
pub mod ssh;
pub mod store;
pub mod telemetry;
pub mod web;

pub use fieldmedic_core as core;
pub use fieldmedic_ports as ports;
pub use fieldmedic_sandbox as sandbox;
