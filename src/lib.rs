//! Fieldmedic: an autonomous ticket-resolution agent. `docs/ARCHITECTURE.md` is the map.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod core;
pub mod engine;
pub mod github;
pub mod library;
pub mod ports;
pub mod render;
pub mod sandbox;
pub mod scenario;
pub mod ssh;
pub mod store;
pub mod web;
