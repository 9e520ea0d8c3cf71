//! The pure core: what a case is, what the evidence means, and what to do next.
//!
//! Nothing here waits, reads a clock, touches a file or can fail at run time in a way that is not a
//! value. The only foreign types are value libraries: `serde_json::Value`, `regex`, `minijinja`
//! expressions, `chrono` times.

pub mod action;
pub mod budget;
pub mod case;
pub mod command;
pub mod decide;
pub mod diagnosis;
pub mod errand;
pub mod event;
pub mod evidence;
pub mod explain;
pub mod expr;
pub mod form;
pub mod freeze;
pub mod gate;
pub mod history;
pub mod inventory;
pub mod letter;
pub mod moment;
pub mod name;
pub mod near;
pub mod objection;
pub mod outcome;
pub mod playbook;
pub mod policy;
pub mod reading;
pub mod redact;
pub mod remedy;
pub mod reply;
pub mod report;
pub mod rhythm;
pub mod rights;
pub mod slash;
pub mod ticket;
pub mod triage;
pub mod value;
pub mod verification;
pub mod visible;
pub mod word;
