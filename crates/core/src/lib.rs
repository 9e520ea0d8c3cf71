//! The pure core: what a ticket says, what the evidence means, and what to do next.
//!
//! Nothing here waits, reads a clock, touches a file or panics. The only foreign types are value
//! libraries: `serde_json::Value`, `regex`, `minijinja` expressions, `chrono` times.
//!
//! The folders follow the work on a ticket: `ticket`, `chatops`, `playbook`, `diagnosis`, `policy`, `case`,
//! `decide`, `view`, `notice`. `ids`, `text` and `expr` serve all of them; `gate` is the host's own check.

#![cfg_attr(test, allow(clippy::string_slice))]

pub mod case;
pub mod chatops;
pub mod decide;
pub mod diagnosis;
pub mod expr;
pub mod gate;
pub mod ids;
pub mod measurement;
pub mod notice;
pub mod playbook;
pub mod policy;
pub mod reading;
pub mod text;
pub mod ticket;
pub mod view;
