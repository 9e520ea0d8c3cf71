//! A look, told: what each probe gave.

use crate::diagnosis::evidence::{Evidence, ProbeStatus};
use crate::ids::FactName;
use crate::text::format::{cut_at, seconds};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// One probe of the newest look.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProbeView {
    pub probe: String,
    pub host: String,
    pub command: String,
    /// How it ended, in words.
    pub result: String,
    pub seconds: Option<f64>,
    /// `fact = value`, or why it is unknown.
    pub facts: Vec<String>,
}

pub(crate) fn probes(evidence: &Evidence) -> Vec<ProbeView> {
    evidence
        .probes
        .iter()
        .map(|(probe, sight)| {
            let (result, took) = match &sight.status {
                ProbeStatus::Completed(observation) => {
                    (observation.exit.to_string(), Some(seconds(observation.took_ms)))
                }
                ProbeStatus::Unreachable(why) => (format!("not reached: {why}"), None),
                ProbeStatus::Interrupted(why) => (format!("lost: {why}"), None),
                ProbeStatus::Skipped(why) => (format!("not run: {why}"), None),
            };
            let facts = evidence.facts.get(probe).map(facts).unwrap_or_default();
            ProbeView {
                probe: probe.to_string(),
                host: sight.host.as_ref().map(ToString::to_string).unwrap_or_default(),
                command: sight.command.to_string(),
                result,
                seconds: took,
                facts,
            }
        })
        .collect()
}

fn facts(facts: &BTreeMap<FactName, Result<Value, String>>) -> Vec<String> {
    // One cause that makes all of them unknown is told once.
    let mut reasons = facts.values().map(|known| known.as_ref().err());
    if let (true, Some(Some(reason))) = (facts.len() > 1, reasons.next())
        && reasons.all(|other| other == Some(reason))
    {
        return vec![format!("all unknown: {reason}")];
    }
    facts
        .iter()
        .map(|(name, known)| match known {
            // Whole tables are the probe's raw material; the journal has them.
            Ok(Value::Array(rows)) if rows.iter().any(Value::is_object) => {
                format!("{name}: {} rows", rows.len())
            }
            Ok(value) => {
                let text = value.to_string();
                let short = cut_at(&text, 200);
                format!("{name} = {short}{}", if short.len() < text.len() { "…" } else { "" })
            }
            Err(why) => format!("{name} is unknown: {why}"),
        })
        .collect()
}
