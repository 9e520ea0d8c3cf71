//! Orders: the slash commands that people write into tickets.
//!
//! A comment comes by several doors, again and again, and to several replicas at once. So everything that
//! an order does is done once for a comment, by its key, and the comment is remembered when all of it was
//! done: an error loses nothing.
//!
//! - `begin`: orders that open a case.
//! - `tell`: orders that only ask.
//! - `reply`: what is said and shown to whoever gave one.

mod open;
mod reply;
pub(crate) mod signals;
mod tell;

use crate::core::case::event::CaseId;
use crate::core::chatops::access::{Capability, Permission};
use crate::core::chatops::{ChatCommand, CommandName, ParseError, command};
use crate::core::policy::permit::Pause;
use crate::engine::chatops::reply::{Posted, Reply};
use crate::engine::chatops::signals::{SignalRejected, send_signal};
use crate::engine::context::Context;
use crate::engine::intake::open::IntakeError;
use crate::ports::{Comment, ForgeError, JournalError, Marker, Reaction};
use serde_json::json;

/// What came of an order.
enum CommandOutcome {
    /// It opened this case, which says itself what becomes of it.
    Opened(CaseId),
    /// This case was told.
    Signalled(CaseId),
    /// It was answered.
    Answered(Reply),
    /// It could not be followed.
    Rejected(Reply),
    /// It was followed before.
    Duplicate,
}

/// Takes in a comment: an order by a person who may give it is followed, once. Gives the case that has
/// something to do.
pub async fn accept_comment(agent: &Context, comment: &Comment) -> Result<Option<CaseId>, IntakeError> {
    let Some(order) = command(&comment.body, &agent.forge_settings.command) else {
        return crate::engine::intake::feedback::accept_feedback(agent, comment).await;
    };
    let key = key_of(comment);
    if is_by_a_machine(agent, comment).await? || agent.journal.cursor(&key).await?.is_some() {
        return Ok(None);
    }
    let (said, case) = match allowed(agent, comment, &order).await? {
        Err(right) => (reply::refuse(agent, comment, verb_of(&order), right).await?, None),
        Ok(rights) => handle(agent, comment, order, &rights).await?,
    };
    if said == Posted::Now {
        agent.journal.set_cursor(&key, agent.clock.now()).await?;
    }
    Ok(case)
}

/// An order by its content: what it does is done once for it.
fn key_of(comment: &Comment) -> String {
    format!("comment {} {}", comment.ticket, comment.id)
}

/// The agent answers neither itself, whatever name it has, nor another machine.
async fn is_by_a_machine(agent: &Context, comment: &Comment) -> Result<bool, ForgeError> {
    let is_marked = comment.by_bot || Marker::is_in(&comment.body);
    Ok(is_marked || comment.author.eq_ignore_ascii_case(&agent.forge.me().await?))
}

fn verb_of(order: &Result<ChatCommand, ParseError>) -> Option<CommandName> {
    match order {
        Ok(slash) => Some(slash.name()),
        Err(misread) => misread.verb(),
    }
}

/// The rights of the author, if they are enough for the order; else the one that is lacking, or `None` if
/// any would do. What a person may do and GitHub will not tell is nothing.
async fn allowed(
    agent: &Context,
    comment: &Comment,
    order: &Result<ChatCommand, ParseError>,
) -> Result<Result<Vec<Capability>, Option<Capability>>, ForgeError> {
    let permission = match agent.forge.permission(&comment.ticket.repo, &comment.author).await {
        Err(error) if error.is_permanent() => {
            tracing::warn!(author = %comment.author, %error, "nobody can tell what this person may do");
            Permission::None
        }
        permission => permission?,
    };
    let roles = &agent.forge_settings.roles;
    let has = |right: &Capability| roles.allow(*right, &comment.author, permission);
    let rights: Vec<Capability> = Capability::ALL.into_iter().filter(has).collect();
    let needed = verb_of(order).and_then(CommandName::right);
    let is_enough = match needed {
        Some(right) => rights.contains(&right),
        None => !rights.is_empty(),
    };
    Ok(if is_enough { Ok(rights) } else { Err(needed) })
}

