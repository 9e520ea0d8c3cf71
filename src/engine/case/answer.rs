//! Answers: what a request playbook says, filled from a case's evidence.

use crate::core::case::Case;
use crate::core::case::detail::Detail;
use crate::core::case::event::Event;
use crate::core::case::inquiry::InquiryPurpose;
use crate::core::case::outcome::{Code, Escalation, Outcome};
use crate::core::playbook::Library;
use crate::core::ticket::triage::Intent;
use crate::engine::case::writer::CaseWriter;
use crate::render;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The answer to the question of a case, filled from its evidence; `None` if it asks none.
pub fn answer(case: &Case, library: &Library) -> Option<Result<String, String>> {
    let triage = case.triage.as_ref()?;
    let Intent::Question { request, .. } = &triage.intent else { return None };
    let in_ticket = triage.system.as_ref()?;
    let system = triage.system(library)?;
    let request = system.request(request)?;
    let mut facts: BTreeMap<String, Value> = system.params(&in_ticket.params);
    for (probe, known) in &case.evidence.facts {
        let known = known.iter().filter_map(|(name, known)| Some((name.to_string(), known.clone().ok()?)));
        facts.insert(probe.to_string(), known.collect());
    }
    facts.insert("system".into(), json!(in_ticket.name));
    Some(render::answer(&request.answer, &facts))
}

/// An answer that cannot be filled is none: such a case goes to a person instead of being closed.
pub(crate) fn answerable(writer: &CaseWriter<'_>, event: Event) -> Event {
    let needs_answer = match &event {
        Event::OutcomeDecided(Outcome::Answered { .. } | Outcome::Partial { .. }) => true,
        Event::ReporterAsked { purpose, .. } => *purpose == InquiryPurpose::ConfirmAnswer,
        _ => false,
    };
    if !needs_answer {
        return event;
    }
    let Some(Err(problem)) = answer(&writer.case, writer.library) else { return event };
    let detail = Detail::AnswerNotFilled { problem };
    Event::OutcomeDecided(if writer.case.scope().is_read_only() {
        Outcome::Declined { detail }
    } else {
        Outcome::Escalated(Escalation { code: Code::CannotTell, detail })
    })
}
