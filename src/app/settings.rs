//! The configuration file that a command works with.

use crate::config;
use crate::config::{Config, ConfigError};
use std::path::PathBuf;

/// A configuration and the file that it came from.
#[derive(Debug)]
pub struct LoadedConfig {
    pub config: Config,
    pub path: PathBuf,
}

/// Reads the configuration from this file, or from the first of the usual places that has one.
///
/// # Errors
/// [`ConfigError`] if there is none, or it is not valid.
pub fn read_config(path: Option<PathBuf>) -> Result<LoadedConfig, ConfigError> {
    let path = path.unwrap_or_else(|| {
        let paths = config::search_paths();
        let found = paths.iter().find(|path| path.exists()).or(paths.first());
        found.cloned().unwrap_or_default()
    });
    Ok(LoadedConfig { config: Config::read(&path)?, path })
}
