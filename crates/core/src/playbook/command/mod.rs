//! Commands: templates that a playbook's author wrote, and the commands they render to.
//!
//! A [`Command`] can only come from a [`Template`], and a template's text is fixed when the playbook is
//! loaded; the one question that the agent asks by itself is a constant. Values go in as whole, typed, quoted
//! words, or as environment variables of a script. No text of a ticket, a comment or an output can become
//! anything else.

pub mod envelope;
mod pattern;
mod quote;
mod rendered;
mod template;

pub use crate::playbook::command::pattern::{Binding, PatternPart, ValueShape};
pub(crate) use crate::playbook::command::quote::{always_quoted, escaped, take_word};
pub use crate::playbook::command::rendered::Command;
pub(crate) use crate::playbook::command::rendered::CommandForm;
pub use crate::playbook::command::template::{
    Piece, Template, TemplateError, TemplateSource, Unrenderable, Values,
};
