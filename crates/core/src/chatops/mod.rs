//! Chat commands: what a person asks for in a comment, and what is done about it.
//!
//! The way of a comment: `locate` finds the command, `parse` reads it, `access` says who may give it, and
//! `decide` says what is done, as a list of effects. The engine loads what `decide` needs, once, and performs
//! the effects.
//!
//! - `command`: the commands that there are.
//! - `arguments`: the values that a person gives to a playbook.
//! - `menu`: the playbooks that can be run on a system.
//! - `reply`: the answers.
//! - `scope`: what a command lets a case do.

pub mod access;
pub mod arguments;
pub mod command;
pub mod decide;
pub mod locate;
pub mod menu;
pub mod parse;
pub mod reply;
pub mod scope;

pub use crate::chatops::arguments::{ArgumentError, parse_arguments};
pub use crate::chatops::command::{ChatCommand, CommandName, CommandRequest, ParseError, RunRequest};
pub use crate::chatops::parse::command;
