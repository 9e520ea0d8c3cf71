//! A case as a trace: the case, its phases, and what took time in them, as spans.
//!
//! The attributes hold names of the configuration, the address of the ticket and words of closed lists; never words of
//! a ticket, command lines or outputs.

use crate::case::apply::InvalidJournal;
use crate::case::event::{ChangeId, Event, ProbeReason};
use crate::case::record::Record;
use crate::case::{Case, Stage};
use crate::ids::{CaseId, Direction};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

/// At most so many spans; the later ones of a longer case are left out.
const MOST: usize = 1000;

/// A stretch of time in which something was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The number of the span that it is a part of; `None` for the case itself, which is the first span.
    pub parent: Option<usize>,
    /// What was done: `case`, a phase, `probe`, `change` or `publish`.
    pub name: &'static str,
    /// When it began.
    pub start: DateTime<Utc>,
    /// When it ended.
    pub end: DateTime<Utc>,
    /// The names of attributes and their values, which are texts, whole numbers or truth values.
    pub attributes: Vec<(&'static str, Value)>,
    /// It did not do what it was to do.
    pub has_failed: bool,
}

/// The phase of a case in one word: as the status comment is headed, and `reading` before the triage.
pub fn phase_of(case: &Case) -> &'static str {
    if case.stage == Stage::Opened { "reading" } else { case.phase_key() }
}

/// The spans of a case, each after the one that it is a part of.
///
/// # Errors
/// The records contradict each other.
pub fn trace_of(id: &CaseId, records: &[Record]) -> Result<Vec<Span>, InvalidJournal> {
    let (first, rest) = records.split_at(records.len().min(1));
    let mut case = Case::fold(id, first)?;
    let mut trace = Trace { spans: Vec::new(), phase: 0, change: None };
    let opened = case.opened_at;
    trace.add(None, "case", opened, opened, Vec::new());
    trace.phase = trace.add(Some(0), phase_of(&case), opened, opened, Vec::new());
    for record in rest {
        case.apply(record)?;
        trace.follow(&case, record);
    }
    Ok(trace.end(&case))
}

struct Trace {
    spans: Vec<Span>,
    /// The number of the phase that the case is in.
    phase: usize,
    /// The number of the change that was begun and has not ended.
    change: Option<usize>,
}

impl Trace {
    fn add(
        &mut self,
        parent: Option<usize>,
        name: &'static str,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
        attributes: Vec<(&'static str, Value)>,
    ) -> usize {
        self.spans.push(Span { parent, name, start, end, attributes, has_failed: false });
        self.spans.len() - 1
    }

    fn follow(&mut self, case: &Case, record: &Record) {
        if self.spans.len() >= MOST {
            return;
        }
        let (at, phase) = (record.at, Some(self.phase));
        match &record.event {
            Event::Probed { reason, evidence, .. } => {
                let attributes = vec![
                    ("fieldmedic.reason", json!(reason_word(reason))),
                    ("fieldmedic.probes", json!(evidence.probes.len())),
                    ("fieldmedic.connect_ms", json!(evidence.connect_ms)),
                ];
                self.add(phase, "probe", before(at, evidence.took_ms), at, attributes);
            }
            Event::ChangeStarted { change, attempt, host, .. } => {
                let mut attributes = change_names(case, change);
                attributes.extend([
                    ("fieldmedic.attempt", json!(attempt)),
                    ("fieldmedic.host", json!(host)),
                    ("fieldmedic.rollback", json!(change.direction == Direction::Rollback)),
                ]);
                self.change = Some(self.add(phase, "change", at, at, attributes));
            }
            Event::ChangeEnded { success, .. } => self.end_change(at, *success),
            Event::ChangeNotStarted { .. } | Event::ChangeInDoubt { .. } => self.end_change(at, false),
            Event::Published { what, took_ms } => {
                let attributes = vec![("fieldmedic.publication", json!(what.publication()))];
                self.add(phase, "publish", before(at, *took_ms), at, attributes);
            }
            Event::PublishFailed { publication, .. } => {
                let attributes = vec![("fieldmedic.publication", json!(publication))];
                let failed = self.add(phase, "publish", at, at, attributes);
                self.fail(failed);
            }
            _ => {}
        }
        self.end_span(self.phase, at);
        let next = phase_of(case);
        if self.spans.get(self.phase).is_some_and(|span| span.name != next) && case.stage != Stage::Ended {
            self.phase = self.add(Some(0), next, at, at, Vec::new());
        }
    }

    fn end_change(&mut self, at: DateTime<Utc>, success: bool) {
        let Some(change) = self.change.take() else { return };
        self.end_span(change, at);
        if !success {
            self.fail(change);
        }
    }

    fn end_span(&mut self, number: usize, at: DateTime<Utc>) {
        if let Some(span) = self.spans.get_mut(number) {
            span.end = at;
        }
    }

    fn fail(&mut self, number: usize) {
        if let Some(span) = self.spans.get_mut(number) {
            span.has_failed = true;
        }
    }

    fn end(mut self, case: &Case) -> Vec<Span> {
        let system = case.triage.as_ref().and_then(|triage| triage.system.as_ref());
        let playbooks: Vec<&str> = case.remediations.iter().map(|it| it.plan.playbook.as_str()).collect();
        if let Some(whole) = self.spans.first_mut() {
            whole.end = case.updated_at;
            whole.attributes.push(("fieldmedic.case", json!(case.id)));
            whole.attributes.push(("fieldmedic.ticket", json!(case.ticket.id.to_string())));
            whole.attributes.extend(system.map(|system| ("fieldmedic.system", json!(system.name))));
            if !playbooks.is_empty() {
                whole.attributes.push(("fieldmedic.playbooks", json!(playbooks.join(" "))));
            }
            if let Some(outcome) = &case.outcome {
                whole.attributes.push(("fieldmedic.outcome", json!(outcome.long_word())));
            }
        }
        self.spans
    }
}

/// The moment so many milliseconds before.
fn before(at: DateTime<Utc>, took_ms: u64) -> DateTime<Utc> {
    let took = i64::try_from(took_ms).ok().and_then(TimeDelta::try_milliseconds);
    took.and_then(|took| at.checked_sub_signed(took)).unwrap_or(at)
}

fn reason_word(reason: &ProbeReason) -> &'static str {
    match reason {
        ProbeReason::Diagnose => "diagnose",
        ProbeReason::OnlyIf(_) => "only_if",
        ProbeReason::ResolveDoubt(..) => "resolve_doubt",
        ProbeReason::Verify => "verify",
    }
}

fn change_names(case: &Case, change: &ChangeId) -> Vec<(&'static str, Value)> {
    let Some(remediation) = case.remediations.get(change.remediation) else { return Vec::new() };
    let step = remediation.plan.steps.get(change.step).map(|step| ("fieldmedic.step", json!(step.name)));
    [("fieldmedic.playbook", json!(remediation.plan.playbook))].into_iter().chain(step).collect()
}
