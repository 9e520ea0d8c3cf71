//! Performing: the effects that a command leads to, in their order. Each can be performed again without harm:
//! a case and a signal have the comment's key, a comment is found by its marker, and a reaction is idempotent.

use crate::core::case::event::{CaseId, Source};
use crate::core::chatops::decide::{Effect, Progress, already_running};
use crate::core::chatops::reply::{Refusal, Reply};
use crate::core::chatops::scope::CaseScope;
use crate::core::chatops::{CommandName, CommandRequest};
use crate::core::ticket::Ticket;
use crate::engine::context::Context;
use crate::engine::intake::open::{IntakeError, issue_dedupe_key, open};
use crate::engine::publish::once::{once, write};
use crate::ports::{DedupeKey, JournalError, Marker, OpenResult, Reaction, Urgency};
use serde_json::{Value, json};
use std::collections::VecDeque;

/// The key under which a command that was carried out is remembered.
pub(super) fn dedupe_key(request: &CommandRequest) -> DedupeKey {
    DedupeKey::ChatCommand { ticket: request.ticket.clone(), comment: request.comment }
}

/// Performs effects. Gives the case that has something to do.
pub(super) async fn perform(
    context: &Context,
    request: &CommandRequest,
    effects: Vec<Effect>,
) -> Result<Option<CaseId>, IntakeError> {
    let mut case = None;
    let mut effects = VecDeque::from(effects);
    while let Some(effect) = effects.pop_front() {
        match effect {
            Effect::React(progress) => react(context, request, progress).await,
            Effect::OpenCase { ticket, scope } => match open_case(context, request, ticket, scope).await? {
                OpenResult::Opened(opened) => case = Some(opened),
                OpenResult::Running(running) => effects = already_running(request, &running).into(),
                OpenResult::Duplicate => {}
            },
            Effect::SendSignal { case: id, signal } => {
                context.journal.send_signal(&id, &request.key(), &signal).await?;
                case = Some(id);
            }
            Effect::OrderPause(order) => {
                context.journal.order_pause(&order).await?;
            }
            // Another replica is about to post it. Should that fail, the comment is read again.
            Effect::Reply(reply) if post_reply(context, request, &reply).await? == Posted::ByPeer => break,
            Effect::Refuse(refusal) if refuse(context, request, &refusal).await? == Posted::ByPeer => break,
            Effect::Reply(_) | Effect::Refuse(_) => {}
            Effect::MarkDone => {
                context.journal.mark_done(&dedupe_key(request), context.clock.now()).await?;
            }
        }
    }
    Ok(case)
}

/// Shows progress on the comment. A command must not be lost because a reaction failed.
async fn react(context: &Context, request: &CommandRequest, progress: Progress) {
    let reaction = match progress {
        Progress::Seen => Reaction::Eyes,
        Progress::Done => Reaction::Rocket,
        Progress::Failed => Reaction::Confused,
    };
    if let Err(error) = context.forge.react(&request.ticket, request.comment, reaction).await {
        tracing::warn!(ticket = %request.ticket, comment = request.comment, %error, "cannot add a reaction");
    }
}

async fn open_case(
    context: &Context,
    request: &CommandRequest,
    ticket: Ticket,
    scope: CaseScope,
) -> Result<OpenResult, JournalError> {
    // A case that only probes does not answer the ticket, which can still be accepted afterwards.
    let also = if scope.is_read_only() { Vec::new() } else { vec![issue_dedupe_key(&request.ticket)] };
    let source = Source::Command { user: request.author.clone(), comment: Some(request.comment), scope };
    open(context, ticket, source, &request.key(), also).await
}

/// Who posts a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Posted {
    Here,
    /// Another replica, or another task of this one, is about to.
    ByPeer,
}

async fn post_reply(
    context: &Context,
    request: &CommandRequest,
    reply: &Reply,
) -> Result<Posted, IntakeError> {
    let marker = Marker::new(&format!("reply comment={}", request.comment));
    post(context, request, &marker, template(reply), json!(reply)).await
}

/// The prompt that says a reply.
fn template(reply: &Reply) -> &'static str {
    match reply {
        Reply::UnknownCommand { .. } | Reply::Usage { .. } => "misread.md",
        Reply::UnknownPlaybook { .. } | Reply::TakesNoValues { .. } | Reply::InvalidArguments { .. } => {
            "misrun.md"
        }
        Reply::Status(_) => "standing.md",
        Reply::Explanation(_) => "explain.md",
        Reply::Help(_) => "help.md",
        Reply::NoCase
        | Reply::NothingPending
        | Reply::OtherPlan
        | Reply::OlderThanQuestion
        | Reply::OwnOrder
        | Reply::Busy { .. }
        | Reply::Closed
        | Reply::Locked
        | Reply::Edited
        | Reply::NothingToRetry
        | Reply::NothingToExplain
        | Reply::Unreadable { .. }
        | Reply::Paused { .. }
        | Reply::Resumed
        | Reply::Superseded
        | Reply::PausedElsewhere { .. }
        | Reply::SystemUnclear { .. }
        | Reply::UnknownSystem { .. } => "reply.md",
    }
}

/// Tells a person who may give the command: once a day in a repository. Nothing is written for further commands,
/// so that nobody without permission uses up GitHub's limits for writing.
async fn refuse(
    context: &Context,
    request: &CommandRequest,
    refusal: &Refusal,
) -> Result<Posted, IntakeError> {
    let name = match refusal.name {
        None => "unknown",
        Some(CommandName::Take) => "take",
        Some(name) => name.word(),
    };
    tracing::info!(ticket = %request.ticket, author = %request.author, command = name, "command refused");
    let author = request.author.to_lowercase();
    let key = DedupeKey::Refusal { repo: request.ticket.repo.clone(), author: author.clone() };
    let now = context.clock.now();
    if context.journal.done_at(&key).await?.is_some_and(|told_at| now - told_at < key.ttl()) {
        return Ok(Posted::Here);
    }
    let marker = Marker::new(&format!("refusal by={author} order={name}"));
    let posted = post(context, request, &marker, "refused.md", json!(refusal)).await?;
    if posted == Posted::Here {
        react(context, request, Progress::Failed).await;
        context.journal.mark_done(&key, now).await?;
    }
    Ok(posted)
}

/// Posts a comment once, however many replicas handle the command at the same moment.
async fn post(
    context: &Context,
    request: &CommandRequest,
    marker: &Marker,
    prompt: &str,
    mut data: Value,
) -> Result<Posted, IntakeError> {
    let lock = format!("{} {}", request.ticket, marker.as_str());
    if let Value::Object(data) = &mut data {
        data.insert("command".into(), json!(context.forge_settings.command));
        data.insert("author".into(), json!(request.author));
    }
    let text = context.prompts.fill(prompt, data);
    let posted = once(context, &lock, async {
        match write(context, &request.ticket, marker, &text, Urgency::Answer).await {
            // The comment is handed in again, as long as the refusal may be one of a moment.
            Err(error) if error.is_final_after(context.clock.now() - request.written_at) => {
                tracing::warn!(ticket = %request.ticket, %error, "GitHub refused the reply");
                Ok(())
            }
            written => written.map_err(IntakeError::from),
        }
    });
    Ok(if posted.await?.is_some() { Posted::Here } else { Posted::ByPeer })
}
