//! `fieldmedic operations-log`: writes the operations log now.

#![expect(clippy::disallowed_methods, reason = "dates the log")]

use crate::app;
use crate::app::ProbeSetup;
use crate::app::operations_log::OperationsLogFile;
use crate::app::settings::LoadedConfig;
use crate::cli::output::ExitStatus;
use crate::console::print;
use crate::engine::LogUpdate;
use chrono::Utc;
use clap::Args;
use miette::{Result, miette};

/// The command line of `fieldmedic operations-log`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Make all entries anew from the journal. Entries of archived cases stay.
    #[arg(long)]
    rebuild: bool,
}

/// Brings the file of the log up to date. No host and no GitHub is contacted.
///
/// # Errors
/// If no file is configured, or the journal or the file cannot be used.
pub(super) async fn run(settings: &LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    let config = &settings.config;
    let entry = config.operations_log.as_ref().ok_or_else(|| {
        miette!(
            help = "add a section [operations_log] with path = \"operations-log.md\" to the configuration",
            "no operations log is configured"
        )
    })?;
    let setup = ProbeSetup::build(settings)?;
    let journal = app::open_journal(settings).await?;
    let file = OperationsLogFile { path: entry.path.clone(), retention: entry.retention() };
    let update = if arguments.rebuild { LogUpdate::Everything } else { LogUpdate::Newer };
    let words = (&app::prompts(config)?, &*setup.runner.redactor);
    let (written, entries) = file.write((&*journal, &setup.library), words, update, Utc::now()).await?;
    print(&format!("{} has {entries} entries; {written} were written now", file.path.display()));
    Ok(ExitStatus::Done)
}
