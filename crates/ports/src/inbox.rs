//! [`Inbox`]: what others leave for the engine: deliveries, signals to cases, and the pause.

use crate::journal::JournalError;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fieldmedic_core::case::event::CaseId;
use fieldmedic_core::case::signal::{QueuedSignal, Signal};
use fieldmedic_core::policy::pause_order::PauseOrder;
use fieldmedic_core::policy::permit::Pause;
use std::time::Duration;

/// The queues.
///
/// # Errors
/// Every method: [`JournalError::Unavailable`] if the store cannot be used, [`JournalError::Unreadable`] if
/// it holds what this program cannot read.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Queues deliveries until they are processed, all or none. One whose key is queued already is not queued again.
    /// Gives how many were queued.
    async fn enqueue_deliveries(&self, deliveries: &[QueuedDelivery]) -> Result<u64, JournalError>;

    /// Queues one delivery. `false`: one with its key is queued already.
    async fn enqueue_delivery(&self, delivery: &QueuedDelivery) -> Result<bool, JournalError> {
        Ok(self.enqueue_deliveries(std::slice::from_ref(delivery)).await? == 1)
    }

    /// The oldest delivery that nobody processes. Others do not get it before `now + ttl`. A power failure may take
    /// this and [`ack_delivery`](Self::ack_delivery) back: then it is processed once more.
    async fn next_delivery(
        &self,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<Option<QueuedDelivery>, JournalError>;

    /// Removes a delivery that was processed.
    async fn ack_delivery(&self, key: &str) -> Result<(), JournalError>;

    /// The newest order to pause or resume all changes that took effect.
    async fn pause_order(&self) -> Result<Option<PauseOrder>, JournalError>;

    /// Has an order take effect, if it supersedes the one that stands. Gives whether it did. Of two that come at
    /// once, one is compared with the other.
    async fn order_pause(&self, order: &PauseOrder) -> Result<bool, JournalError>;

    /// The pause in force.
    async fn pause_state(&self) -> Result<Option<Pause>, JournalError> {
        Ok(self.pause_order().await?.and_then(|order| order.pause()))
    }

    /// Queues a signal for a case. The same key is kept once for a case; `false`: it was there.
    ///
    /// Only the driver of a case writes its records: others reach it in this way.
    async fn send_signal(&self, case: &CaseId, key: &str, signal: &Signal) -> Result<bool, JournalError>;

    /// The signals for a case, in the order in which they were sent.
    async fn signals(&self, case: &CaseId) -> Result<Vec<QueuedSignal>, JournalError>;
}

/// A delivery of the webhook. Its texts are redacted.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuedDelivery {
    /// What it is, by its content: the same content has the same key.
    pub key: String,
    /// The delivery, as JSON.
    pub body: serde_json::Value,
}
