//! `fieldmedic config`: the configuration file itself.

use crate::app::settings::config_path;
use crate::cli::output::ExitStatus;
use crate::config::migrate::migrate_config;
use crate::console::print;
use clap::{Args, Subcommand};
use miette::Result;
use std::path::PathBuf;

/// The command line of `fieldmedic config`.
#[derive(Debug, Subcommand)]
pub(super) enum Arguments {
    /// Renames the keys of earlier versions in the configuration.
    Migrate(Migrate),
}

/// The command line of `fieldmedic config migrate`.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// Show the changes, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Runs a command. The configuration is found as for every other command.
///
/// # Errors
/// If the file cannot be read, is not TOML, has a key by both of its names, or cannot be written.
pub(super) fn run(config: Option<PathBuf>, arguments: Arguments) -> Result<ExitStatus> {
    match arguments {
        Arguments::Migrate(Migrate { dry_run }) => {
            let report = migrate_config(&config_path(config), dry_run)?;
            print(&report.to_string());
            Ok(ExitStatus::Done)
        }
    }
}
