//! Issues that a webhook, a poll or a sweep brings: each becomes a case once.

use crate::core::case::Case;
use crate::core::case::event::Source;
use crate::core::case::outcome::{Code, Outcome};
use crate::core::ids::CaseId;
use crate::core::ticket::{Ticket, TicketState};
use crate::engine::case::find::latest_case;
use crate::engine::chatops::signals::apply_pause_label;
use crate::engine::context::Context;
use crate::engine::intake::feedback::check_reopened;
use crate::engine::intake::open::{IntakeError, issue_dedupe_key, open_case, opened_case, should_accept};

/// Takes in an issue that is there to be taken: once in its life, by whichever door it comes first.
/// The agent's own tickets come in by the sweep that opened them, which knows what they are about.
pub async fn accept_issue(
    context: &Context,
    ticket: Ticket,
    door: Source,
) -> Result<Option<CaseId>, IntakeError> {
    if let Some(case) = apply_pause_label(context, &ticket).await? {
        return Ok(Some(case));
    }
    if let Some(newest) = latest_case(context, &ticket.id).await? {
        if let Some(case) = accept_edited_issue(context, &ticket, &newest).await? {
            return Ok(Some(case));
        }
        if let Some(case) = check_reopened(context, &ticket, &newest).await? {
            return Ok(Some(case));
        }
    }
    if !should_accept(context, &ticket) || ticket.author == context.forge.me().await? {
        return Ok(None);
    }
    let key = issue_dedupe_key(&ticket.id);
    Ok(opened_case(open_case(context, ticket, door, &key).await?))
}

/// Takes in an issue once more that named no system that is looked after, and has other words since.
async fn accept_edited_issue(
    context: &Context,
    ticket: &Ticket,
    case: &Case,
) -> Result<Option<CaseId>, IntakeError> {
    if ticket.state != TicketState::Open || ticket.locked {
        return Ok(None);
    }
    let named_none =
        matches!(&case.outcome, Some(Outcome::Escalated(escalation)) if escalation.code == Code::NoSystem);
    if !named_none || (&case.ticket.title, &case.ticket.body) == (&ticket.title, &ticket.body) {
        return Ok(None);
    }
    let key = format!("reworded {} {}", ticket.id, ticket.updated_at.timestamp());
    Ok(opened_case(open_case(context, ticket.clone(), case.source.clone(), &key).await?))
}
