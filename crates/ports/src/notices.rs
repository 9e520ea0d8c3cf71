//! [`Notices`]: the queue of what people are told, and [`NoticeChannel`]: a way by which they are.

use crate::journal::JournalError;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fieldmedic_core::ids::ChannelName;
use serde_json::Value;
use std::time::Duration;

/// So many notices wait for one channel at most. A later one takes the place of the oldest that is not on its way.
pub const MAX_WAITING: u32 = 500;

/// So many notices go into one message at most.
pub const MAX_IN_MESSAGE: u32 = 50;

/// The queue of notices. What is in it outlives the process.
///
/// # Errors
/// Every method: [`JournalError::Unavailable`] if the store cannot be used, [`JournalError::Unreadable`] if
/// it holds what this program cannot read.
#[async_trait]
pub trait Notices: Send + Sync {
    /// Queues notices, all or none. A key is taken once for each channel; it is remembered for at least a week after
    /// its notice was settled. No more than [`MAX_WAITING`] wait for a channel.
    async fn enqueue_notices(
        &self,
        notices: &[QueuedNotice],
        now: DateTime<Utc>,
    ) -> Result<Enqueued, JournalError>;

    /// The message that a channel is to send now. Others do not get it before `ttl` is over. A message that was begun
    /// and not settled comes first, and as it was. Nobody else sends for this channel meanwhile.
    ///
    /// A notice that is not to be bundled is a message by itself, unless more than `bundle_from` of them are due:
    /// then they are one message.
    async fn next_message(
        &self,
        channel: &ChannelName,
        now: DateTime<Utc>,
        ttl: Duration,
        bundle_from: usize,
    ) -> Result<Option<QueuedMessage>, JournalError>;

    /// Gives a message back, to be tried again after a pause.
    async fn postpone_message(
        &self,
        channel: &ChannelName,
        message: &str,
        now: DateTime<Utc>,
        pause: Duration,
    ) -> Result<(), JournalError>;

    /// Notes that a message was sent, or given up: its notices are done.
    async fn settle_message(
        &self,
        channel: &ChannelName,
        message: &str,
        now: DateTime<Utc>,
    ) -> Result<(), JournalError>;

    /// How many notices wait, for each channel for which any wait, by its name.
    async fn waiting_notices(&self) -> Result<Vec<(ChannelName, u64)>, JournalError>;
}

/// A notice for one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuedNotice {
    /// The channel.
    pub channel: ChannelName,
    /// The same occasion has the same key.
    pub key: String,
    /// The notice, redacted.
    pub body: Value,
    /// It is sent at this moment or later.
    pub due: DateTime<Utc>,
    /// It is sent with others in one message.
    pub is_bundled: bool,
}

/// What came of queueing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Enqueued {
    /// How many are new.
    pub new: u64,
    /// How many older ones were given up for them, because too many wait.
    pub dropped: u64,
}

/// A message that is on its way. A crash or a retry does not change what is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuedMessage {
    /// The same for every try, so that a receiver can drop a copy. 32 digits and letters.
    pub id: String,
    /// Its notices, in the order in which they became due; at least one.
    pub notices: Vec<Value>,
    /// How often it was tried before.
    pub tries: u32,
    /// When the oldest of its notices was queued.
    pub queued_at: DateTime<Utc>,
}

/// A way by which people are told.
#[async_trait]
pub trait NoticeChannel: Send + Sync {
    /// Sends a message. It takes a limited time.
    ///
    /// # Errors
    /// [`SendError`]; its text names neither the address nor a secret of the channel.
    async fn send(&self, message: &Message) -> Result<(), SendError>;

    /// Checks what can be checked without telling anybody.
    ///
    /// # Errors
    /// [`SendError`].
    async fn check(&self) -> Result<ChannelCheck, SendError>;
}

/// What a check of a channel means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelCheck {
    /// The server answered, and accepts the credentials as far as it told.
    Answered,
    /// Its server was not asked: everything that it is sent becomes a message.
    NotAsked,
}

/// A message in words, without any markup: a channel adds its own, and escapes everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The same for every try.
    pub id: String,
    /// When the newest of its events happened.
    pub at: DateTime<Utc>,
    /// The subject: the one event, or how many there are.
    pub title: String,
    /// One for each event; at least one.
    pub entries: Vec<MessageEntry>,
    /// What follows where not all entries have room.
    pub more: String,
    /// The words on the link to a ticket.
    pub link: String,
}

/// One event of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageEntry {
    /// The word of the event, such as `escalated`.
    pub event: String,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The systems that it is about.
    pub systems: Vec<String>,
    /// What happened, in one line.
    pub headline: String,
    /// Why, in one line; it may be empty.
    pub detail: String,
    /// The ticket, if there is an issue.
    pub ticket: Option<MessageTicket>,
}

/// The ticket of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageTicket {
    /// Its address, such as `example/tickets#12`.
    pub address: String,
    /// Its title, redacted; strangers write it.
    pub title: String,
    /// Its page; `None` if it is not known.
    pub url: Option<String>,
}

/// Why a message was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The server cannot be reached, does not answer in time, or has trouble of its own. Later it may work.
    #[error("{why}")]
    Unavailable {
        /// What was met.
        why: String,
        /// When the server wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The server knows neither the address nor the login. It works again when a person has changed something.
    #[error("{0}")]
    Misconfigured(String),
    /// The server refuses this very message. Another may be accepted.
    #[error("{0}")]
    Refused(String),
}
