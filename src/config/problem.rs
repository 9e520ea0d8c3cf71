//! Why there is no configuration to work with.

use crate::config::migrate::BothNames;
use std::fmt;
use std::path::PathBuf;

/// Why a configuration cannot be used; every problem at once.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ConfigError {
    /// There is no file at the path.
    #[error("there is no configuration at {}", path.display())]
    #[diagnostic(help(
        "copy fieldmedic.example.toml there and fill it in, or name another file with --config"
    ))]
    Missing {
        /// The named file, or the first of those that are searched.
        path: PathBuf,
    },
    /// The file exists and cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    #[diagnostic(help("check the file's permissions, or name another file with --config"))]
    Unreadable {
        /// The path of the configuration.
        path: PathBuf,
        /// Why the operating system did not read it.
        error: std::io::Error,
    },
    /// The text is not TOML, or a value is missing or of a wrong type.
    #[error("{} is not a valid configuration\n\n{problem}", path.display())]
    #[diagnostic(help("fieldmedic.example.toml shows every key"))]
    Malformed {
        /// The path of the configuration.
        path: PathBuf,
        /// The parser's message, with the line if it has one.
        problem: String,
    },
    /// Some keys stand in their table by the old and by the new name.
    #[error("{} has keys by two names", path.display())]
    BothNames {
        /// The path of the configuration.
        path: PathBuf,
        /// All of these keys; never empty.
        #[related]
        keys: Vec<BothNames>,
    },
    /// Keys are unknown, values are wrong, or the playbooks do not fit.
    #[error("{}: {problems}", path.display())]
    Wrong {
        /// The path of the configuration.
        path: PathBuf,
        /// Every problem that was found; never empty.
        problems: ConfigProblems,
    },
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
