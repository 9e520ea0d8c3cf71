//! Why there is no configuration to work with.

use crate::config::migrate::BothNames;
use std::fmt;
use std::path::PathBuf;

/// Why a configuration cannot be used; every problem at once.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ConfigError {
    #[error("there is no configuration at {}", path.display())]
    #[diagnostic(help(
        "copy fieldmedic.example.toml there and fill it in, or name another file with --config"
    ))]
    Missing { path: PathBuf },
    #[error("cannot read {}: {error}", path.display())]
    #[diagnostic(help("check the file's permissions, or name another file with --config"))]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("{} is not a valid configuration\n\n{problem}", path.display())]
    #[diagnostic(help("fieldmedic.example.toml shows every key"))]
    Malformed { path: PathBuf, problem: String },
    #[error("{} has keys by two names", path.display())]
    BothNames {
        path: PathBuf,
        #[related]
        keys: Vec<BothNames>,
    },
    #[error("{}: {problems}", path.display())]
    Wrong { path: PathBuf, problems: ConfigProblems },
}

/// Keys that are unknown, or have wrong values.
#[derive(Debug)]
pub struct ConfigProblems(pub(super) Vec<String>);

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            write!(f, "\n  - {problem}")?;
        }
        Ok(())
    }
}
