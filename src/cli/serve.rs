//! `fieldmedic serve`: the daemon.

use crate::app;
use crate::app::daemon;
use crate::app::settings::LoadedConfig;
use crate::cli::output::ExitStatus;
use crate::cli::progress::Screen;
use crate::engine::{NoopObserver, Observer};
use crate::telemetry::announce::goes_to_log;
use clap::Args;
use miette::Result;
use std::sync::Arc;

/// The command line of `fieldmedic serve`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Maximum number of cases worked at once; a quarter of them may be about one system.
    #[arg(long, default_value_t = 64)]
    cases: usize,
}

/// Runs the daemon until Ctrl-C or SIGTERM; SIGHUP reloads the configuration. On a terminal, stderr shows the progress of the cases.
///
/// # Errors
/// If the prompts cannot be loaded, or the daemon cannot start.
pub(super) async fn run(settings: LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    // In a terminal people follow the cases line by line. Elsewhere the log tells of them.
    let observer: Arc<dyn Observer> = match goes_to_log() {
        true => Arc::new(NoopObserver),
        false => Arc::new(Screen::for_all(Arc::new(app::prompts(&settings.config)?))),
    };
    daemon::run(settings, arguments.cases, observer).await?;
    Ok(ExitStatus::Done)
}
