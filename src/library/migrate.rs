//! Migration of playbooks and scenarios from format 0 (no `format` key) to format 1.
//!
//! Format 1 renames keys. The migration parses a file, decides for every scalar what it means at its
//! place, and edits the text by byte ranges. Everything else stays as it was: comments, order, quotes and
//! indentation. Before a result is returned, it is parsed again and compared with the original.
//!
//! ```text
//! migrate/files.rs    one file, or files together
//! migrate/types.rs    results and errors
//! migrate/kind.rs     what a file is for
//! migrate/names.rs    the table of renames
//! migrate/tree.rs     YAML text as a tree with byte ranges
//! migrate/plan.rs     which scalars change, by their place in the tree
//! migrate/variable.rs the variable with the backup, in scripts
//! migrate/edit.rs     the edits in the text, and the comparison afterwards
//! migrate/folder.rs   a folder on disk
//! migrate/write.rs    atomic replacement of several files
//! ```

mod edit;
mod files;
mod folder;
mod kind;
mod names;
mod plan;
mod tree;
mod types;
mod variable;
pub(crate) mod write;

pub use files::{migrate_file, migrate_files};
pub use folder::{FileReport, FolderError, FolderReport, migrate_dir};
pub use kind::FileKind;
pub(crate) use names::new_name_of;
pub use types::{Change, FORMAT, MigrateError, MigrateErrors, Migrated, MigratedFiles};
pub use write::WriteError;

#[cfg(test)]
mod tests;
