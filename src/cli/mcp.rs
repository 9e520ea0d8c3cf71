//! `fieldmedic mcp`: answers the questions of an assistant by the functions that the command line calls.
//!
//! The journal is opened so that the database itself refuses to write, and the dry run has neither permits nor a
//! forge that writes. Orders (approve, deny, pause, resolve) are no questions, and stay in the ticket or the terminal.

use crate::app;
use crate::app::settings::LoadedConfig;
use crate::app::signals::stop_on_signal;
use crate::cli::explain::explained;
use crate::cli::output::ExitStatus;
use crate::cli::{case, diagnose, resolve, status};
use crate::console::redact_value;
use crate::mcp::{Answers, Question, serve};
use async_trait::async_trait;
use miette::{IntoDiagnostic, Report, Result};
use serde_json::Value;
use std::sync::Arc;

/// Answers over stdin and stdout until the client closes its end, or somebody stops it.
///
/// # Errors
/// If the client does not speak the protocol.
pub(super) async fn run(settings: LoadedConfig) -> Result<ExitStatus> {
    let redactor = Arc::new(app::redactor(&settings.config));
    let stop = stop_on_signal();
    tokio::select! {
        served = serve(Arc::new(FromConfig { settings }), redactor) => served.into_diagnostic()?,
        () = stop.requested() => {}
    }
    Ok(ExitStatus::Done)
}

/// Answers about what a configuration names.
struct FromConfig {
    settings: LoadedConfig,
}

#[async_trait]
impl Answers for FromConfig {
    async fn answer(&self, question: Question) -> Result<String, String> {
        let settings = &self.settings;
        let answer = match question {
            Question::Status => status::now(settings).await.and_then(as_text),
            Question::Diagnose { system } => {
                diagnose::look(settings, &system).await.map(|look| look.brief()).and_then(as_text)
            }
            Question::Explain { playbook } => explain(settings, &playbook),
            Question::CaseShow { case } => show(settings, &case).await,
            Question::DryRun { issue } => resolve::dry_run(settings, &issue).await.and_then(as_text),
        };
        answer.map_err(|error| in_words(&error))
    }
}

fn explain(settings: &LoadedConfig, name: &str) -> Result<String> {
    let library = app::library(&settings.config)?;
    explained(&library, name)
}

async fn show(settings: &LoadedConfig, case: &str) -> Result<String> {
    let journal = app::open_journal_to_read(settings).await?;
    case::told(&*journal, &app::prompts(&settings.config)?, case).await
}

fn as_text(value: Value) -> Result<String> {
    serde_json::to_string_pretty(&redact_value(value)).into_diagnostic()
}

/// An error with its cause and the next step, on a line each.
fn in_words(error: &Report) -> String {
    let mut lines: Vec<String> = error.chain().map(ToString::to_string).collect();
    lines.dedup();
    lines.extend(error.help().map(|help| help.to_string()));
    lines.join("\n")
}
