//! The playbooks that a case is pinned to.

use crate::core::ids::LibraryHash;
use crate::core::playbook::Library;
use crate::engine::context::Context;
use crate::library::{Files, load_recorded};
use crate::ports::JournalError;
use std::sync::Arc;

/// The playbooks with which a case began.
#[derive(Debug, Clone)]
pub enum PinnedLibrary {
    /// They are there and valid.
    Loaded(Arc<Library>),
    /// The journal does not hold them.
    Missing,
    /// The journal holds them, and this version cannot read them. The first problem, with its place.
    Unreadable(String),
}

impl PinnedLibrary {
    /// The playbooks, if they can be used.
    pub fn loaded(self) -> Option<Arc<Library>> {
        match self {
            PinnedLibrary::Loaded(library) => Some(library),
            PinnedLibrary::Missing | PinnedLibrary::Unreadable(_) => None,
        }
    }
}

/// The playbooks with this hash: those of now, or those that the journal kept.
///
/// # Errors
/// The journal cannot be used.
pub async fn pinned_library(context: &Context, hash: &LibraryHash) -> Result<PinnedLibrary, JournalError> {
    if *hash == context.library.hash {
        return Ok(PinnedLibrary::Loaded(Arc::clone(&context.library)));
    }
    let Some(files) = context.journal.library(hash).await? else { return Ok(PinnedLibrary::Missing) };
    Ok(match load_recorded(&Files::from_map(files)) {
        Ok(library) => PinnedLibrary::Loaded(Arc::new(library)),
        Err(problems) => {
            let first = problems.list().first();
            let first =
                first.map_or_else(String::new, |it| format!("{}:{}: {}", it.path, it.line, it.message));
            PinnedLibrary::Unreadable(context.redactor.text(&first).to_string())
        }
    })
}

/// The same for those who only show a case; `None` where the playbooks cannot be used.
///
/// # Errors
/// The journal cannot be used.
pub async fn library_of(context: &Context, hash: &LibraryHash) -> Result<Option<Arc<Library>>, JournalError> {
    Ok(pinned_library(context, hash).await?.loaded())
}
