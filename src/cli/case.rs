//! `fieldmedic case` and `fieldmedic audit`: what the journal holds.

#![expect(clippy::disallowed_methods, reason = "shows times relative to now")]

use crate::app;
use crate::app::settings::{LoadedConfig, read_config};
use crate::cli::lookup::find;
use crate::cli::output::{ExitStatus, Format};
use crate::cli::{archive, signal};
use crate::console::{print, print_json};
use crate::core::case::Case;
use crate::core::case::outcome::Outcome;
use crate::core::case::payload::encode_event;
use crate::core::case::record::Record;
use crate::core::policy::run_history::CloseStats;
use crate::core::view::events::lines;
use crate::ports::{History, Store};
use crate::render::Prompts;
use chrono::Utc;
use clap::{Args, Subcommand};
use miette::{IntoDiagnostic, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The command line of `fieldmedic case`.
#[derive(Debug, Subcommand)]
pub(super) enum Arguments {
    /// The newest cases.
    List(List),
    /// One case: what happened when, and where the time went.
    Show(Show),
    /// Approves the plan that a case waits for.
    Approve(signal::Approve),
    /// Denies that plan; the ticket is handed over to a person.
    Deny(signal::Address),
    /// Cancels a case: nothing more is changed, and a remediation in progress is rolled back.
    Cancel(signal::Address),
}

/// The command line of `fieldmedic case list`.
#[derive(Debug, Args)]
pub(super) struct List {
    /// At most so many.
    #[arg(long, default_value_t = 20)]
    limit: u32,
    #[command(flatten)]
    format: Format,
}

/// The command line of `fieldmedic case show`.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The case, such as c0123456789ab; the beginning is enough.
    case: String,
    #[command(flatten)]
    format: Format,
}

/// The command line of `fieldmedic audit`.
#[derive(Debug, Subcommand)]
pub(super) enum AuditArguments {
    /// Checks the hash chain of every case: an edited, missing or added record breaks it.
    Verify(Verify),
}

/// The command line of `fieldmedic audit verify`.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// An archive that `fieldmedic archive` wrote; the journal is checked if none is named.
    archive: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

/// Runs a subcommand on the configured journal.
///
/// # Errors
/// If the journal cannot be used, no single case is meant, or its state does not admit the signal.
pub(super) async fn run(setting: &LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    let journal = app::open_journal(setting).await?;
    match arguments {
        Arguments::List(arguments) => list(&*journal, arguments).await,
        Arguments::Show(arguments) => show(&*journal, &app::prompts(&setting.config)?, arguments).await,
        Arguments::Approve(arguments) => {
            signal::approve(&*journal, setting.config.policy.four_eyes.unwrap_or_default(), arguments).await
        }
        Arguments::Deny(address) => signal::deny(&*journal, address).await,
        Arguments::Cancel(address) => signal::cancel(&*journal, address).await,
    }
}

/// Checks the journal of the configuration at `place`, or an archive, which needs no configuration.
/// [`ExitStatus::Failed`] if a record is missing or not as it was written.
///
/// # Errors
/// If the configuration, the journal or the archive cannot be read.
pub(super) async fn audit(
    place: Option<PathBuf>,
    AuditArguments::Verify(arguments): AuditArguments,
) -> Result<ExitStatus> {
    let audit = match &arguments.archive {
        Some(file) => archive::verify(file)?,
        None => {
            let journal = app::open_journal(&read_config(place)?).await?;
            journal.audit().await.into_diagnostic()?
        }
    };
    if arguments.format.json {
        print_json(&json!({ "cases": audit.cases, "records": audit.records, "broken": audit.broken }))?;
    } else if audit.broken.is_empty() {
        print(&format!("{} records of {} cases are as they were written", audit.records, audit.cases));
    } else {
        for (case, seq) in &audit.broken {
            print(&format!("case {case}: record {seq} is missing, or not as it was written"));
        }
    }
    Ok(if audit.broken.is_empty() { ExitStatus::Done } else { ExitStatus::Failed })
}

