//! Explaining: why a case did what it did, from its journal: what each condition was, what it saw, and
//! what of the ticket's words it accounts for.

use crate::case::Case;
use crate::case::event::{Event, ProbeReason};
use crate::case::record::Record;
use crate::diagnosis::evidence::Evidence;
use crate::expr::value_type;
use crate::playbook::{Fault, Library};
use serde::Serialize;

/// What was thought of one fault when it was looked at first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultExplanation {
    pub playbook: String,
    pub title: String,
    /// The condition, as the playbook has it.
    pub condition: String,
    /// `found`, `ruled out` or `unknown`.
    pub verdict: String,
    /// Why it is unknown; else empty.
    pub why: String,
    /// What the condition saw: `workers.running = 0`.
    pub saw: Vec<String>,
    /// The words of the ticket that it would account for; else empty.
    pub words: String,
}

/// What was thought of each fault, in causal order; nothing if no diagnosis was made.
pub fn explain(case: &Case, records: &[Record], library: &Library) -> Vec<FaultExplanation> {
    let Some(triage) = &case.triage else { return Vec::new() };
    let Some(system) = triage.system(library) else { return Vec::new() };
    // A look that failed for a passing reason was repeated; the diagnosis rests on the last one.
    let looks = records.iter().take_while(|record| !matches!(record.event, Event::Diagnosed(_)));
    let looks = looks.filter_map(|record| match &record.event {
        Event::Probed { reason: ProbeReason::Diagnose, evidence } => Some(evidence),
        _ => None,
    });
    let (Some(diagnosis), Some(evidence)) = (case.diagnoses.first(), looks.last()) else {
        return Vec::new();
    };
    let thoughts = system.faults.iter().filter_map(|fault| {
        let is_found = diagnosis.findings.iter().any(|finding| finding.playbook == fault.name);
        let unknown = diagnosis.unknown.iter().find(|unknown| unknown.playbook == fault.name);
        let verdict = match unknown {
            _ if is_found => "found",
            Some(_) => "unknown",
            None if diagnosis.ruled_out.contains(&fault.name) => "ruled out",
            None => return None,
        };
        let words = triage.matched_faults.iter().find(|found| found.playbook == fault.name);
        Some(FaultExplanation {
            playbook: fault.name.to_string(),
            title: fault.title.clone(),
            condition: fault.when.source().to_owned(),
            verdict: verdict.to_owned(),
            why: unknown.map(|unknown| unknown.why.clone()).unwrap_or_default(),
            saw: observed_facts(fault, evidence),
            words: words.map(|found| found.words.clone()).unwrap_or_default(),
        })
    });
    thoughts.collect()
}

/// The facts that a condition uses, as they were.
fn observed_facts(fault: &Fault, evidence: &Evidence) -> Vec<String> {
    let facts = fault.when.names().into_iter().filter_map(|name| {
        let (probe, fact) = name.split_once('.')?;
        let known = evidence.facts.get(probe)?.get(fact)?;
        Some(match known {
            Ok(known) => format!("{name} = {}", shown(known)),
            Err(why) => format!("{name} is unknown: {why}"),
        })
    });
    facts.collect()
}

fn shown(known: &serde_json::Value) -> String {
    let text = match known {
        serde_json::Value::Array(_) => format!("[{}]", value_type::words(known).join(", ")),
        other => other.to_string(),
    };
    let short = crate::diagnosis::evidence::cut_at(&text, 80);
    if short.len() < text.len() { format!("{short}…") } else { text }
}
