//! Words: what people say to cases that are at work, by comments and by a label.

use super::Agent;
use super::intake::IntakeError;
use super::sweep::OPENING;
use crate::core::case::Case;
use crate::core::event::CaseId;
use crate::core::policy::Pause;
use crate::core::slash::Slash;
use crate::core::ticket::{Ticket, TicketId};
use crate::core::word::{Posted, Says, Word};
use crate::ports::{Comment, JournalError, Marker, Permission, Reaction};
use serde_json::json;

/// A ticket with this label gets nothing changed for it until the label is taken off.
const PAUSE: &str = "medic:pause";

/// How many of the newest cases are asked for the one of a ticket.
const RECENT: u32 = 500;

/// Why an order was not followed; `prompts/reply.md` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unheeded {
    NoCase,
    NothingAsked,
    AnotherPlan,
}

/// Takes in an order to a running case, or about halts, by one who may give it. Gives the case that
/// has something to hear.
pub(super) async fn take_order(
    agent: &Agent,
    comment: &Comment,
    order: Slash,
) -> Result<Option<CaseId>, IntakeError> {
    // A poll reads a comment more than once; an old halt must not come back after it was lifted.
    let key = format!("comment {} {}", comment.ticket, comment.id);
    if agent.journal.bookmark(&key).await?.is_some() {
        return Ok(None);
    }
    if !may_order(agent, comment).await? {
        tracing::info!(ticket = %comment.ticket, author = %comment.author, "an order without permission");
        agent.forge.react(comment, Reaction::Confused).await?;
        return Ok(None);
    }
    let case = match order {
        Slash::Say(says) => match say(agent, comment, &key, says).await? {
            Ok(case) => Some(case),
            Err(unheeded) => {
                refuse(agent, comment, unheeded).await?;
                agent.journal.set_bookmark(&key, agent.clock.now()).await?;
                return Ok(None);
            }
        },
        Slash::Halt(why) => {
            let why = agent.redactor.text(&why);
            let pause = Pause { by: comment.author.clone(), at: agent.clock.now(), why };
            agent.journal.set_pause(Some(&pause)).await?;
            None
        }
        Slash::Resume => {
            agent.journal.set_pause(None).await?;
            None
        }
        Slash::Support | Slash::Other(_) => return Ok(None),
    };
    agent.journal.set_bookmark(&key, agent.clock.now()).await?;
    // What was ordered is what counts; it must not be lost for want of a reaction.
    if let Err(error) = agent.forge.react(comment, Reaction::Eyes).await {
        tracing::warn!(ticket = %comment.ticket, %error, "the reaction was not taken");
    }
    Ok(case)
}

async fn may_order(agent: &Agent, comment: &Comment) -> Result<bool, IntakeError> {
    if agent.manners.approvers.iter().any(|login| login.eq_ignore_ascii_case(&comment.author)) {
        return Ok(true);
    }
    let permission = agent.forge.permission(&comment.ticket.repo, &comment.author).await?;
    Ok(permission >= Permission::Write)
}

/// Leaves a word for the case of a ticket.
async fn say(
    agent: &Agent,
    comment: &Comment,
    key: &str,
    says: Says,
) -> Result<Result<CaseId, Unheeded>, IntakeError> {
    let Some(case) = running_case(agent, &comment.ticket).await? else { return Ok(Err(Unheeded::NoCase)) };
    if matches!(says, Says::Approve { .. } | Says::Deny) {
        match (&case.asked, &says) {
            (None, _) => return Ok(Err(Unheeded::NothingAsked)),
            (Some(asked), Says::Approve { plan }) if !asked.plan.is_meant_by(plan) => {
                return Ok(Err(Unheeded::AnotherPlan));
            }
            _ => {}
        }
    }
    let word = Word { by: comment.author.clone(), at: comment.created_at, says };
    agent.journal.post(&case.id, key, &word).await?;
    Ok(Ok(case.id))
}

/// Says once, to one who may give orders, why this one was not followed.
async fn refuse(agent: &Agent, comment: &Comment, why: Unheeded) -> Result<(), IntakeError> {
    agent.forge.react(comment, Reaction::Confused).await?;
    let marker = Marker::new(&format!("reply comment={}", comment.id));
    // A comment comes by several doors at once, to several replicas: two that look for the marker at the
    // same moment would both not find it.
    if !agent.journal.take_turn(marker.as_str(), agent.clock.now(), OPENING).await? {
        return Ok(());
    }
    let why = match why {
        Unheeded::NoCase => "no-case",
        Unheeded::NothingAsked => "nothing-asked",
        Unheeded::AnotherPlan => "another-plan",
    };
    let text = agent.prompts.fill("reply.md", json!({ "why": why, "command": agent.manners.command }));
    let body = agent.redactor.text(&format!("{}\n{text}", marker.as_str()));
    agent.forge.upsert_comment(&comment.ticket, &marker, &body).await?;
    Ok(())
}

/// The case of a ticket that has not come to its outcome.
async fn running_case(agent: &Agent, ticket: &TicketId) -> Result<Option<Case>, JournalError> {
    let lines = agent.journal.cases(RECENT).await?;
    let Some(line) = lines.iter().find(|line| line.ticket == *ticket && line.outcome.is_none()) else {
        return Ok(None);
    };
    Ok(Case::fold(&line.id, &agent.journal.load(&line.id).await?).ok())
}

/// Tells a running case of the label that pauses it, or that it was taken off. Gives the case if there
/// was something to tell.
pub async fn heed_label(agent: &Agent, ticket: &Ticket) -> Result<Option<CaseId>, JournalError> {
    let Some(case) = running_case(agent, &ticket.id).await? else { return Ok(None) };
    let Some(Posted { key, word }) = word_of_label(&case, ticket) else { return Ok(None) };
    agent.journal.post(&case.id, &key, &word).await?;
    Ok(Some(case.id))
}

/// What the labels of a ticket say to its case that it has not heard yet.
pub(super) fn word_of_label(case: &Case, ticket: &Ticket) -> Option<Posted> {
    let paused = ticket.labels.iter().any(|label| label.eq_ignore_ascii_case(PAUSE));
    let says = match (paused, &case.halt) {
        (true, None) => Says::Pause,
        (false, Some(_)) => Says::Resume,
        _ => return None,
    };
    let word = Word { by: format!("the label {PAUSE}"), at: ticket.updated_at, says };
    // Each time it is put on or taken off is one to hear.
    Some(Posted { key: format!("label {}", case.heard.len()), word })
}
