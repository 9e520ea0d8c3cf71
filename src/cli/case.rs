//! `fieldmedic case` and `fieldmedic audit`: what the journal holds.

#![expect(clippy::disallowed_methods, reason = "shows times relative to now")]

use crate::app;
use crate::app::settings::{LoadedConfig, read_config};
use crate::cli::lookup::find;
use crate::cli::output::{ExitStatus, Format};
use crate::cli::{archive, signal};
use crate::console::{print, print_json};
use crate::core::case::Case;
use crate::core::case::dispute::{CloseDispute, Via};
use crate::core::case::event::Event;
use crate::core::case::outcome::Outcome;
use crate::core::case::payload::encode_event;
use crate::core::case::record::Record;
use crate::core::diagnosis::evidence::ProbeStatus;
use crate::core::policy::run_history::CloseStats;
use crate::ports::Store;
use chrono::Utc;
use clap::{Args, Subcommand};
use miette::{IntoDiagnostic, Result};
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// The newest cases.
    List(List),
    /// One case: what happened when, and where the time went.
    Show(Show),
    /// Says yes to the plan that a case asks about.
    Approve(signal::Approve),
    /// Says no to it; the ticket is handed to a person.
    Deny(signal::Address),
    /// Calls a case off: nothing more is changed, and what a remedy in progress has done is undone.
    Cancel(signal::Address),
}

#[derive(Debug, Args)]
pub struct List {
    /// At most so many.
    #[arg(long, default_value_t = 20)]
    limit: u32,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
pub struct Show {
    /// The case, such as c0123456789ab; the beginning is enough.
    case: String,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Subcommand)]
pub enum AuditArguments {
    /// Checks the hash chain of every case: an edited, missing or added record breaks it.
    Verify(Verify),
}

#[derive(Debug, Args)]
pub struct Verify {
    /// An archive that `fieldmedic archive` wrote; the journal is checked if none is named.
    archive: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

pub async fn run(setting: &LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    let journal = app::open_journal(setting).await?;
    match arguments {
        Arguments::List(arguments) => list(&*journal, arguments).await,
        Arguments::Show(arguments) => show(&*journal, arguments).await,
        Arguments::Approve(arguments) => signal::approve(&*journal, arguments).await,
        Arguments::Deny(address) => signal::deny(&*journal, address).await,
        Arguments::Cancel(address) => signal::cancel(&*journal, address).await,
    }
}

pub async fn audit(
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
    // An objection comes after the case that it is about.
    let oldest = cases.last().map_or_else(Utc::now, |case| case.opened_at);
    let closures = CloseStats::count(&journal.history(&CloseStats::KINDS, oldest).await.into_diagnostic()?);
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
    }
    for case in cases {
        let outcome = match &case.outcome {
            None => "working".to_owned(),
            Some(Outcome::Escalated(escalation)) => format!("escalated ({})", escalation.code),
            Some(outcome) => outcome.word().to_owned(),
        };
        let opened = case.opened_at.format("%Y-%m-%d %H:%M:%S");
        let took = (case.updated_at - case.opened_at).num_seconds();
        let objected = if closures.false_closes.contains(&case.id) { ", and somebody objected" } else { "" };
        print(&format!("{}  {opened}  {took:>5} s  {}  {outcome}{objected}", case.id, case.ticket));
    }
    Ok(ExitStatus::Done)
}

async fn show(journal: &dyn Store, arguments: Show) -> Result<ExitStatus> {
    let id = find(journal, &arguments.case).await?;
    let records = journal.load(&id).await.into_diagnostic()?;
    if arguments.format.json {
        let lines: Vec<_> = records.iter().map(line).collect::<Result<_>>()?;
        print_json(&lines)?;
        return Ok(ExitStatus::Done);
    }
    let case = Case::fold(&id, &records).into_diagnostic()?;
    print(&format!("case {id}  {}  {}", case.ticket.id, case.ticket.title));
    let since = journal.history(&CloseStats::KINDS, case.opened_at).await.into_diagnostic()?;
    if CloseStats::count(&since).false_closes.contains(&id) {
        print("somebody objected to its close: it is counted as a false one");
    }
    for record in &records {
        let after = (record.at - case.opened_at).num_milliseconds() as f64 / 1000.0;
        print(&format!("{after:>9.3}  {:<18} {}", record.event.kind(), describe(&record.event)));
    }
    let spent = case.timings;
    print(&format!(
        "\nconnecting {} ms, probes {} ms, remedy {} ms, verification {} ms, GitHub {} ms",
        spent.connect, spent.probes, spent.changes, spent.verification, spent.forge
    ));
    Ok(ExitStatus::Done)
}

/// A record as JSON, with its event as the journal stores it.
fn line(record: &Record) -> Result<Value> {
    let body = encode_event(&record.event).into_diagnostic()?;
    let event: Value = serde_json::from_str(&body).into_diagnostic()?;
    Ok(json!({ "seq": record.seq, "at": record.at, "event": event }))
}

