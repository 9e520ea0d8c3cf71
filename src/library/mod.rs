//! From YAML files to a [`Library`](crate::core::playbook::Library) of playbooks.
//!
//! ```text
//! files.rs      the texts: built in, from a folder, or recorded in a journal
//! load.rs       from texts to a library; every problem at once, each with its place and a hint
//! format.rs     the format that a `system.yaml` declares
//! decode.rs     one file, field by field
//! system.rs     `system.yaml`; param.rs its parameters, sudo_list.rs its list `sudo`,
//!               optional.rs optional ones in commands, series.rs what is kept of facts over time
//! extends.rs    what a system type has from those that it extends
//! fault.rs      a playbook of a fault; request.rs one of a request; operation.rs one of an operation
//!               independence.rs which faults have nothing to do with each other
//! symptom.rs    a symptom
//! backup.rs     the shell text around a step that makes a backup
//! page.rs       the page about a system type, for people
//! forbidden.rs  commands that no playbook may contain
//! schema.rs     the JSON Schemas of the files, for editors; schema/ their keys and values
//! migrate.rs    rewrites files of format 0
//! ```

mod backup;
mod decode;
mod extends;
mod fault;
mod files;
mod forbidden;
mod format;
mod independence;
mod load;
pub mod migrate;
mod node;
mod operation;
mod optional;
mod page;
mod param;
mod problem;
mod request;
pub mod schema;
mod series;
mod sudo_list;
mod symptom;
mod system;

pub use crate::library::files::{Files, FilesError};
pub use crate::library::load::{load, load_recorded};
pub(crate) use crate::library::node::options as yaml;
pub use crate::library::page::page;
pub use crate::library::problem::{Problem, Problems};
