//! Which notice follows from a record of a case.

use crate::case::Case;
use crate::case::event::{Event, EventKind, Source};
use crate::case::inquiry::InquiryPurpose;
use crate::case::outcome::Outcome;
use crate::case::record::Record;
use crate::ids::SystemName;
use crate::notice::{Notice, NoticeEvent, NoticeTicket};
use crate::text::format::shortened;
use serde_json::{Value, json};

/// Records of other kinds are no reason for a notice.
pub const KINDS: &[EventKind] = &[
    EventKind::Opened,
    EventKind::ApprovalRequested,
    EventKind::ReporterAsked,
    EventKind::RecurrenceDetected,
    EventKind::OutcomeDecided,
];

/// The longest title in a notice, in bytes.
const LONGEST_TITLE: usize = 200;

/// What people are told of a record. The case may have gone on since.
pub fn notice_of(case: &Case, record: &Record) -> Option<Notice> {
    let schedule = match &case.source {
        Source::Schedule { schedule, .. } => Some(schedule),
        _ => None,
    };
    let (event, about) = match (&record.event, schedule) {
        // Of a run, people are told if it needs one of them. Its ticket is an address that no issue has.
        (Event::OutcomeDecided(Outcome::Escalated(escalation)), Some(schedule)) => (
            NoticeEvent::ScheduleFound,
            json!({ "schedule": schedule, "code": escalation.code, "detail": escalation.detail }),
        ),
        (_, Some(_)) => return None,
        (Event::Opened { source, .. }, None) => of_source(source)?,
        (Event::ApprovalRequested { plan, until }, None) => (
            NoticeEvent::ApprovalWanted,
            json!({ "plan": plan.short_id(), "playbook": plan.playbook, "until": until }),
        ),
        (Event::ReporterAsked { purpose, until, .. }, None) => {
            let event = match purpose {
                InquiryPurpose::ConfirmFix | InquiryPurpose::ConfirmAnswer => NoticeEvent::ConfirmationWanted,
                InquiryPurpose::Details => NoticeEvent::DetailsWanted,
            };
            (event, json!({ "purpose": purpose, "until": until }))
        }
        (Event::RecurrenceDetected { playbook, count, .. }, None) => {
            (NoticeEvent::RecurrenceDetected, json!({ "playbook": playbook, "count": count }))
        }
        (Event::OutcomeDecided(outcome), None) => of_outcome(outcome),
        _ => return None,
    };
    let ticket = NoticeTicket {
        address: case.ticket.id.to_string(),
        title: shortened(case.ticket.title.as_str(), LONGEST_TITLE),
        url: case.ticket.url.clone(),
    };
    Some(Notice {
        key: format!("{} {}", case.id, record.seq),
        event,
        at: record.at,
        systems: system_of(case).into_iter().collect(),
        case: Some(case.id.clone()),
        ticket: case.ticket.id.is_issue().then_some(ticket),
        about,
    })
}

fn of_source(source: &Source) -> Option<(NoticeEvent, Value)> {
    Some(match source {
        Source::Sweep { suspect: Some(fault) } => {
            (NoticeEvent::FaultFound, json!({ "playbook": fault.playbook }))
        }
        Source::Recurrence { suspect, .. } => {
            (NoticeEvent::FaultReturned, json!({ "playbook": suspect.playbook }))
        }
        Source::CloseDispute(dispute) => (NoticeEvent::CloseDisputed, json!({ "by": dispute.by })),
        _ => return None,
    })
}

fn of_outcome(outcome: &Outcome) -> (NoticeEvent, Value) {
    match outcome {
        Outcome::Resolved => (NoticeEvent::Resolved, json!({})),
        Outcome::Confirmed { by } => (NoticeEvent::Confirmed, json!({ "by": by })),
        Outcome::Partial { rest } => (NoticeEvent::Partial, json!({ "rest": rest })),
        Outcome::Unrelated { topic } => (NoticeEvent::Unrelated, json!({ "topic": topic })),
        Outcome::Answered { request } => (NoticeEvent::Answered, json!({ "request": request })),
        Outcome::Escalated(escalation) => {
            (NoticeEvent::Escalated, json!({ "code": escalation.code, "detail": escalation.detail }))
        }
        Outcome::Declined { detail } => (NoticeEvent::Declined, json!({ "detail": detail })),
        Outcome::Cancelled => (NoticeEvent::Cancelled, json!({})),
    }
}

/// The system, by triage, by the command, or by the fault that the agent itself found.
fn system_of(case: &Case) -> Option<SystemName> {
    let triaged = case.triage.as_ref().and_then(|triage| triage.system.as_ref()).map(|system| &system.name);
    let suspected = match &case.source {
        Source::Sweep { suspect: Some(fault) } | Source::Recurrence { suspect: fault, .. } => {
            Some(&fault.system)
        }
        _ => None,
    };
    triaged.or(suspected).or_else(|| case.scope().system()).cloned()
}
