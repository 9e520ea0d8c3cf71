//! Orders: the slash commands that people write into tickets.
//!
//! A comment comes by several doors, again and again, and to several replicas at once. So everything that
//! an order does is done once for a comment, by its key, and the comment is remembered when all of it was
//! done: an error loses nothing.
//!
//! - `begin`: orders that open a case.
//! - `tell`: orders that only ask.
//! - `reply`: what is said and shown to whoever gave one.

mod begin;
mod reply;
mod tell;

pub(super) use reply::mark_done;
pub(super) use tell::looked;

use super::Agent;
use super::intake::IntakeError;
use super::words::{Unheeded, say};
use crate::core::event::CaseId;
use crate::core::policy::Pause;
use crate::core::rights::{Permission, Right};
use crate::core::slash::{Misread, Slash, Verb, command};
use crate::ports::{Comment, ForgeError, JournalError, Marker, Reaction};
use reply::{Reply, Said};
use serde_json::json;

/// What came of an order.
enum Course {
    /// It opened this case, which says itself what becomes of it.
    Begun(CaseId),
    /// This case was told.
    Passed(CaseId),
    /// It was answered.
    Told(Reply),
    /// It could not be followed.
    Unfit(Reply),
    /// It was followed before.
    Past,
}

/// Takes in a comment: an order by a person who may give it is followed, once. Gives the case that has
/// something to do.
pub async fn take_comment(agent: &Agent, comment: &Comment) -> Result<Option<CaseId>, IntakeError> {
    let Some(order) = command(&comment.body, &agent.manners.command) else {
        return super::reply::take_reply(agent, comment).await;
    };
    let key = key_of(comment);
    if is_by_a_machine(agent, comment).await? || agent.journal.bookmark(&key).await?.is_some() {
        return Ok(None);
    }
    let (said, case) = match allowed(agent, comment, &order).await? {
        Err(right) => (reply::refuse(agent, comment, verb_of(&order), right).await?, None),
        Ok(rights) => follow(agent, comment, order, &rights).await?,
    };
    if said == Said::Here {
        agent.journal.set_bookmark(&key, agent.clock.now()).await?;
    }
    Ok(case)
}

/// An order by its content: what it does is done once for it.
fn key_of(comment: &Comment) -> String {
    format!("comment {} {}", comment.ticket, comment.id)
}

/// The agent answers neither itself, whatever name it has, nor another machine.
async fn is_by_a_machine(agent: &Agent, comment: &Comment) -> Result<bool, ForgeError> {
    let is_marked = comment.by_bot || Marker::is_in(&comment.body);
    Ok(is_marked || comment.author.eq_ignore_ascii_case(&agent.forge.me().await?))
}

fn verb_of(order: &Result<Slash, Misread>) -> Option<Verb> {
    match order {
        Ok(slash) => Some(slash.verb()),
        Err(misread) => misread.verb(),
    }
}

/// The rights of the author, if they are enough for the order; else the one that is lacking, or `None` if
/// any would do. What a person may do and GitHub will not tell is nothing.
async fn allowed(
    agent: &Agent,
    comment: &Comment,
    order: &Result<Slash, Misread>,
) -> Result<Result<Vec<Right>, Option<Right>>, ForgeError> {
    let permission = match agent.forge.permission(&comment.ticket.repo, &comment.author).await {
        Err(error) if error.is_lasting() => {
            tracing::warn!(author = %comment.author, %error, "nobody can tell what this person may do");
            Permission::None
        }
        permission => permission?,
    };
    let roles = &agent.manners.roles;
    let has = |right: &Right| roles.allow(*right, &comment.author, permission);
    let rights: Vec<Right> = Right::ALL.into_iter().filter(has).collect();
    let needed = verb_of(order).and_then(Verb::right);
    let is_enough = match needed {
        Some(right) => rights.contains(&right),
        None => !rights.is_empty(),
    };
    Ok(if is_enough { Ok(rights) } else { Err(needed) })
}

/// Does what was ordered, and shows that it is: 👀 when it is heard, 🚀 when it is done, 😕 when it cannot
/// be followed.
async fn follow(
    agent: &Agent,
    comment: &Comment,
    order: Result<Slash, Misread>,
    rights: &[Right],
) -> Result<(Said, Option<CaseId>), IntakeError> {
    let course = match order {
        // Who edits a comment need not be who wrote it, and nobody says what it was before.
        _ if comment.updated_at > comment.created_at => Course::Unfit(Reply::of("edited")),
        Err(misread) => Course::Unfit(tell::misread(agent, &misread)),
        Ok(slash) => {
            reply::react(agent, comment, Reaction::Eyes).await;
            obey(agent, comment, slash, rights).await?
        }
    };
    Ok(match course {
        Course::Begun(case) => (Said::Here, Some(case)),
        Course::Passed(case) => {
            reply::react(agent, comment, Reaction::Rocket).await;
            (Said::Here, Some(case))
        }
        Course::Told(answer) => {
            let said = reply::say(agent, comment, answer).await?;
            reply::react(agent, comment, Reaction::Rocket).await;
            (said, None)
        }
        Course::Unfit(why) => {
            reply::react(agent, comment, Reaction::Confused).await;
            (reply::say(agent, comment, why).await?, None)
        }
        Course::Past => (Said::Here, None),
    })
}

async fn obey(
    agent: &Agent,
    comment: &Comment,
    slash: Slash,
    rights: &[Right],
) -> Result<Course, IntakeError> {
    Ok(match slash {
        Slash::Take => begin::treat(agent, comment).await?,
        Slash::Retry => begin::retry(agent, comment).await?,
        Slash::Diagnose { system } => begin::diagnose(agent, comment, system.as_deref()).await?,
        Slash::Run(run) => begin::run(agent, comment, run).await?,
        Slash::Say(says) => match say(agent, comment, &key_of(comment), says).await? {
            Ok(case) => Course::Passed(case),
            Err(unheeded) => Course::Unfit(unheeded.into()),
        },
        Slash::Halt(why) => {
            let why = agent.redactor.text(&why);
            let pause = Pause { by: comment.author.clone(), at: agent.clock.now(), why };
            halt(agent, comment, Some(&pause)).await?;
            Course::Told(Reply::new("halted", json!({ "why_halted": pause.why.as_str() })))
        }
        Slash::Resume => {
            halt(agent, comment, None).await?;
            Course::Told(Reply::of("resumed"))
        }
        Slash::Status => Course::Told(tell::status(agent, &comment.ticket).await?),
        Slash::Explain => tell::explain(agent, &comment.ticket).await?,
        Slash::Help => Course::Told(tell::help(agent, comment, rights).await?),
    })
}

/// When the newest order about halts was given.
const HALTS: &str = "newest order about halts";

/// Calls a halt or lifts it. An order that comes late, or once more, does not undo a newer one.
async fn halt(agent: &Agent, comment: &Comment, pause: Option<&Pause>) -> Result<(), JournalError> {
    let newest = agent.journal.bookmark(HALTS).await?;
    if newest.is_some_and(|newest| newest > comment.created_at) {
        return Ok(());
    }
    agent.journal.set_pause(pause).await?;
    agent.journal.set_bookmark(HALTS, comment.created_at).await
}

impl From<Unheeded> for Reply {
    fn from(why: Unheeded) -> Self {
        Reply::of(match why {
            Unheeded::NoCase => "no-case",
            Unheeded::NothingAsked => "nothing-asked",
            Unheeded::AnotherPlan => "another-plan",
        })
    }
}
