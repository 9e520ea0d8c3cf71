//! Fieldmedic: an autonomous ticket-resolution agent. `docs/ARCHITECTURE.md` is the map.

// Tests may use the clock, files and processes of this machine.
#![cfg_attr(test, allow(clippy::disallowed_methods))]
// A test fails where there is nothing; clippy.toml allows it to index, and has no word for slices of text.
#![cfg_attr(test, allow(clippy::string_slice))]

pub mod alerts;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod dashboard;
pub mod engine;
pub mod github;
pub mod http_client;
pub mod library;
pub mod mcp;
pub mod notices;
pub mod reader;
pub mod render;
pub mod scenario;
pub mod ssh;
pub mod store;
pub mod telemetry;
pub mod web;

pub use fieldmedic_core as core;
pub use fieldmedic_ports as ports;
pub use fieldmedic_sandbox as sandbox;