/// One record in a line.
fn describe(event: &Event) -> String {
    match event {
        Event::Opened { source, library, .. } => {
            format!("{} playbooks {:.12}", source_word(source), library.0)
        }
        Event::Triaged(triage) => match &triage.system {
            Some(site) => {
                let names: Vec<String> = triage
                    .matched_faults
                    .iter()
                    .map(|found| format!("{} ({:?})", found.playbook, found.words))
                    .collect();
                format!("{}; would be explained by: {}", site.name, names.join(", "))
            }
            None => "no system".into(),
        },
        Event::Probed { reason, evidence } => {
            let lost =
                evidence.probes.values().filter(|s| !matches!(s.status, ProbeStatus::Completed(_))).count();
            let word = format!("{reason:?}");
            let word = word.split('(').next().unwrap_or("").to_lowercase();
            format!(
                "{word}: {} probes in {} ms, connecting {} ms{}",
                evidence.probes.len(),
                evidence.took_ms,
                evidence.connect_ms,
                if lost > 0 { format!(", {lost} without an answer") } else { String::new() }
            )
        }
        Event::Diagnosed(diagnosis) => {
            let found: Vec<String> =
                diagnosis.findings.iter().map(|f| format!("{}: {}", f.playbook, f.summary)).collect();
            format!(
                "found [{}]; {} ruled out, {} unknown",
                found.join("; "),
                diagnosis.ruled_out.len(),
                diagnosis.unknown.len()
            )
        }
        Event::HostsLeased { hosts, waited } => {
            let names: Vec<&str> = hosts.iter().map(|host| host.as_str()).collect();
            format!("{}{}", names.join(", "), if *waited { ", after another case" } else { "" })
        }
        Event::RemediationStarted(plan) => {
            format!("{}: {} steps, plan {:.12}", plan.playbook, plan.steps.len(), plan.hash)
        }
        Event::ChangeStarted { attempt, host, command, .. } => {
            format!("on {host}, attempt {attempt}: {}", first_line(command.as_str()))
        }
        Event::ChangeEnded { observation, success, .. } => {
            format!(
                "{} in {} ms{}",
                observation.exit,
                observation.took_ms,
                if *success { "" } else { ", which is a failure" }
            )
        }
        Event::Paused(pause) => crate::cli::pause::describe(pause),
        Event::ApprovalRequested { plan, until } => {
            format!("{}, plan {}, until {until}", plan.playbook, plan.short_id())
        }
        Event::RecurrenceDetected { playbook, count, .. } => {
            format!("{playbook}, mended {count} times before")
        }
        Event::Deferred(delay) => format!("until {}: {}", delay.until, delay.exceeded),
        Event::Linked { case, ticket, playbook } => {
            format!("{playbook} is treated by case {case} for {ticket}; this one waits for it")
        }
        Event::CloseDisputed(objection) => format!("case {} closed it too early", objection.case),
        Event::SignalReceived(posted) => signal::describe(&posted.signal),
        Event::Rechecked { open } => {
            if *open { "the issue is still open" } else { "the issue is closed" }.into()
        }
        Event::ChangeBlocked { why, .. }
        | Event::ChangeNotStarted { why, .. }
        | Event::ChangeInDoubt { why, .. } => why.to_string(),
        Event::ChangeSkipped { why, .. } | Event::ChangeAbandoned { why, .. } => why.clone(),
        Event::VerificationFailed { why } | Event::RemediationFailed { why } => why.clone(),
        Event::ConditionsChecked { truths } => {
            let so = truths.iter().filter(|truth| truth.is_true()).count();
            format!("{so} of {} conditions hold", truths.len())
        }
        Event::VerificationPassed { conditions } => conditions.join("; "),
        Event::RolledBack { clean } => if *clean { "all taken back" } else { "taking back failed" }.into(),
        Event::OutcomeDecided(Outcome::Escalated(escalation)) => {
            format!("escalated ({}): {}", escalation.code, escalation.why)
        }
        Event::OutcomeDecided(outcome) => outcome.word().into(),
        Event::Published { what, took_ms } => {
            format!("{:?} in {took_ms} ms", what.publication()).to_lowercase()
        }
        Event::PublishFailed { publication, why, .. } => format!("{publication:?}: {why}").to_lowercase(),
        Event::Resumed | Event::ChangeConfirmed { .. } | Event::StepsCompleted | Event::Ended => {
            String::new()
        }
    }
}

fn source_word(source: &crate::core::case::event::Source) -> String {
    use crate::core::case::event::Source;
    match source {
        Source::Webhook => "by webhook,".into(),
        Source::Poll => "by poll,".into(),
        Source::Command { user, .. } => format!("by a command of {user},"),
        Source::Terminal => "by `resolve`,".into(),
        Source::Sweep { .. } => "by a sweep,".into(),
        Source::CloseDispute(CloseDispute { case: of, by: who, via: how }) => {
            let who = if who.is_empty() { "somebody" } else { who };
            let how = if *how == Via::Reopened { "opened it again" } else { "says that it is not settled" };
            format!("because {who} {how} after case {of},")
        }
        Source::Recurrence { of, .. } => format!("because what case {of} mended is back,"),
    }
}

fn first_line(text: &str) -> &str {
    crate::core::diagnosis::evidence::cut_at(text.lines().next().unwrap_or(""), 160)
}
