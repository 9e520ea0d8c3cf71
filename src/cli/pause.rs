//! `fieldmedic pause` and `resume`: a halt to all changes, for every process that shares the journal.

use super::{Ending, Setting, print};
use crate::app;
use crate::core::moment::minute;
use crate::core::policy::Pause;
use chrono::Utc;
use clap::Args;
use miette::{IntoDiagnostic, Result};

#[derive(Debug, Args)]
pub struct Arguments {
    /// Why, for those who read the tickets.
    #[arg(long, default_value = "")]
    why: String,
}

pub async fn pause(setting: &Setting, arguments: Arguments) -> Result<Ending> {
    let journal = app::open_journal(setting).await?;
    let by = somebody();
    let why = app::redactor(&setting.config).text(arguments.why.trim());
    journal.set_pause(Some(&Pause { by, at: Utc::now(), why })).await.into_diagnostic()?;
    print(
        "paused: nothing is changed any more, except what has begun. Looks go on; `fieldmedic resume` lifts it",
    );
    Ok(Ending::Done)
}

pub async fn resume(setting: &Setting) -> Result<Ending> {
    let journal = app::open_journal(setting).await?;
    match journal.pause().await.into_diagnostic()? {
        Some(pause) => {
            journal.set_pause(None).await.into_diagnostic()?;
            print(&format!("the halt of {} is lifted", told(&pause)));
        }
        None => print("it was not paused"),
    }
    Ok(Ending::Done)
}

/// Who sits at the terminal.
pub(super) fn somebody() -> String {
    let user = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    user.unwrap_or_else(|| "somebody at the terminal".into())
}

/// Who called a halt, when and why.
pub(super) fn told(pause: &Pause) -> String {
    let why = if pause.why.as_str().is_empty() { String::new() } else { format!(": {}", pause.why) };
    format!("{} since {}{why}", pause.by, minute(pause.at))
}