/// Does what was ordered, and shows that it is: 👀 when it is heard, 🚀 when it is done, 😕 when it cannot
/// be followed.
async fn handle(
    agent: &Context,
    comment: &Comment,
    order: Result<ChatCommand, ParseError>,
    rights: &[Capability],
) -> Result<(Posted, Option<CaseId>), IntakeError> {
    let course = match order {
        // Who edits a comment need not be who wrote it, and nobody says what it was before.
        _ if comment.updated_at > comment.created_at => CommandOutcome::Rejected(Reply::of("edited")),
        Err(misread) => CommandOutcome::Rejected(tell::parse_error_reply(agent, &misread)),
        Ok(slash) => {
            reply::react(agent, comment, Reaction::Eyes).await;
            execute(agent, comment, slash, rights).await?
        }
    };
    Ok(match course {
        CommandOutcome::Opened(case) => (Posted::Now, Some(case)),
        CommandOutcome::Signalled(case) => {
            reply::react(agent, comment, Reaction::Rocket).await;
            (Posted::Now, Some(case))
        }
        CommandOutcome::Answered(answer) => {
            let said = reply::say(agent, comment, answer).await?;
            reply::react(agent, comment, Reaction::Rocket).await;
            (said, None)
        }
        CommandOutcome::Rejected(why) => {
            reply::react(agent, comment, Reaction::Confused).await;
            (reply::say(agent, comment, why).await?, None)
        }
        CommandOutcome::Duplicate => (Posted::Now, None),
    })
}

async fn execute(
    agent: &Context,
    comment: &Comment,
    slash: ChatCommand,
    rights: &[Capability],
) -> Result<CommandOutcome, IntakeError> {
    Ok(match slash {
        ChatCommand::Work => crate::engine::chatops::open::treat(agent, comment).await?,
        ChatCommand::Retry => crate::engine::chatops::open::retry(agent, comment).await?,
        ChatCommand::Diagnose { system } => {
            crate::engine::chatops::open::diagnose(agent, comment, system.as_deref()).await?
        }
        ChatCommand::Run(run) => crate::engine::chatops::open::run(agent, comment, run).await?,
        ChatCommand::Signal(says) => match send_signal(agent, comment, &key_of(comment), says).await? {
            Ok(case) => CommandOutcome::Signalled(case),
            Err(unheeded) => CommandOutcome::Rejected(unheeded.into()),
        },
        ChatCommand::Pause(why) => {
            let why = agent.redactor.text(&why);
            let pause = Pause { by: comment.author.clone(), at: agent.clock.now(), why };
            halt(agent, comment, Some(&pause)).await?;
            CommandOutcome::Answered(Reply::new("halted", json!({ "why_halted": pause.why.as_str() })))
        }
        ChatCommand::Resume => {
            halt(agent, comment, None).await?;
            CommandOutcome::Answered(Reply::of("resumed"))
        }
        ChatCommand::Status => CommandOutcome::Answered(tell::status(agent, &comment.ticket).await?),
        ChatCommand::Explain => tell::explain(agent, &comment.ticket).await?,
        ChatCommand::Help => CommandOutcome::Answered(tell::help(agent, comment, rights).await?),
    })
}

/// When the newest order about halts was given.
const HALTS: &str = "newest order about halts";

/// Calls a halt or lifts it. An order that comes late, or once more, does not undo a newer one.
async fn halt(agent: &Context, comment: &Comment, pause: Option<&Pause>) -> Result<(), JournalError> {
    let newest = agent.journal.cursor(HALTS).await?;
    if newest.is_some_and(|newest| newest > comment.created_at) {
        return Ok(());
    }
    agent.journal.set_pause(pause).await?;
    agent.journal.set_cursor(HALTS, comment.created_at).await
}

impl From<SignalRejected> for Reply {
    fn from(why: SignalRejected) -> Self {
        Reply::of(match why {
            SignalRejected::NoCase => "no-case",
            SignalRejected::NothingPending => "nothing-asked",
            SignalRejected::AnotherPlan => "another-plan",
        })
    }
}
