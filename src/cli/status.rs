//! `fieldmedic status`: what is at work and how the systems are, as the journal knows it. No host is asked.

#![expect(clippy::disallowed_methods, reason = "shows times relative to now")]

use crate::app;
use crate::app::settings::LoadedConfig;
use crate::cli::output::{ExitStatus, Format};
use crate::config::Config;
use crate::console::{Paint, print, print_json, print_marked};
use crate::core::case::outcome::Outcome;
use crate::core::ids::SystemName;
use crate::core::policy::consent::Pause;
use crate::ports::{CaseEntry, CaseQuery, SystemSweep};
use chrono::{DateTime, Utc};
use clap::Args;
use miette::{IntoDiagnostic, Result};
use serde_json::{Value, json};

/// So many running cases are listed, the oldest.
const RUNNING: u32 = 50;

/// So many of the newest cases are listed.
const NEWEST: u32 = 10;

/// The command line of `fieldmedic status`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    format: Format,
}

/// Prints the state.
///
/// # Errors
/// If the journal cannot be read.
pub(super) async fn run(settings: &LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    if arguments.format.json {
        print_json(&now(settings).await?)?;
    } else {
        Status::read(settings).await?.print(&settings.config, Utc::now());
    }
    Ok(ExitStatus::Done)
}

/// The state as data.
///
/// # Errors
/// If the journal cannot be read.
pub(super) async fn now(settings: &LoadedConfig) -> Result<Value> {
    Ok(Status::read(settings).await?.to_json(&settings.config))
}

/// What the journal knows.
struct Status {
    running: Vec<CaseEntry>,
    newest: Vec<CaseEntry>,
    sweeps: Vec<SystemSweep>,
    pause: Option<Pause>,
}

impl Status {
    async fn read(settings: &LoadedConfig) -> Result<Self> {
        let journal = app::open_journal_to_read(settings).await?;
        let newest = CaseQuery { limit: NEWEST, ..CaseQuery::default() };
        Ok(Self {
            running: journal.running_cases(RUNNING).await.into_diagnostic()?,
            newest: journal.find_cases(&newest).await.into_diagnostic()?,
            sweeps: journal.sweeps().await.into_diagnostic()?,
            pause: journal.pause_state().await.into_diagnostic()?,
        })
    }

    fn sweep(&self, system: &SystemName) -> Option<&SystemSweep> {
        self.sweeps.iter().find(|sweep| sweep.system == *system)
    }

    fn to_json(&self, config: &Config) -> Value {
        let policy = config.policy();
        let systems = config.systems.iter().map(|(name, system)| {
            json!({
                "system": name, "type": system.type_name(name), "hosts": system.hosts,
                "mode": policy.strictest([system.mode]), "last_sweep": self.sweep(name).map(swept),
            })
        });
        let pause = self.pause.as_ref();
        json!({
            "mode": policy.mode,
            "changes_paused": pause.map(|pause| json!({ "by": pause.by, "at": pause.at, "why": pause.why.to_string() })),
            "running_cases": self.running.iter().map(entry).collect::<Vec<_>>(),
            "newest_cases": self.newest.iter().map(entry).collect::<Vec<_>>(),
            "systems": systems.collect::<Vec<_>>(),
        })
    }

    fn print(&self, config: &Config, now: DateTime<Utc>) {
        let policy = config.policy();
        match &self.pause {
            None => print(&format!("mode {}; changes are not paused", policy.mode)),
            Some(pause) => {
                let at = pause.at.format("%Y-%m-%d %H:%M UTC");
                let text = format!("all changes are paused by {} since {at}: {}", pause.by, pause.why);
                print_marked("✋ ", Paint::Warn, &text);
            }
        }
        for (name, system) in &config.systems {
            let (mark, paint, health) = health(self.sweep(name));
            let when = self.sweep(name).map_or_else(String::new, |sweep| format!(", {}", ago(sweep.at, now)));
            let (kind, mode) = (system.type_name(name), policy.strictest([system.mode]));
            print_marked(mark, paint, &format!("{name} ({kind}, {mode}): {health}{when}"));
        }
        match self.running.len() {
            0 => print("no case is at work"),
            1 => print("1 case is at work:"),
            many => print(&format!("{many} cases are at work:")),
        }
        for case in &self.running {
            let title = case.title.as_deref().unwrap_or_default();
            let summary = &case.summary;
            print(&format!("  {}  {}  {}  {title}", summary.id, ago(summary.opened_at, now), summary.ticket));
        }
    }
}

/// How a system was at its last sweep, with a mark for it.
fn health(sweep: Option<&SystemSweep>) -> (&'static str, Paint, String) {
    let Some(sweep) = sweep else { return ("· ", Paint::Dim, "no sweep yet".to_owned()) };
    if sweep.is_unreachable {
        return ("✗ ", Paint::Bad, "no host answered".to_owned());
    }
    let found: Vec<String> =
        sweep.findings.iter().map(|found| format!("{} ({})", found.title, found.summary)).collect();
    if !found.is_empty() {
        return ("✗ ", Paint::Bad, found.join("; "));
    }
    match sweep.unknown_count {
        0 => ("✓ ", Paint::Good, "no fault".to_owned()),
        count => ("? ", Paint::Warn, format!("no fault is known, and {count} could not be checked")),
    }
}

/// `3 min ago`.
fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let minutes = (now - at).num_minutes();
    match minutes {
        ..1 => "just now".to_owned(),
        1..120 => format!("{minutes} min ago"),
        120..2880 => format!("{} h ago", minutes / 60),
        _ => format!("{} days ago", minutes / 1440),
    }
}

fn entry(case: &CaseEntry) -> Value {
    let summary = &case.summary;
    let outcome = summary.outcome.as_ref();
    json!({
        "case": summary.id, "ticket": summary.ticket, "title": case.title, "system": case.system,
        "opened_at": summary.opened_at, "updated_at": summary.updated_at,
        "outcome": outcome.map_or("working", Outcome::long_word),
        "code": match outcome {
            Some(Outcome::Escalated(escalation)) => Some(escalation.code),
            _ => None,
        },
    })
}

fn swept(sweep: &SystemSweep) -> Value {
    json!({
        "at": sweep.at, "no_host_answered": sweep.is_unreachable,
        "faults": sweep.findings.iter().map(|found| json!({
            "playbook": found.playbook, "title": found.title, "summary": found.summary,
        })).collect::<Vec<_>>(),
        "unknown": sweep.unknown, "unknown_count": sweep.unknown_count, "ruled_out": sweep.ruled_out,
    })
}
