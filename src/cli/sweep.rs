//! `fieldmedic sweep`: one sweep, now.

use crate::app::settings::LoadedConfig;
use crate::app::signals::stop_with_terminal;
use crate::app::{Application, RunMode};
use crate::cli::output::{ExitStatus, Format};
use crate::cli::progress::Screen;
use crate::console::{Paint, print, print_json, print_marked};
use crate::core::diagnosis::diagnose::Diagnosis;
use crate::engine::{check_recurrences, check_systems, run_case_waiting, sweep_tickets};
use clap::Args;
use miette::{IntoDiagnostic, Result};
use serde_json::json;
use std::io::IsTerminal;
use std::sync::Arc;

/// The command line of `fieldmedic sweep`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    format: Format,
}

/// Picks up missed tickets, probes fixed faults and all systems, then works each opened case in turn.
/// [`ExitStatus::FaultsFound`] if a system has a fault.
///
/// # Errors
/// If the application cannot be built, GitHub or the journal cannot be used, or a case cannot be worked.
pub(super) async fn run(settings: &LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    let mut app = Application::build(settings, RunMode::Live).await?;
    if std::io::stderr().is_terminal() {
        app.context.observer = Arc::new(Screen::for_all(app.context.prompts.clone()));
    }
    let context = &app.context;
    let mut cases = sweep_tickets(context).await.into_diagnostic()?;
    cases.extend(check_recurrences(context).await.into_diagnostic()?);
    let swept = check_systems(context).await.into_diagnostic()?;
    cases.extend(swept.iter().filter_map(|swept| swept.opened.clone()));
    let stop = stop_with_terminal();
    let mut ended = Vec::new();
    for case in &cases {
        let case = run_case_waiting(context, case, &stop).await.into_diagnostic()?;
        let outcome = case.outcome.as_ref().map_or("open", |outcome| outcome.word());
        ended.push(json!({ "case": case.id, "ticket": case.ticket.id, "outcome": outcome }));
    }
    if arguments.format.json {
        let systems: Vec<_> = swept
            .iter()
            .map(|swept| json!({ "system": swept.system, "diagnosis": swept.diagnosis, "opened": swept.opened }))
            .collect();
        print_json(&json!({ "systems": systems, "cases": ended }))?;
    } else {
        for swept in &swept {
            let found: Vec<&str> = swept.diagnosis.findings.iter().map(|f| f.title.as_str()).collect();
            let unknown = &swept.diagnosis.unknown;
            let paint = match (found.is_empty(), unknown.is_empty()) {
                (false, _) => Paint::Bad,
                (true, false) => Paint::Warn,
                (true, true) => Paint::Good,
            };
            let state = match (found.is_empty(), unknown.first()) {
                (true, None) => "healthy".to_owned(),
                (true, Some(first)) => format!("{} conditions are unknown: {}", unknown.len(), first.cause()),
                (false, _) => found.join("; "),
            };
            print_marked(swept.system.as_str(), paint, &format!(": {state}"));
        }
        for case in &ended {
            print(&format!(
                "{} {}: {}",
                case["ticket"].as_str().unwrap_or(""),
                case["case"].as_str().unwrap_or(""),
                case["outcome"].as_str().unwrap_or("")
            ));
        }
        if cases.is_empty() {
            print("no ticket was missed");
        }
    }
    let any = |is: fn(&Diagnosis) -> bool| swept.iter().any(|swept| is(&swept.diagnosis));
    Ok(if any(|diagnosis| !diagnosis.findings.is_empty()) {
        ExitStatus::FaultsFound
    } else if any(|diagnosis| !diagnosis.unknown.is_empty()) {
        ExitStatus::Unknown
    } else {
        ExitStatus::Done
    })
}
