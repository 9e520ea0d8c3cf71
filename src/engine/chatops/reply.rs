//! What is said and shown to whoever gave an order. A reply is one comment for each order, found by its
//! marker; a reaction is never worth failing for.

use crate::core::chatops::CommandName;
use crate::core::chatops::access::{Capability, Permission};
use crate::engine::context::Context;
use crate::engine::intake::open::IntakeError;
use crate::engine::publish::once::{CREATE_LOCK_TTL, write};
use crate::ports::{Comment, Marker, Reaction};
use serde_json::{Value, json};

/// What to say, by the prompt that says it.
pub(crate) struct Reply {
    prompt: &'static str,
    data: Value,
}

/// Whether something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Posted {
    Now,
    /// Another replica, or another door, is about to say it. Should it not come to that, the comment is
    /// read again.
    ByPeer,
}

impl Reply {
    /// One of the short answers of `prompts/reply.md`.
    pub fn of(why: &'static str) -> Self {
        Self::new(why, json!({}))
    }

    /// The same, with what it needs to be filled.
    pub fn new(why: &'static str, data: Value) -> Self {
        Self::filled("reply.md", data).with("why", json!(why))
    }

    pub fn filled(prompt: &'static str, data: Value) -> Self {
        Self { prompt, data }
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        if let Value::Object(data) = &mut self.data {
            data.insert(key.to_owned(), value);
        }
        self
    }
}

/// Answers a comment, once.
pub(crate) async fn say(agent: &Context, comment: &Comment, reply: Reply) -> Result<Posted, IntakeError> {
    say_as(agent, comment, &Marker::new(&format!("reply comment={}", comment.id)), reply).await
}

/// Says to a person who may not give an order who may: once for each kind of order in each ticket. After
/// that it is only shown.
pub(crate) async fn refuse(
    agent: &Context,
    comment: &Comment,
    verb: Option<CommandName>,
    right: Option<Capability>,
) -> Result<Posted, IntakeError> {
    tracing::info!(ticket = %comment.ticket, author = %comment.author, ?verb, "an order without permission");
    react(agent, comment, Reaction::Confused).await;
    let order = verb.map_or("unknown", |verb| if verb == CommandName::Take { "take" } else { verb.word() });
    let author = comment.author.to_lowercase();
    let told = format!("refused {} {author} {order}", comment.ticket);
    if agent.journal.cursor(&told).await?.is_some() {
        return Ok(Posted::Now);
    }
    let holders = right.map(|right| agent.forge_settings.roles.holders(right));
    // For any right at all, it is enough to name the one that the fewest need more for.
    let holders = holders.unwrap_or(&agent.forge_settings.roles.view);
    let data = json!({
        "order": verb.map_or("", CommandName::word),
        "permission": holders.from.map(Permission::word),
        "people": holders.people,
    });
    let marker = Marker::new(&format!("refusal by={author} order={order}"));
    let said = say_as(agent, comment, &marker, Reply::filled("refused.md", data)).await?;
    if said == Posted::Now {
        agent.journal.set_cursor(&told, agent.clock.now()).await?;
    }
    Ok(said)
}

async fn say_as(
    agent: &Context,
    comment: &Comment,
    marker: &Marker,
    reply: Reply,
) -> Result<Posted, IntakeError> {
    // A comment comes by several doors at once, to several replicas: two that look for the marker at the
    // same moment would both not find it.
    let turn = format!("{} {}", comment.ticket, marker.as_str());
    if !agent.journal.try_once_every(&turn, agent.clock.now(), CREATE_LOCK_TTL).await? {
        return Ok(Posted::ByPeer);
    }
    let Reply { prompt, data } =
        reply.with("command", json!(agent.forge_settings.command)).with("author", json!(comment.author));
    let text = agent.prompts.fill(prompt, data);
    match write(agent, &comment.ticket, marker, &text).await {
        Err(error) if error.is_permanent() => {
            tracing::warn!(ticket = %comment.ticket, %error, "an answer was not taken");
        }
        said => said?,
    }
    Ok(Posted::Now)
}

/// Shows what became of an order. What was ordered is what counts; it must not be lost for want of this.
pub(crate) async fn react(agent: &Context, comment: &Comment, reaction: Reaction) {
    if let Err(error) = agent.forge.react(&comment.ticket, comment.id, reaction).await {
        tracing::warn!(ticket = %comment.ticket, %error, "the reaction was not taken");
    }
}
