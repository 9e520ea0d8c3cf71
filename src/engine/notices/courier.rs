//! The courier of one channel: sends what waits for it, one message after another.
//!
//! Each channel has its own, so one that hangs holds up no other. A message is kept from other replicas while it is
//! sent, and settled afterwards. A crash between the two sends it again, with the same id.

use crate::core::ids::ChannelName;
use crate::core::notice::breaker::{Breaker, BreakerChange};
use crate::engine::context::Context;
use crate::engine::notices::compose::compose;
use crate::engine::shutdown::Shutdown;
use crate::ports::{JournalError, NoticeChannel, QueuedMessage, SendError};
use chrono::TimeDelta;
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked for what is due.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long a shutdown waits for a message that is under way.
const LAST_MOMENT: Duration = Duration::from_secs(3);

/// Longer than one try takes.
const HOLD: Duration = Duration::from_secs(90);

/// From so many on that are due at once, they are one message.
const BUNDLE_FROM: usize = 4;

/// A message that the server refuses so often is given up.
const MOST_REFUSALS: u32 = 3;

/// A message that could not be sent for so long is no news any more.
const OLDEST: TimeDelta = TimeDelta::days(3);

/// Sends for one channel.
pub struct Courier {
    context: Context,
    name: ChannelName,
    channel: Arc<dyn NoticeChannel>,
    breaker: Breaker,
}

/// What a courier has just done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Nothing is due, or the channel is left alone for a while.
    Idle,
    /// A message was sent.
    Sent,
    /// A message could not be sent, and is tried again.
    Postponed,
    /// A message was given up.
    GivenUp,
}

impl Courier {
    /// For this channel.
    pub fn new(context: Context, name: ChannelName, channel: Arc<dyn NoticeChannel>) -> Self {
        Self { context, name, channel, breaker: Breaker::default() }
    }

    /// Sends until the shutdown is requested. A message that hangs then is left, and sent again after the start.
    pub async fn run(mut self, stop: Shutdown) {
        while !stop.is_requested() {
            let Some(delivered) = self.deliver_until(&stop).await else { return };
            match delivered {
                Ok(Delivery::Sent | Delivery::GivenUp) => continue,
                Ok(Delivery::Idle | Delivery::Postponed) => {}
                Err(error) => {
                    tracing::debug!(%error, channel = %self.name, "the queue of notices cannot be used");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = stop.requested() => {}
            }
        }
    }

    /// A delivery that a shutdown meets has a moment to end, so that it is not made again. `None` if it was left.
    async fn deliver_until(&mut self, stop: &Shutdown) -> Option<Result<Delivery, JournalError>> {
        let delivery = self.deliver();
        tokio::pin!(delivery);
        tokio::select! {
            biased;
            delivered = &mut delivery => Some(delivered),
            () = stop.requested() => tokio::time::timeout(LAST_MOMENT, delivery).await.ok(),
        }
    }

    /// Sends the next message that is due.
    ///
    /// # Errors
    /// If the journal cannot be used. A message that was sent meanwhile is sent again, with the same id.
    pub async fn deliver(&mut self) -> Result<Delivery, JournalError> {
        let now = self.context.clock.now();
        if !self.breaker.allows(now) {
            return Ok(Delivery::Idle);
        }
        let journal = self.context.journal.clone();
        let Some(queued) = journal.next_message(&self.name, now, HOLD, BUNDLE_FROM).await? else {
            return Ok(Delivery::Idle);
        };
        let Some(message) = compose(&self.context.prompts, &self.context.redactor, &queued) else {
            return self.give_up(&queued, "a later version wrote it").await;
        };
        let sent = self.channel.send(&message).await;
        let now = self.context.clock.now();
        let error = match sent {
            Ok(()) => {
                if self.breaker.succeed() == Some(BreakerChange::Closed) {
                    tracing::info!(channel = %self.name, "this channel takes notices again");
                }
                journal.settle_message(&self.name, &queued.id, now).await?;
                return Ok(Delivery::Sent);
            }
            Err(error) => error,
        };
        let why = self.context.redactor.text(&error.to_string()).as_str().to_owned();
        let is_refused = matches!(error, SendError::Refused(_));
        if is_refused && queued.tries + 1 >= MOST_REFUSALS || now - queued.queued_at > OLDEST {
            // It is this message's fault, or too late: the next one has its own chance.
            return self.give_up(&queued, &why).await;
        }
        let retry_after = match error {
            SendError::Unavailable { retry_after, .. } => retry_after,
            SendError::Misconfigured(_) | SendError::Refused(_) => None,
        };
        let (pause, change) = self.breaker.fail(now, retry_after);
        match change {
            Some(BreakerChange::Opened) => tracing::warn!(
                channel = %self.name, why,
                "this channel takes no notices; they are kept, and it is tried again every half hour at least"
            ),
            _ => {
                tracing::debug!(channel = %self.name, why, ?pause, "a notice could not be sent; it is tried again")
            }
        }
        journal.postpone_message(&self.name, &queued.id, now, pause).await?;
        Ok(Delivery::Postponed)
    }

    async fn give_up(&self, queued: &QueuedMessage, why: &str) -> Result<Delivery, JournalError> {
        tracing::warn!(
            channel = %self.name, why, notices = queued.notices.len(),
            "a message of this channel is given up; its notices are in the tickets and in the log"
        );
        let now = self.context.clock.now();
        self.context.journal.settle_message(&self.name, &queued.id, now).await?;
        Ok(Delivery::GivenUp)
    }
}
