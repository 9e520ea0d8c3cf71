//! `fieldmedic pause` and `resume`: pause all changes, in every process that shares the journal.

#![expect(clippy::disallowed_methods, reason = "records who pauses at this terminal, and when")]

use crate::app;
use crate::app::settings::LoadedConfig;
use crate::cli::output::ExitStatus;
use crate::console::print;
use crate::core::policy::pause_order::{PauseOrder, PauseOrderKind, PauseOrigin};
use crate::core::policy::permit::Pause;
use crate::core::text::format::format_minute;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use miette::{IntoDiagnostic, Result, bail};

/// The command line of `fieldmedic pause`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Reason, which the status comments show.
    #[arg(long, default_value = "")]
    why: String,
}

/// Pauses all changes, in the name of the user at the terminal.
///
/// # Errors
/// If the journal cannot be used.
pub(super) async fn pause(settings: &LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    let journal = app::open_journal(settings).await?;
    let why = app::redactor(&settings.config).text(arguments.why.trim());
    let order = order(PauseOrderKind::Pause { why }, journal.pause_order().await.into_diagnostic()?);
    journal.order_pause(&order).await.into_diagnostic()?;
    print("paused: no change is started any more. Probes continue; `fieldmedic resume` ends the pause");
    Ok(ExitStatus::Done)
}

/// Ends the pause and prints who had ordered it. Without a pause, nothing is changed.
///
/// # Errors
/// If the journal cannot be used, or somebody pauses changes again at the same moment.
pub(super) async fn resume(settings: &LoadedConfig) -> Result<ExitStatus> {
    let journal = app::open_journal(settings).await?;
    let standing = journal.pause_order().await.into_diagnostic()?;
    let Some(pause) = standing.as_ref().and_then(PauseOrder::pause) else {
        print("changes were not paused");
        return Ok(ExitStatus::Done);
    };
    if !journal.order_pause(&order(PauseOrderKind::Resume, standing)).await.into_diagnostic()? {
        bail!("somebody paused changes again at this moment; `fieldmedic resume` resumes them");
    }
    print(&format!("resumed; paused by {}", describe(&pause)));
    Ok(ExitStatus::Done)
}

/// An order of the person at the terminal, who sees the one that stands: it comes after that one, even if this
/// machine's clock is behind GitHub's.
fn order(kind: PauseOrderKind, standing: Option<PauseOrder>) -> PauseOrder {
    let after = standing.map_or(DateTime::UNIX_EPOCH, |standing| standing.given_at + TimeDelta::seconds(1));
    PauseOrder { by: terminal_user(), given_at: Utc::now().max(after), origin: PauseOrigin::Terminal, kind }
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
