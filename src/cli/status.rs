//! What is at work and how the systems are, as the journal knows it.

use crate::app;
use crate::app::settings::LoadedConfig;
use crate::core::case::outcome::Outcome;
use crate::core::ids::SystemTypeName;
use crate::ports::{CaseEntry, CaseQuery, SystemSweep};
use miette::{IntoDiagnostic, Result};
use serde_json::{Value, json};

/// So many running cases are listed, the oldest.
const RUNNING: u32 = 50;

/// So many of the newest cases are listed.
const NEWEST: u32 = 10;

/// The state as data. It is read from the journal; no host is asked.
///
/// # Errors
/// If the journal cannot be read.
pub(super) async fn now(settings: &LoadedConfig) -> Result<Value> {
    let config = &settings.config;
    let journal = app::open_journal_to_read(settings).await?;
    let running = journal.running_cases(RUNNING).await.into_diagnostic()?;
    let newest = CaseQuery { limit: NEWEST, ..CaseQuery::default() };
    let newest = journal.find_cases(&newest).await.into_diagnostic()?;
    let sweeps = journal.sweeps().await.into_diagnostic()?;
    let pause = journal.pause_state().await.into_diagnostic()?;
    let mode = config.policy().mode;
    let systems = config.systems.iter().map(|(name, system)| {
        let sweep = sweeps.iter().find(|sweep| sweep.system == *name);
        let system_type = system.system_type.as_ref().map_or(name.as_str(), SystemTypeName::as_str);
        json!({
            "system": name, "type": system_type, "hosts": system.hosts,
            "mode": system.mode.map_or(mode, |own| own.min(mode)), "last_sweep": sweep.map(swept),
        })
    });
    Ok(json!({
        "mode": mode,
        "changes_paused": pause.map(|pause| json!({ "by": pause.by, "at": pause.at, "why": pause.why.to_string() })),
        "running_cases": running.iter().map(entry).collect::<Vec<_>>(),
        "newest_cases": newest.iter().map(entry).collect::<Vec<_>>(),
        "systems": systems.collect::<Vec<_>>(),
    }))
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
