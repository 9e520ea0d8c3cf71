//! Explanation of a diagnosis, from the journal: each condition, the facts it used, and the words of the
//! ticket that it accounts for.

use crate::case::Case;
use crate::case::event::{Event, ProbeReason};
use crate::case::record::Record;
use crate::diagnosis::evidence::Evidence;
use crate::playbook::{Fault, Library};
use crate::reading::{Reading, names_symptom};
use crate::view::probes::FactView;
use serde::Serialize;

/// The longest value that an explanation shows, in bytes.
const LONGEST_VALUE: usize = 80;

/// What the first diagnosis said of one fault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaultExplanation {
    /// The name of the fault's playbook.
    pub playbook: String,
    /// The playbook's title.
    pub title: String,
    /// The condition, as the playbook has it.
    pub condition: String,
    /// Whether it is there.
    pub verdict: Verdict,
    /// Why it is unknown.
    pub unknown: Option<String>,
    /// The facts that the condition used.
    pub facts: Vec<FactView>,
    /// The words of the ticket that it would account for.
    pub words: Option<String>,
}

/// Whether a fault is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Its condition is true.
    Found,
    /// Its condition is false.
    RuledOut,
    /// Its condition is unknown.
    Unknown,
}

/// The explanation of each fault, in causal order; nothing if no diagnosis was made.
pub fn explain(case: &Case, records: &[Record], library: &Library) -> Vec<FaultExplanation> {
    let Some(triage) = &case.triage else { return Vec::new() };
    let Some(system) = triage.system(library) else { return Vec::new() };
    // Probes that failed for a passing reason were run again; the diagnosis rests on the last run.
    let runs = records.iter().take_while(|record| !matches!(record.event, Event::Diagnosed(_)));
    let runs = runs.filter_map(|record| match &record.event {
        Event::Probed { reason: ProbeReason::Diagnose, evidence, .. } => Some(evidence),
        _ => None,
    });
    let (Some(diagnosis), Some(evidence)) = (case.diagnoses.first(), runs.last()) else {
        return Vec::new();
    };
    let explanations = system.faults.iter().filter_map(|fault| {
        let is_found = diagnosis.findings.iter().any(|finding| finding.playbook == fault.name);
        let unknown = diagnosis.unknown.iter().find(|unknown| unknown.playbook == fault.name);
        let verdict = match unknown {
            _ if is_found => Verdict::Found,
            Some(_) => Verdict::Unknown,
            None if diagnosis.ruled_out.contains(&fault.name) => Verdict::RuledOut,
            None => return None,
        };
        let words = triage.matched_faults.iter().find(|found| found.playbook == fault.name);
        Some(FaultExplanation {
            playbook: fault.name.to_string(),
            title: fault.title.clone(),
            condition: fault.when.source().to_owned(),
            verdict,
            unknown: unknown.map(|unknown| unknown.why.clone()),
            facts: observed_facts(fault, evidence),
            words: words
                .map(|found| found.words.clone())
                .or_else(|| words_read(case.reading.as_ref()?, fault)),
        })
    });
    explanations.collect()
}

/// The words by which a reader took the ticket to be about this fault.
fn words_read(reading: &Reading, fault: &Fault) -> Option<String> {
    let read = reading.symptoms.iter().find(|read| fault.symptoms.names.contains(&read.name))?;
    names_symptom(reading, &fault.symptoms.names).then(|| read.words.join(" … "))
}

/// The facts that a condition uses, as they were.
fn observed_facts(fault: &Fault, evidence: &Evidence) -> Vec<FactView> {
    let facts = fault.when.names().into_iter().filter_map(|name| {
        let (probe, fact) = name.split_once('.')?;
        let known = evidence.facts.get(probe)?.get(fact)?;
        Some(FactView::new(&name, known, LONGEST_VALUE))
    });
    facts.collect()
}
