//! The newest result of each probe, as a report shows it.

use crate::diagnosis::evidence::{Evidence, ProbeStatus};
use crate::ids::FactName;
use crate::text::format::{seconds, shortened};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The newest result of one probe.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProbeView {
    /// The probe's name.
    pub probe: String,
    /// `None` where the system has no host in the probe's role.
    pub host: Option<String>,
    /// The command, as a person may repeat it.
    pub command: String,
    /// What became of the command.
    pub status: ProbeState,
    /// How it ended, or why it did not run to its end.
    pub result: String,
    /// How long it took, if it ended.
    pub seconds: Option<f64>,
    /// The facts that were read.
    pub facts: Vec<FactView>,
}

/// What became of a probe's command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeState {
    /// It ran to its end.
    Completed,
    /// The host could not be reached.
    Unreachable,
    /// It did not end in time, or the connection broke.
    Interrupted,
    /// It was not run.
    Skipped,
}

/// One fact. Exactly one of `value`, `rows` and `unknown` is set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FactView {
    /// Its name, with its probe's where the context does not give it.
    pub name: String,
    /// Its value, cut to a length that people can read.
    pub value: Option<String>,
    /// The number of rows of a whole table; the journal has the rows.
    pub rows: Option<usize>,
    /// Why it is unknown.
    pub unknown: Option<String>,
}

impl FactView {
    /// A fact with its value cut to `limit` bytes.
    pub(crate) fn new(name: &str, fact: &Result<Value, String>, limit: usize) -> Self {
        let (mut value, mut rows, mut unknown) = (None, None, None);
        match fact {
            Ok(Value::Array(list)) if list.iter().any(Value::is_object) => rows = Some(list.len()),
            Ok(known) => {
                value = Some(shortened(&known.to_string(), limit));
            }
            Err(why) => unknown = Some(why.clone()),
        }
        Self { name: name.to_owned(), value, rows, unknown }
    }
}

/// The longest value that a table shows, in bytes.
const LONGEST_VALUE: usize = 200;

pub(crate) fn probes(evidence: &Evidence) -> Vec<ProbeView> {
    let views = evidence.probes.iter().map(|(probe, result)| {
        let (status, text, took) = match &result.status {
            ProbeStatus::Completed(seen) => {
                (ProbeState::Completed, seen.exit.to_string(), Some(seconds(seen.took_ms)))
            }
            ProbeStatus::Unreachable(why) => (ProbeState::Unreachable, why.to_string(), None),
            ProbeStatus::Interrupted(why) => (ProbeState::Interrupted, why.to_string(), None),
            ProbeStatus::Skipped(why) => (ProbeState::Skipped, why.to_string(), None),
        };
        ProbeView {
            probe: probe.to_string(),
            host: result.host.as_ref().map(ToString::to_string),
            command: result.command.to_string(),
            status,
            result: text,
            seconds: took,
            facts: evidence.facts.get(probe).map(facts).unwrap_or_default(),
        }
    });
    views.collect()
}

fn facts(facts: &BTreeMap<FactName, Result<Value, String>>) -> Vec<FactView> {
    // One cause that makes all of them unknown is told once.
    let mut reasons = facts.values().map(|fact| fact.as_ref().err());
    if let (true, Some(Some(reason))) = (facts.len() > 1, reasons.next())
        && reasons.all(|other| other == Some(reason))
    {
        let unknown = Some(reason.clone());
        return vec![FactView { name: "everything".to_owned(), value: None, rows: None, unknown }];
    }
    facts.iter().map(|(name, fact)| FactView::new(name.as_str(), fact, LONGEST_VALUE)).collect()
}
