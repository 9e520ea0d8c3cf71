//! `fieldmedic pause` and `resume`: a halt to all changes, for every process that shares the journal.

#![expect(clippy::disallowed_methods, reason = "records who pauses at this terminal, and when")]

use crate::app;
use crate::cli::{ExitStatus, LoadedConfig, print};
use crate::core::policy::permit::Pause;
use crate::core::text::format::format_minute;
use chrono::Utc;
use clap::Args;
use miette::{IntoDiagnostic, Result};

#[derive(Debug, Args)]
pub struct Arguments {
    /// Why, for those who read the tickets.
    #[arg(long, default_value = "")]
    why: String,
}

pub async fn pause(setting: &LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    let journal = app::open_journal(setting).await?;
    let by = somebody();
    let why = app::redactor(&setting.config).text(arguments.why.trim());
    journal.set_pause(Some(&Pause { by, at: Utc::now(), why })).await.into_diagnostic()?;
    print(
        "paused: nothing is changed any more, except what has begun. Looks go on; `fieldmedic resume` lifts it",
    );
    Ok(ExitStatus::Done)
}

pub async fn resume(setting: &LoadedConfig) -> Result<ExitStatus> {
    let journal = app::open_journal(setting).await?;
    match journal.pause_state().await.into_diagnostic()? {
        Some(pause) => {
            journal.set_pause(None).await.into_diagnostic()?;
            print(&format!("the halt of {} is lifted", told(&pause)));
        }
        None => print("it was not paused"),
    }
    Ok(ExitStatus::Done)
}

/// Who sits at the terminal.
pub(super) fn somebody() -> String {
    let user = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    user.unwrap_or_else(|| "somebody at the terminal".into())
}

/// Who called a halt, when and why.
pub(super) fn told(pause: &Pause) -> String {
    let why = if pause.why.as_str().is_empty() { String::new() } else { format!(": {}", pause.why) };
    format!("{} since {}{why}", pause.by, format_minute(pause.at))
}
