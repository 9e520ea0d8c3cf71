//! `fieldmedic resolve`: one ticket, now.

#![expect(clippy::disallowed_methods, reason = "reads FIELDMEDIC_PROGRESS")]

use crate::app::{Application, RunMode};
use crate::cli::progress::Screen;
use crate::cli::{ExitStatus, Format, LoadedConfig, eprint, print, print_json};
use crate::core::case::event::Source;
use crate::core::case::outcome::Outcome;
use crate::core::case::{Case, Stage};
use crate::core::ticket::{Repo, TicketId};
use crate::core::view::report::report;
use crate::engine::{CaseError, apply_pause_label, library_of, open_case, run_case_waiting};
use crate::ports::OpenResult;
use clap::Args;
use miette::{IntoDiagnostic, Result, bail, miette};
use serde_json::json;
use std::io::IsTerminal;
use std::sync::Arc;

#[derive(Debug, Args)]
pub struct Arguments {
    /// `owner/name#12`, the issue's URL, or its number if one repository is configured.
    issue: String,
    /// Look and plan only: nothing is changed, and nothing is written on GitHub or in the journal.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    format: Format,
}

pub async fn run(setting: &LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    let id = address(&arguments.issue, &setting.config.github.repos)?;
    let manner = if arguments.dry_run { RunMode::DryRun } else { RunMode::Live };
    let mut app = Application::build(setting, manner).await?;
    if std::io::stderr().is_terminal() || std::env::var_os("FIELDMEDIC_PROGRESS").is_some() {
        app.context.observer = Arc::new(Screen::for_one());
    }
    let agent = &app.context;
    let ticket = agent.forge.ticket(&id).await.map_err(|error| miette!("{error}"))?;
    let key = format!("terminal {id} {}", agent.clock.now().timestamp_micros());
    let case = match open_case(agent, ticket.clone(), Source::Terminal, &key).await.into_diagnostic()? {
        OpenResult::Opened(case) => case,
        OpenResult::Running(case) => {
            eprint(&format!("· case {case} is open for this ticket; going on with it"));
            apply_pause_label(agent, &ticket).await.into_diagnostic()?;
            case
        }
        OpenResult::Duplicate => bail!("this run of `resolve` was taken in before; run it again"),
    };
    let stop = crate::app::stop_on_signal();
    let case = match run_case_waiting(agent, &case, &stop).await {
        Ok(case) => case,
        Err(CaseError::Claimed) => {
            bail!("another fieldmedic is working on case {case}; `fieldmedic case show {case}` follows it")
        }
        Err(error) => return Err(error).into_diagnostic(),
    };
    finish(&app, &case, arguments.format).await
}

async fn finish(app: &Application, case: &Case, format: Format) -> Result<ExitStatus> {
    let library = library_of(&app.context, &case.library).await.into_diagnostic()?;
    let library = library.unwrap_or_else(|| app.context.library.clone());
    let report = report(case, &library);
    if format.json {
        print_json(&report)?;
    } else if report.question.is_some() {
        let data = json!({ "report": report, "command": app.context.forge_settings.command, "people": "" });
        print(&app.context.prompts.fill("approval.md", data));
    } else {
        let answer = crate::engine::answer(case, &library).and_then(Result::ok);
        print(
            &app.context
                .prompts
                .fill("report.md", json!({ "report": report, "answer": answer, "earlier": null })),
        );
    }
    if let Some(asked) = &case.pending_approval {
        let (id, plan) = (&case.id, asked.plan.short_id());
        eprint(&format!("waiting for a yes: `fieldmedic case approve {id} {plan}`, or the comment above"));
        return Ok(ExitStatus::Waiting);
    }
    if case.stage != Stage::Ended {
        eprint(&format!("stopped; `fieldmedic resolve {}` goes on where it stands", case.ticket.id));
        return Ok(ExitStatus::Failed);
    }
    Ok(match &case.outcome {
        Some(Outcome::Resolved | Outcome::Answered { .. } | Outcome::Healthy) => ExitStatus::Done,
        Some(Outcome::Escalated(_)) => ExitStatus::NeedsPerson,
        Some(Outcome::Declined { .. } | Outcome::Cancelled) => ExitStatus::Declined,
        None => ExitStatus::Failed,
    })
}

/// The ticket that a person means.
fn address(text: &str, repos: &[Repo]) -> Result<TicketId> {
    let number = text.strip_prefix('#').unwrap_or(text).parse::<u64>();
    match (number, repos) {
        (Ok(number), [repo]) => Ok(TicketId { repo: repo.clone(), number }),
        (Ok(number), _) => bail!("several repositories are configured: write {}#{number}", repos[0]),
        (Err(_), _) => text.parse().into_diagnostic(),
    }
}
