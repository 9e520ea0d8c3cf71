//! The playbooks that a configuration names.

use crate::config::{Config, PlaybooksEntry};
use crate::core::playbook::Library;
use crate::library::{self, Files, Problems};
use miette::Result;
use std::sync::{Arc, Mutex, PoisonError};

/// What was loaded last, and from what.
static LOADED: Mutex<Option<(Files, Arc<Library>)>> = Mutex::new(None);

/// The playbooks that a configuration names, or those in the binary.
///
/// # Errors
/// If the configured folder cannot be read, or holds no playbooks.
pub fn files(config: &Config) -> Result<Files> {
    Ok(match &config.playbooks {
        PlaybooksEntry::Alone(dir) => Files::from_dir(dir)?,
        PlaybooksEntry::Added(dirs) => {
            let mut files = Files::built_in();
            for dir in dirs {
                files = files.with(Files::from_dir(dir)?);
            }
            files
        }
    })
}

/// The library that a configuration names.
///
/// # Errors
/// As [`files`]; or [`Problems`] with everything that is wrong with the playbooks.
pub fn library(config: &Config) -> Result<Arc<Library>> {
    Ok(load_once(&files(config)?)?)
}

/// Loads a library, unless it was loaded from the same files just before. A command such as `host add` checks each draft
/// of the configuration against it, and loading takes longer than all else that such a check does.
pub(super) fn load_once(files: &Files) -> Result<Arc<Library>, Problems> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, library)) = loaded.as_ref().filter(|(known, _)| known == files) {
        return Ok(Arc::clone(library));
    }
    let library = Arc::new(library::load(files)?);
    *loaded = Some((files.clone(), Arc::clone(&library)));
    Ok(library)
}
