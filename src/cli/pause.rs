//! `fieldmedic pause` and `resume`: pause all changes, in every process that shares the journal.

#![expect(clippy::disallowed_methods, reason = "records who pauses at this terminal, and when")]

use crate::app;
use crate::app::settings::LoadedConfig;
use crate::cli::output::ExitStatus;
use crate::console::print;
use crate::core::policy::permit::Pause;
use crate::core::text::format::format_minute;
use chrono::Utc;
use clap::Args;
use miette::{IntoDiagnostic, Result};

#[derive(Debug, Args)]
pub struct Arguments {
    /// Reason, which the status comments show.
    #[arg(long, default_value = "")]
    why: String,
}

pub async fn pause(settings: &LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    let journal = app::open_journal(settings).await?;
    let by = terminal_user();
    let why = app::redactor(&settings.config).text(arguments.why.trim());
    journal.set_pause(Some(&Pause { by, at: Utc::now(), why })).await.into_diagnostic()?;
    print("paused: no change is started any more. Probes continue; `fieldmedic resume` ends the pause");
    Ok(ExitStatus::Done)
}

pub async fn resume(settings: &LoadedConfig) -> Result<ExitStatus> {
    let journal = app::open_journal(settings).await?;
    match journal.pause_state().await.into_diagnostic()? {
        Some(pause) => {
            journal.set_pause(None).await.into_diagnostic()?;
            print(&format!("resumed; paused by {}", describe(&pause)));
        }
        None => print("changes were not paused"),
    }
    Ok(ExitStatus::Done)
}

/// The user at the terminal.
pub(super) fn terminal_user() -> String {
    let user = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    user.unwrap_or_else(|| "unknown user at the terminal".into())
}

/// Who paused changes, when and why.
pub(super) fn describe(pause: &Pause) -> String {
    let why = if pause.why.as_str().is_empty() { String::new() } else { format!(": {}", pause.why) };
    format!("{} since {}{why}", pause.by, format_minute(pause.at))
}
