//! What a look sees again is stored once: the record names the probes whose results are those of the look before.
//!
//! A case looks many times at the same, and nine tenths of its records were outputs that had not changed. In memory
//! every look is whole: [`contract`] takes away what is known when a record is written, and [`expand`] puts it back
//! when the records of a case are read.

use crate::case::event::Event;
use crate::case::record::Record;
use crate::diagnosis::evidence::{Evidence, Observation, ProbeResult, ProbeStatus};
use crate::ids::ProbeName;
use std::collections::BTreeSet;

/// A record names a result that no record before it holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {seq} refers to an earlier result of the probe `{probe}`, and there is none")]
pub struct DanglingResult {
    /// The record.
    pub seq: u64,
    /// The probe.
    pub probe: ProbeName,
}

/// The form in which a look is stored, without what `known` holds: the evidence of the case before it. `None` if the
/// event is no look, or has nothing in common with it: then it is stored as it is. How long an unchanged probe took
/// becomes what it took before, as it will be read.
pub fn contract(event: &mut Event, known: &Evidence) -> Option<Event> {
    let Event::Probed { reason, evidence, .. } = event else { return None };
    let (mut stored, mut unchanged) = (evidence.clone(), BTreeSet::new());
    for (name, result) in &mut evidence.probes {
        let before = known.probes.get(name).filter(|before| is_same(before, result));
        if let Some(before) = before.filter(|_| known.facts.get(name) == stored.facts.get(name)) {
            *result = before.clone();
            stored.probes.remove(name);
            stored.facts.remove(name);
            unchanged.insert(name.clone());
        }
    }
    (!unchanged.is_empty()).then_some(Event::Probed { reason: *reason, evidence: stored, unchanged })
}

/// Puts back what the records of a case, from the first on, do not repeat.
///
/// # Errors
/// [`DanglingResult`]: a record before is missing.
pub fn expand(records: &mut [Record]) -> Result<(), DanglingResult> {
    let mut known = Evidence::default();
    for Record { seq, event, .. } in records {
        let Event::Probed { evidence, unchanged, .. } = event else { continue };
        for probe in std::mem::take(unchanged) {
            let Some(result) = known.probes.get(&probe) else {
                return Err(DanglingResult { seq: *seq, probe });
            };
            evidence.probes.insert(probe.clone(), result.clone());
            if let Some(facts) = known.facts.get(&probe) {
                evidence.facts.insert(probe, facts.clone());
            }
        }
        known.update(evidence.clone());
    }
    Ok(())
}

/// Whether two results say the same, however long they took.
fn is_same(before: &ProbeResult, now: &ProbeResult) -> bool {
    let is_same_status = match (&before.status, &now.status) {
        (ProbeStatus::Completed(before), ProbeStatus::Completed(now)) => {
            let now = Observation { took_ms: before.took_ms, ..now.clone() };
            *before == now
        }
        (before, now) => before == now,
    };
    is_same_status && (&before.host, &before.command) == (&now.host, &now.command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::event::ProbeReason;
    use crate::diagnosis::evidence::{Exit, RawObservation, RawOutput};
    use crate::ids::{FactName, HostName};
    use crate::text::redact::{Redacted, Redactor};
    use chrono::DateTime;
    use serde_json::json;
    use std::collections::BTreeMap;

    /// A look whose probes printed these texts.
    fn look(outputs: &[(&str, &str)], took_ms: u64) -> Event {
        let mut evidence = Evidence::default();
        for (name, text) in outputs {
            let name = ProbeName::new(*name).unwrap();
            let stdout = RawOutput { kept: (*text).into(), length: text.len() as u64, sha256: String::new() };
            let raw = RawObservation { exit: Exit::Code(0), stderr: RawOutput::default(), stdout, took_ms };
            let status = ProbeStatus::Completed(Observation::new(&raw, &Redactor::default()));
            let host = Some(HostName::new("main").unwrap());
            evidence.probes.insert(name.clone(), ProbeResult { host, command: Redacted::default(), status });
            let facts = BTreeMap::from([(FactName::new("text").unwrap(), Ok(json!(text)))]);
            evidence.facts.insert(name, facts);
        }
        Event::Probed { reason: ProbeReason::Diagnose, evidence, unchanged: BTreeSet::new() }
    }

    fn unchanged(event: &Event) -> Vec<&str> {
        let Event::Probed { unchanged, .. } = event else { panic!("not a look: {event:?}") };
        unchanged.iter().map(ProbeName::as_str).collect()
    }

    #[test]
    fn a_look_is_read_as_it_was_taken_in() {
        let looks = [
            look(&[("disk", "91 %"), ("jobs", "4")], 10),
            look(&[("disk", "91 %"), ("jobs", "5")], 20),
            look(&[("jobs", "5")], 30),
            look(&[("disk", "91 %"), ("jobs", "4"), ("host", "up")], 40),
        ];
        let (mut known, mut records, mut taken) = (Evidence::default(), Vec::new(), Vec::new());
        for (seq, mut whole) in (0..).zip(looks) {
            let stored = contract(&mut whole, &known).unwrap_or_else(|| whole.clone());
            let Event::Probed { evidence, .. } = &whole else { panic!("it is a look") };
            known.update(evidence.clone());
            records.push(Record { seq, at: DateTime::UNIX_EPOCH, event: stored });
            taken.push(whole);
        }
        let stored: Vec<Vec<&str>> = records.iter().map(|record| unchanged(&record.event)).collect();
        assert_eq!(stored, [vec![], vec!["disk"], vec!["jobs"], vec!["disk"]]);
        let mut read = records.clone();
        expand(&mut read).unwrap();
        assert_eq!(read.into_iter().map(|record| record.event).collect::<Vec<_>>(), taken);

        // Without the record that holds the result.
        records.remove(0);
        assert_eq!(expand(&mut records).unwrap_err().probe.as_str(), "disk");
    }
}
