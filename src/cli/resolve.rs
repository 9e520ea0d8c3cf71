//! `fieldmedic resolve`: one ticket, now.

#![expect(clippy::disallowed_methods, reason = "reads FIELDMEDIC_PROGRESS")]

use crate::app::settings::LoadedConfig;
use crate::app::signals::stop_with_terminal;
use crate::app::{Application, RunMode};
use crate::cli::output::{ExitStatus, Format};
use crate::cli::progress::Screen;
use crate::console::{eprint, print, print_json};
use crate::core::case::detail::Detail;
use crate::core::case::event::Source;
use crate::core::case::outcome::{Escalation, Outcome};
use crate::core::case::{Case, Stage};
use crate::core::playbook::Library;
use crate::core::policy::refusal::NotPermitted;
use crate::core::text::format::format_minute;
use crate::core::ticket::{Repo, TicketId};
use crate::core::view::report::report;
use crate::engine::{
    CaseError, Context, NoopObserver, Shutdown, apply_pause_label, library_of, open_case, run_case_waiting,
};
use crate::ports::OpenResult;
use crate::render::terminal::{Folded, plain};
use clap::Args;
use miette::{IntoDiagnostic, Result, bail, miette};
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::sync::Arc;

/// The command line of `fieldmedic resolve`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// `owner/name#12`, the URL of the issue, or its number if one repository is configured.
    issue: String,
    /// Probe and plan only. Nothing is changed, published or written to the journal.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    format: Format,
}

/// Works the open case of a ticket, or a new one, until it ends or waits for approval, and prints the report.
/// The status follows from the outcome.
///
/// # Errors
/// If the ticket cannot be read, another process works the case, or the journal cannot be used.
pub(super) async fn run(settings: &LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    let id = address(&arguments.issue, &settings.config.github.repos)?;
    let mode = if arguments.dry_run { RunMode::DryRun } else { RunMode::Live };
    let mut app = Application::build(settings, mode).await?;
    let is_followed = std::io::stderr().is_terminal() || std::env::var_os("FIELDMEDIC_PROGRESS").is_some();
    let prompts = app.context.prompts.clone();
    app.context.observer =
        Arc::new(if is_followed { Screen::for_one(prompts) } else { Screen::for_waits(prompts) });
    let context = &app.context;
    let ticket = context.forge.ticket(&id).await.map_err(|error| miette!("{error}"))?;
    let key = format!("terminal {id} {}", context.clock.now().timestamp_micros());
    let case = match open_case(context, ticket.clone(), Source::Terminal, &key).await.into_diagnostic()? {
        OpenResult::Opened(case) => case,
        OpenResult::Running(case) => {
            eprint(&format!("· case {case} is open for this ticket; going on with it"));
            apply_pause_label(context, &ticket).await.into_diagnostic()?;
            case
        }
        OpenResult::Duplicate => bail!("this ticket was submitted a moment ago; run `resolve` again"),
    };
    let stop = stop_with_terminal();
    let case = match run_case_waiting(context, &case, &stop).await {
        Ok(case) => case,
        Err(CaseError::Claimed) => {
            bail!("another fieldmedic is working on case {case}; `fieldmedic case show {case}` follows it")
        }
        Err(error) => return Err(error).into_diagnostic(),
    };
    // What it shows of the work must be gone before the result is.
    app.context.observer = Arc::new(NoopObserver);
    finish(&app, &case, arguments.format).await
}

/// What would be done about a ticket, as data. Nothing is changed, published or written to the journal.
///
/// # Errors
/// If the ticket cannot be read or named, or a playbook or the inventory cannot be loaded.
pub(super) async fn dry_run(settings: &LoadedConfig, issue: &str) -> Result<Value> {
    let id = address(issue, &settings.config.github.repos)?;
    let context = Application::build(settings, RunMode::DryRun).await?.context;
    let ticket = context.forge.ticket(&id).await.map_err(|error| miette!("{error}"))?;
    let key = format!("dry run {id} {}", context.clock.now().timestamp_micros());
    let (OpenResult::Opened(case) | OpenResult::Running(case)) =
        open_case(&context, ticket, Source::Terminal, &key).await.into_diagnostic()?
    else {
        bail!("this ticket was submitted a moment ago; ask again");
    };
    let (stop, _pull) = Shutdown::new();
    let case = run_case_waiting(&context, &case, &stop).await.into_diagnostic()?;
    let library = library_for(&context, &case).await?;
    serde_json::to_value(report(&case, &library)).into_diagnostic()
}

/// The playbooks that a case is pinned to; today's, where the journal does not have them.
async fn library_for(context: &Context, case: &Case) -> Result<Arc<Library>> {
    let library = library_of(context, &case.library).await.into_diagnostic()?;
    Ok(library.unwrap_or_else(|| context.library.clone()))
}

async fn finish(app: &Application, case: &Case, format: Format) -> Result<ExitStatus> {
    let library = library_for(&app.context, case).await?;
    let report = report(case, &library);
    if format.json {
        print_json(&report)?;
    } else if report.question.is_some() {
        let data = json!({ "report": report, "command": app.context.forge_settings.command, "people": "" });
        print(&plain(&app.context.prompts.fill("approval.md", data), Folded::Shown));
    } else {
        let answer = crate::engine::answer(case, &library).and_then(Result::ok);
        let data = json!({ "report": report, "answer": answer, "earlier": null });
        print(&plain(&app.context.prompts.fill("report.md", data), Folded::Shown));
    }
    if let Some(pending) = &case.pending_approval {
        let (id, plan) = (&case.id, pending.plan.short_id());
        eprint(&format!(
            "waiting for approval: run `fieldmedic case approve {id} {plan}`, or use the comment above"
        ));
        return Ok(ExitStatus::Waiting);
    }
    if let Some(inquiry) = case.pending_inquiry() {
        let (ticket, until) = (&case.ticket.id, format_minute(inquiry.until));
        eprint(&format!(
            "the reporter of {ticket} is asked and has time until {until}; `fieldmedic serve` goes on with the answer"
        ));
        return Ok(ExitStatus::Waiting);
    }
    if case.stage != Stage::Ended {
        eprint(&format!("stopped; `fieldmedic resolve {}` continues the case", case.ticket.id));
        return Ok(ExitStatus::Failed);
    }
    Ok(match &case.outcome {
        Some(
            Outcome::Resolved
            | Outcome::Confirmed { .. }
            | Outcome::Partial { .. }
            | Outcome::Answered { .. },
        ) => ExitStatus::Done,
        Some(Outcome::Escalated(Escalation {
            detail: Detail::NotPermitted { refusal: NotPermitted::DryRun, .. },
            ..
        })) => {
            eprint("this fault can be fixed: without --dry-run, `resolve` fixes it as [policy] mode allows");
            ExitStatus::Fixable
        }
        Some(Outcome::Escalated(_)) => ExitStatus::NeedsPerson,
        Some(Outcome::Declined { .. } | Outcome::Unrelated { .. } | Outcome::Cancelled) => {
            ExitStatus::Declined
        }
        None => ExitStatus::Failed,
    })
}

/// The ticket that this text names.
fn address(text: &str, repos: &[Repo]) -> Result<TicketId> {
    let number = text.strip_prefix('#').unwrap_or(text).parse::<u64>();
    match (number, repos) {
        (Ok(number), [repo]) => Ok(TicketId { repo: repo.clone(), number }),
        (Ok(number), _) => {
            let example = repos.first().map(ToString::to_string).unwrap_or_default();
            bail!("several repositories are configured: write {example}#{number}")
        }
        (Err(_), _) => text.parse().into_diagnostic(),
    }
}
