//! `fieldmedic resolve`: one ticket, now.

use super::{Ending, Format, Setting, print, print_json, screen::Screen, tell};
use crate::app::{App, Manner};
use crate::core::case::{Case, Stage};
use crate::core::event::Door;
use crate::core::outcome::Outcome;
use crate::core::report::report;
use crate::core::ticket::{Repo, TicketId};
use crate::engine::{DriveError, drive_on, heed_label, library_of, take_in};
use crate::ports::Intake;
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

pub async fn run(setting: &Setting, arguments: Arguments) -> Result<Ending> {
    let id = address(&arguments.issue, &setting.config.github.repos)?;
    let manner = if arguments.dry_run { Manner::Rehearse } else { Manner::Work };
    let mut app = App::build(setting, manner).await?;
    if std::io::stderr().is_terminal() || std::env::var_os("FIELDMEDIC_PROGRESS").is_some() {
        app.agent.watch = Arc::new(Screen::for_one());
    }
    let agent = &app.agent;
    let ticket = agent.forge.ticket(&id).await.map_err(|error| miette!("{error}"))?;
    let key = format!("terminal {id} {}", agent.clock.now().timestamp_micros());
    let case = match take_in(agent, ticket.clone(), Door::Terminal, &key).await.into_diagnostic()? {
        Intake::Opened(case) => case,
        Intake::Running(case) => {
            tell(&format!("· case {case} is open for this ticket; going on with it"));
            heed_label(agent, &ticket).await.into_diagnostic()?;
            case
        }
        Intake::Seen => bail!("this run of `resolve` was taken in before; run it again"),
    };
    let stop = crate::app::stop_on_signal();
    let case = match drive_on(agent, &case, &stop).await {
        Ok(case) => case,
        Err(DriveError::Claimed) => {
            bail!("another fieldmedic is working on case {case}; `fieldmedic case show {case}` follows it")
        }
        Err(error) => return Err(error).into_diagnostic(),
    };
    finish(&app, &case, arguments.format).await
}

async fn finish(app: &App, case: &Case, format: Format) -> Result<Ending> {
    let library = library_of(&app.agent, &case.library).await.into_diagnostic()?;
    let library = library.unwrap_or_else(|| app.agent.library.clone());
    let report = report(case, &library);
    if format.json {
        print_json(&report)?;
    } else if report.question.is_some() {
        let data = json!({ "report": report, "command": app.agent.manners.command, "people": "" });
        print(&app.agent.prompts.fill("approval.md", data));
    } else {
        let answer = crate::engine::answer(case, &library).and_then(Result::ok);
        print(
            &app.agent
                .prompts
                .fill("report.md", json!({ "report": report, "answer": answer, "earlier": null })),
        );
    }
    if let Some(asked) = &case.asked {
        let (id, plan) = (&case.id, asked.plan.short());
        tell(&format!("waiting for a yes: `fieldmedic case approve {id} {plan}`, or the comment above"));
        return Ok(Ending::Waiting);
    }
    if case.stage != Stage::Ended {
        tell(&format!("stopped; `fieldmedic resolve {}` goes on where it stands", case.ticket.id));
        return Ok(Ending::Failed);
    }
    Ok(match &case.outcome {
        Some(Outcome::Resolved | Outcome::Answered { .. } | Outcome::Healthy) => Ending::Done,
        Some(Outcome::Escalated(_)) => Ending::NeedsPerson,
        Some(Outcome::Declined { .. } | Outcome::Cancelled) => Ending::Declined,
        None => Ending::Failed,
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
