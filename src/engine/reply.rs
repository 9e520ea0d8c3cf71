//! Replies: what people make of a ticket that the agent has closed. Who opens it again, or says that it is
//! still broken, objects to the close; that opens one case, by whichever door it comes.

use super::Agent;
use super::intake::{IntakeError, opened, take_in};
use super::past::newest_case;
use crate::core::case::{Case, Stage};
use crate::core::event::{CaseId, Door};
use crate::core::objection::{How, Objection};
use crate::core::reply::{Reply, reply};
use crate::core::ticket::{State, Ticket, TicketId};
use crate::ports::{Comment, JournalError, Reaction};
use chrono::{DateTime, TimeDelta, Utc};

/// What GitHub says of an issue may be so old; sooner after its own close nothing is made of it.
const LAG: TimeDelta = TimeDelta::seconds(60);

/// Takes in an issue that was closed, and that this person has opened again.
pub async fn take_reopened(agent: &Agent, ticket: Ticket, who: &str) -> Result<Option<CaseId>, IntakeError> {
    let Some(case) = newest_case(agent, &ticket.id).await? else {
        return take_anew(agent, ticket, Door::Webhook, "the beginning").await;
    };
    // A delivery that is late tells of what another door has brought before.
    if case.opened_at >= ticket.updated_at {
        return Ok(None);
    }
    if case.stage == Stage::Ended && case.talk.closed_at.is_some() {
        return object_if_open(agent, &ticket.id, &case, who).await;
    }
    take_anew(agent, ticket, Door::Webhook, case.id.as_str()).await
}

/// Takes in an issue that a list shows as open, if its newest case left it closed.
pub(super) async fn take_open_again(
    agent: &Agent,
    ticket: &Ticket,
    case: &Case,
) -> Result<Option<CaseId>, IntakeError> {
    if case.stage != Stage::Ended || ticket.state == State::Closed {
        return Ok(None);
    }
    match case.talk.closed_at {
        // What was listed before the close, and a list that is behind, show it open too.
        Some(closed_at) if agent.clock.now() - closed_at < LAG => Ok(None),
        Some(_) => object_if_open(agent, &ticket.id, case, "").await,
        // It was closed before the agent could begin.
        None if case.ticket.state == State::Closed => {
            take_anew(agent, ticket.clone(), Door::Poll, case.id.as_str()).await
        }
        None => Ok(None),
    }
}

/// An issue that is open again is one like any other, if nobody but people had closed it. `after` is its
/// newest case.
async fn take_anew(
    agent: &Agent,
    ticket: Ticket,
    door: Door,
    after: &str,
) -> Result<Option<CaseId>, IntakeError> {
    if !super::wants(agent, &ticket) {
        return Ok(None);
    }
    let key = format!("{} open again after {after}", ticket.id);
    Ok(opened(take_in(agent, ticket, door, &key).await?))
}

async fn object_if_open(
    agent: &Agent,
    ticket: &TicketId,
    of: &Case,
    who: &str,
) -> Result<Option<CaseId>, IntakeError> {
    match agent.forge.ticket(ticket).await {
        Ok(now) if now.state == State::Open => object(agent, now, of, who, How::Reopened).await,
        Ok(_) => Ok(None),
        Err(error) if error.is_lasting() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Takes in a comment that orders nothing: an objection to a close, or thanks.
pub(super) async fn take_reply(agent: &Agent, comment: &Comment) -> Result<Option<CaseId>, IntakeError> {
    if comment.by_bot {
        return Ok(None);
    }
    let Some(reply) = reply(&comment.body) else { return Ok(None) };
    if comment.author == agent.forge.me().await? {
        return Ok(None);
    }
    let Some(case) = closed_before(agent, &comment.ticket, comment.created_at).await? else {
        return Ok(None);
    };
    // A poll reads a comment more than once.
    let mark = format!("reply {} {}", comment.ticket, comment.id);
    if agent.journal.bookmark(&mark).await?.is_some() {
        return Ok(None);
    }
    let opened = match reply {
        Reply::Thanks => None,
        Reply::StillBroken => {
            let ticket = agent.forge.ticket(&comment.ticket).await?;
            object(agent, ticket, &case, &comment.author, How::Said).await?
        }
    };
    agent.journal.set_bookmark(&mark, agent.clock.now()).await?;
    let reaction = if reply == Reply::Thanks { Reaction::ThumbsUp } else { Reaction::Eyes };
    if let Err(error) = agent.forge.react(&comment.ticket, comment.id, reaction).await {
        tracing::warn!(ticket = %comment.ticket, %error, "the reaction was not taken");
    }
    Ok(opened)
}

/// Opens the case of an objection: one for each close, whoever objects, how often, and by which door.
async fn object(
    agent: &Agent,
    mut ticket: Ticket,
    of: &Case,
    who: &str,
    how: How,
) -> Result<Option<CaseId>, IntakeError> {
    if ticket.locked {
        return Ok(None);
    }
    // The case opens it again as its first act.
    ticket.state = State::Open;
    let door = Door::Objection(Objection { of: of.id.clone(), who: who.to_owned(), how });
    Ok(opened(take_in(agent, ticket, door, &format!("objection {}", of.id)).await?))
}

/// The newest case of a ticket, if it closed it, and before this moment.
async fn closed_before(
    agent: &Agent,
    ticket: &TicketId,
    at: DateTime<Utc>,
) -> Result<Option<Case>, JournalError> {
    let case = newest_case(agent, ticket).await?;
    // GitHub counts in whole seconds.
    Ok(case.filter(|case| case.talk.closed_at.is_some_and(|closed| closed.timestamp() <= at.timestamp())))
}
