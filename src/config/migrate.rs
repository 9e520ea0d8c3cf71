//! Renamed keys of `fieldmedic.toml`: old files are still read, with a warning for each old key, and
//! [`migrate_config`] rewrites a file.
//!
//! Both work on the text, by byte ranges. Comments, order and spacing stay, and an error in a value is
//! reported at the line that the author wrote.
//!
//! ```text
//! migrate/keys.rs     the table of renamed keys, and hints for unknown ones
//! migrate/rewrite.rs  the edits in the text
//! migrate/file.rs     a text or a file as a whole
//! migrate/report.rs   results and errors
//! ```

mod file;
mod keys;
mod report;
mod rewrite;

pub use file::{migrate_config, upgrade};
pub use keys::unknown_key;
pub use report::{BothNames, ChangedLine, ConfigReport, MigrateConfigError, Renamed, Upgraded};

#[cfg(test)]
mod tests;
