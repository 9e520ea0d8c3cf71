//! The configuration file that a command works with.

use crate::config::{Config, ConfigError, search_paths};
use crate::console::eprint;
use crate::telemetry::announce::goes_to_log;
use std::path::PathBuf;

/// A configuration and the file that it came from.
#[derive(Debug)]
pub struct LoadedConfig {
    /// The configuration, not yet checked against the playbooks.
    pub config: Config,
    /// The path of its file, as it was named or found.
    pub path: PathBuf,
}

/// Reads the configuration from this file, or from the first of the usual places that has one. Warns of each
/// key that has a new name.
///
/// # Errors
/// [`ConfigError`] if there is none, or it is not valid.
pub fn read_config(path: Option<PathBuf>) -> Result<LoadedConfig, ConfigError> {
    let path = config_path(path);
    let config = Config::read(&path)?;
    for renamed in &config.renamed {
        let text = format!("{}: {renamed}. `fieldmedic config migrate` renames it", path.display());
        match goes_to_log() {
            true => tracing::warn!("{text}"),
            false => eprint(&format!("warning: {text}")),
        }
    }
    Ok(LoadedConfig { config, path })
}

/// The file that was named, or the first that exists of those that are searched, or the first of them.
pub fn config_path(named: Option<PathBuf>) -> PathBuf {
    named.unwrap_or_else(|| {
        let paths = search_paths();
        let first = paths.first().cloned().unwrap_or_default();
        paths.into_iter().find(|path| path.exists()).unwrap_or(first)
    })
}
