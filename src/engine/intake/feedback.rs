//! Replies: what people make of a ticket that the agent has closed. Who opens it again, or says that it is
//! still broken, objects to the close; that opens one case, by whichever door it comes.

use crate::core::case::dispute::{CloseDispute, Via};
use crate::core::case::event::{CaseId, Source};
use crate::core::case::{Case, Stage};
use crate::core::ticket::close_feedback::{Feedback, feedback};
use crate::core::ticket::{Ticket, TicketId, TicketState};
use crate::engine::Context;
use crate::engine::case::find::latest_case;
use crate::engine::intake::open::{IntakeError, open_case, opened_case};
use crate::ports::{Comment, JournalError, Reaction};
use chrono::{DateTime, TimeDelta, Utc};

/// What GitHub says of an issue may be so old; sooner after its own close nothing is made of it.
const LAG: TimeDelta = TimeDelta::seconds(60);

/// Takes in an issue that was closed, and that this person has opened again.
pub async fn accept_reopening(
    agent: &Context,
    ticket: Ticket,
    who: &str,
) -> Result<Option<CaseId>, IntakeError> {
    let Some(case) = latest_case(agent, &ticket.id).await? else {
        return accept_reopened(agent, ticket, Source::Webhook, "the beginning").await;
    };
    // A delivery that is late tells of what another door has brought before.
    if case.opened_at >= ticket.updated_at {
        return Ok(None);
    }
    if case.stage == Stage::Ended && case.publishing.closed_at.is_some() {
        return open_dispute_if_open(agent, &ticket.id, &case, who).await;
    }
    accept_reopened(agent, ticket, Source::Webhook, case.id.as_str()).await
}

/// Takes in an issue that a list shows as open, if its newest case left it closed.
pub(crate) async fn check_reopened(
    agent: &Context,
    ticket: &Ticket,
    case: &Case,
) -> Result<Option<CaseId>, IntakeError> {
    if case.stage != Stage::Ended || ticket.state == TicketState::Closed {
        return Ok(None);
    }
    match case.publishing.closed_at {
        // What was listed before the close, and a list that is behind, show it open too.
        Some(closed_at) if agent.clock.now() - closed_at < LAG => Ok(None),
        Some(_) => open_dispute_if_open(agent, &ticket.id, case, "").await,
        // It was closed before the agent could begin.
        None if case.ticket.state == TicketState::Closed => {
            accept_reopened(agent, ticket.clone(), Source::Poll, case.id.as_str()).await
        }
        None => Ok(None),
    }
}

/// An issue that is open again is one like any other, if nobody but people had closed it. `after` is its
/// newest case.
async fn accept_reopened(
    agent: &Context,
    ticket: Ticket,
    door: Source,
    after: &str,
) -> Result<Option<CaseId>, IntakeError> {
    if !crate::engine::should_accept(agent, &ticket) {
        return Ok(None);
    }
    let key = format!("{} open again after {after}", ticket.id);
    Ok(opened_case(open_case(agent, ticket, door, &key).await?))
}

async fn open_dispute_if_open(
    agent: &Context,
    ticket: &TicketId,
    of: &Case,
    who: &str,
) -> Result<Option<CaseId>, IntakeError> {
    match agent.forge.ticket(ticket).await {
        Ok(now) if now.state == TicketState::Open => open_dispute(agent, now, of, who, Via::Reopened).await,
        Ok(_) => Ok(None),
        Err(error) if error.is_permanent() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Takes in a comment that orders nothing: an objection to a close, or thanks.
pub(crate) async fn accept_feedback(
    agent: &Context,
    comment: &Comment,
) -> Result<Option<CaseId>, IntakeError> {
    if comment.by_bot {
        return Ok(None);
    }
    let Some(reply) = feedback(&comment.body) else { return Ok(None) };
    if comment.author == agent.forge.me().await? {
        return Ok(None);
    }
    let Some(case) = closed_before(agent, &comment.ticket, comment.created_at).await? else {
        return Ok(None);
    };
    // A poll reads a comment more than once.
    let mark = format!("reply {} {}", comment.ticket, comment.id);
    if agent.journal.cursor(&mark).await?.is_some() {
        return Ok(None);
    }
    let opened = match reply {
        Feedback::Thanks => None,
        Feedback::StillBroken => {
            let ticket = agent.forge.ticket(&comment.ticket).await?;
            open_dispute(agent, ticket, &case, &comment.author, Via::Comment).await?
        }
    };
    agent.journal.set_cursor(&mark, agent.clock.now()).await?;
    let reaction = if reply == Feedback::Thanks { Reaction::ThumbsUp } else { Reaction::Eyes };
    if let Err(error) = agent.forge.react(&comment.ticket, comment.id, reaction).await {
        tracing::warn!(ticket = %comment.ticket, %error, "the reaction was not taken");
    }
    Ok(opened)
}

/// Opens the case of an objection: one for each close, whoever objects, how often, and by which door.
async fn open_dispute(
    agent: &Context,
    mut ticket: Ticket,
    of: &Case,
    who: &str,
    how: Via,
) -> Result<Option<CaseId>, IntakeError> {
    if ticket.locked {
        return Ok(None);
    }
    // The case opens it again as its first act.
    ticket.state = TicketState::Open;
    let door = Source::CloseDispute(CloseDispute { case: of.id.clone(), by: who.to_owned(), via: how });
    Ok(opened_case(open_case(agent, ticket, door, &format!("objection {}", of.id)).await?))
}

/// The newest case of a ticket, if it closed it, and before this moment.
async fn closed_before(
    agent: &Context,
    ticket: &TicketId,
    at: DateTime<Utc>,
) -> Result<Option<Case>, JournalError> {
    let case = latest_case(agent, ticket).await?;
    // GitHub counts in whole seconds.
    Ok(case
        .filter(|case| case.publishing.closed_at.is_some_and(|closed| closed.timestamp() <= at.timestamp())))
}