async fn list(journal: &dyn Store, arguments: List) -> Result<ExitStatus> {
    let cases = journal.cases(arguments.limit).await.into_diagnostic()?;
    // A dispute comes after the case that it is about.
    let oldest = cases.last().map_or_else(Utc::now, |case| case.opened_at);
    let history = journal.history(&CloseStats::KINDS, oldest).await.and_then(History::complete);
    let closures = CloseStats::count(&history.into_diagnostic()?);
    if arguments.format.json {
        let lines: Vec<_> = cases
            .iter()
            .map(|case| json!({ "case": case.id, "ticket": case.ticket, "opened_at": case.opened_at, "updated_at": case.updated_at, "outcome": case.outcome, "close_disputed": closures.false_closes.contains(&case.id) }))
            .collect();
        print_json(&lines)?;
        return Ok(ExitStatus::Done);
    }
    if cases.is_empty() {
        print("no cases yet");
        return Ok(ExitStatus::Done);
    }
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    let width = cases.iter().map(|case| case.ticket.to_string().len()).max().unwrap_or_default();
    for case in &cases {
        let word = case.outcome.as_ref().map_or("working", Outcome::long_word);
        *outcomes.entry(word).or_default() += 1;
        let outcome = match &case.outcome {
            Some(Outcome::Escalated(escalation)) => format!("{word} ({})", escalation.code),
            _ => word.to_owned(),
        };
        let opened = case.opened_at.format("%Y-%m-%d %H:%M:%S");
        let took = (case.updated_at - case.opened_at).num_seconds();
        let disputed = if closures.false_closes.contains(&case.id) { ", disputed" } else { "" };
        let ticket = case.ticket.to_string();
        print(&format!("{}  {opened}  {took:>5} s  {ticket:<width$}  {outcome}{disputed}", case.id));
    }
    let outcomes: Vec<String> = outcomes.iter().map(|(word, count)| format!("{count} {word}")).collect();
    let disputed = cases.iter().filter(|case| closures.false_closes.contains(&case.id)).count();
    print(&format!("{} cases: {}; {disputed} disputed", cases.len(), outcomes.join(", ")));
    Ok(ExitStatus::Done)
}

async fn show(journal: &dyn Store, prompts: &Prompts, arguments: Show) -> Result<ExitStatus> {
    if arguments.format.json {
        let id = find(journal, &arguments.case).await?;
        let records = journal.load(&id).await.into_diagnostic()?;
        let lines: Vec<_> = records.iter().map(line).collect::<Result<_>>()?;
        print_json(&lines)?;
        return Ok(ExitStatus::Done);
    }
    print(&told(journal, prompts, &arguments.case).await?);
    Ok(ExitStatus::Done)
}

/// What happened in a case and when, and where the time went. `case` is its id, or the beginning of it.
///
/// # Errors
/// If no single case is meant, or the journal cannot be read.
pub(super) async fn told(journal: &dyn Store, prompts: &Prompts, case: &str) -> Result<String> {
    let id = find(journal, case).await?;
    let records = journal.load(&id).await.into_diagnostic()?;
    let case = Case::fold(&id, &records).into_diagnostic()?;
    let mut out = format!("case {id}  {}  {}\n", case.ticket.id, case.ticket.title);
    let since = journal.history(&CloseStats::KINDS, case.opened_at).await.and_then(History::complete);
    let since = since.into_diagnostic()?;
    if CloseStats::count(&since).false_closes.contains(&id) {
        out += "somebody disputes its close, so it counts as a false close\n";
    }
    for record in &records {
        let after = (record.at - case.opened_at).num_milliseconds() as f64 / 1000.0;
        let lines: Vec<String> =
            lines(&case, &record.event).iter().map(|line| prompts.line("event", line)).collect();
        let text = lines.join("\n").replace('\n', &format!("\n{:31}", ""));
        out += format!("{after:>9.3}  {:<19} {text}", record.event.kind()).trim_end();
        out.push('\n');
    }
    let spent = case.timings;
    out += &format!(
        "\nconnecting {} ms, probes {} ms, changes {} ms, verification {} ms, GitHub {} ms",
        spent.connect, spent.probes, spent.changes, spent.verification, spent.forge
    );
    Ok(out)
}

/// A record as JSON, with its event as the journal stores it.
fn line(record: &Record) -> Result<Value> {
    let body = encode_event(&record.event).into_diagnostic()?;
    let event: Value = serde_json::from_str(&body).into_diagnostic()?;
    Ok(json!({ "seq": record.seq, "at": record.at, "event": event }))
}
