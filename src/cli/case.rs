//! `fieldmedic case` and `fieldmedic audit`: what the journal holds.

use crate::app;
use crate::cli::{ExitStatus, Format, LoadedConfig, print, print_json, signal};
use crate::core::case::Case;
use crate::core::case::dispute::{CloseDispute, Via};
use crate::core::case::event::{CaseId, Event};
use crate::core::case::outcome::Outcome;
use crate::core::diagnosis::evidence::ProbeStatus;
use crate::core::policy::run_history::CloseStats;
use crate::ports::Journal;
use chrono::Utc;
use clap::{Args, Subcommand};
use miette::{IntoDiagnostic, Result, bail, miette};
use serde_json::json;

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
    Verify(Format),
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
    setting: &LoadedConfig,
    AuditArguments::Verify(format): AuditArguments,
) -> Result<ExitStatus> {
    let journal = app::open_journal(setting).await?;
    let audit = journal.audit().await.into_diagnostic()?;
    if format.json {
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

async fn list(journal: &dyn Journal, arguments: List) -> Result<ExitStatus> {
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

async fn show(journal: &dyn Journal, arguments: Show) -> Result<ExitStatus> {
    let id = find(journal, &arguments.case).await?;
    let records = journal.load(&id).await.into_diagnostic()?;
    if arguments.format.json {
        print_json(&records)?;
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

pub(super) async fn find(journal: &dyn Journal, text: &str) -> Result<CaseId> {
    if let Some(id) = CaseId::from_text(text) {
        if journal.load(&id).await.into_diagnostic()?.is_empty() {
            bail!("there is no case {id}; `fieldmedic case list` shows them");
        }
        return Ok(id);
    }
    let cases = journal.cases(10_000).await.into_diagnostic()?;
    let mut matches = cases.into_iter().filter(|case| case.id.as_str().starts_with(text) && !text.is_empty());
    match (matches.next(), matches.next()) {
        (Some(case), None) => Ok(case.id),
        (Some(_), Some(_)) => Err(miette!("several cases begin with `{text}`: write more of it")),
        (None, _) => Err(miette!("there is no case `{text}`; `fieldmedic case list` shows them")),
    }
}

/// One record in a line.
fn describe(event: &Event) -> String {
    match event {
        Event::Opened { door, library, .. } => {
            format!("{} playbooks {}", door_word(door), &library.0[..library.0.len().min(12)])
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
        Event::Probed { purpose, evidence } => {
            let lost =
                evidence.probes.values().filter(|s| !matches!(s.status, ProbeStatus::Completed(_))).count();
            let word = format!("{purpose:?}");
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
        Event::RemediationStarted(plan) => format!(
            "{}: {} steps, plan {}",
            plan.playbook,
            plan.steps.len(),
            &plan.hash[..plan.hash.len().min(12)]
        ),
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
        Event::Paused(pause) => crate::cli::pause::told(pause),
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
        Event::SignalReceived(posted) => signal::told(&posted.signal),
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
        Event::Published { act, took_ms, .. } => format!("{act:?} in {took_ms} ms").to_lowercase(),
        Event::PublishFailed { act, why, .. } => format!("{act:?}: {why}").to_lowercase(),
        Event::Resumed | Event::ChangeConfirmed { .. } | Event::StepsCompleted | Event::Ended => {
            String::new()
        }
    }
}

fn door_word(door: &crate::core::case::event::Source) -> String {
    use crate::core::case::event::Source;
    match door {
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
