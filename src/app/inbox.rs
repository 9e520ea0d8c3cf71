//! The inbox: webhook deliveries are stored at once, and processed by the same intake as everything else.

use crate::core::case::event::{CaseId, Source};
use crate::core::ticket::TicketId;
use crate::engine::{Context, IntakeError, Shutdown, accept_comment, accept_issue, accept_reopening};
use crate::ports::{JournalError, QueuedDelivery};
use crate::telemetry::spans;
use crate::web;
use crate::web::{Delivery, DeliveryNotStored, DeliverySink, IssueAction, Router, Secrets};
use async_trait::async_trait;
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tracing::Instrument;

/// A process has a delivery for so long. Then it is tried again, here or elsewhere.
const PROCESSING_TTL: Duration = Duration::from_secs(60);

/// How often the journal is asked for deliveries without a notification: another process stored them before it
/// died, or GitHub could not be asked about them.
const CHECK_INTERVAL: Duration = PROCESSING_TTL;

/// Stores deliveries, processes them, and wakes the cases that they open.
#[derive(Clone)]
pub struct DeliveryInbox {
    context: Context,
    case_opened: UnboundedSender<CaseId>,
    notify: Arc<Notify>,
}

impl DeliveryInbox {
    pub fn new(context: Context, case_opened: UnboundedSender<CaseId>) -> Self {
        Self { context, case_opened, notify: Arc::default() }
    }

    /// The webhook's routes, for deliveries signed with one of these secrets.
    pub fn router(&self, secrets: impl IntoIterator<Item = SecretString>) -> Router {
        web::router(web::WebhookConfig {
            secrets: Secrets::new(secrets),
            redactor: (*self.context.redactor).clone(),
            body_limit: web::BODY_LIMIT,
            sink: Arc::new(self.clone()),
        })
    }

    /// Processes what is stored, one delivery after another, until the shutdown is requested.
    pub async fn work(&self, stop: &Shutdown) {
        while !stop.is_requested() {
            if let Err(error) = self.process_pending(stop).await {
                tracing::error!(%error, "the journal cannot be used; trying again");
            }
            tokio::select! {
                biased;
                () = stop.requested() => {}
                () = self.notify.notified() => {}
                () = tokio::time::sleep(CHECK_INTERVAL) => {}
            }
        }
    }

    /// Processes what waits now.
    ///
    /// # Errors
    /// If the journal cannot be used; nothing is lost by it.
    pub async fn process_pending(&self, stop: &Shutdown) -> Result<(), JournalError> {
        while !stop.is_requested() && self.process_next().await? == Processed::One {}
        Ok(())
    }

    async fn process_next(&self) -> Result<Processed, JournalError> {
        let journal = &self.context.journal;
        let Some(queued) = journal.next_delivery(self.context.clock.now(), PROCESSING_TTL).await? else {
            return Ok(Processed::Nothing);
        };
        match serde_json::from_value::<Delivery>(queued.body) {
            Ok(delivery) => match self.process(&queued.key, delivery).await {
                // If nobody listens any more, the case is in the journal and a restart goes on with it.
                Ok(case) => case.into_iter().for_each(|case| drop(self.case_opened.send(case))),
                Err(IntakeError::Forge(error)) if error.is_permanent() => {
                    tracing::warn!(delivery = queued.key, %error, "a delivery was passed over");
                }
                Err(error) => {
                    tracing::warn!(delivery = queued.key, %error, "a delivery is tried again in {PROCESSING_TTL:?}");
                    return Ok(Processed::One);
                }
            },
            // Another version kept it; the poll sees what it was about.
            Err(error) => {
                tracing::error!(delivery = queued.key, %error, "a stored delivery is unreadable")
            }
        }
        journal.ack_delivery(&queued.key).await?;
        Ok(Processed::One)
    }

    async fn process(&self, key: &str, delivery: Delivery) -> Result<Option<CaseId>, IntakeError> {
        let event = match &delivery {
            Delivery::IssueChanged { .. } => "issues",
            Delivery::CommentCreated { .. } => "issue_comment",
        };
        self.accept(delivery).instrument(spans::delivery(key, event)).await
    }

    async fn accept(&self, delivery: Delivery) -> Result<Option<CaseId>, IntakeError> {
        let context = &self.context;
        match delivery {
            Delivery::IssueChanged { ticket, action: IssueAction::Reopened, sender } => {
                // The agent reopens on its own evidence, and must not answer itself.
                if sender.login == context.forge.me().await? {
                    return Ok(None);
                }
                Ok(accept_reopening(context, ticket, &sender.login).await?)
            }
            Delivery::IssueChanged { ticket, .. } => {
                Ok(accept_issue(context, ticket, Source::Webhook).await?)
            }
            Delivery::CommentCreated { comment, .. } => accept_comment(context, &comment).await,
        }
    }
}

#[derive(PartialEq)]
enum Processed {
    One,
    Nothing,
}

#[async_trait]
impl DeliverySink for DeliveryInbox {
    /// GitHub is not asked here: it waits for the answer.
    async fn store(&self, delivery: Delivery) -> Result<(), DeliveryNotStored> {
        let repo = &ticket_of(&delivery).repo;
        // A secret may be shared by several hooks; only configured repositories hold tickets.
        if !self.context.forge_settings.repos.contains(repo) {
            tracing::info!(%repo, "a delivery from a repository that is not configured");
            return Ok(());
        }
        let key = content_key(&delivery);
        let body = serde_json::to_value(delivery).map_err(|error| DeliveryNotStored(error.to_string()))?;
        self.context
            .journal
            .enqueue_delivery(&QueuedDelivery { key, body })
            .await
            .map_err(|error| DeliveryNotStored(error.to_string()))?;
        self.notify.notify_one();
        Ok(())
    }
}

fn ticket_of(delivery: &Delivery) -> &TicketId {
    match delivery {
        Delivery::IssueChanged { ticket, .. } | Delivery::CommentCreated { ticket, .. } => &ticket.id,
    }
}

/// What a delivery is about. The same content may come by several hooks, and again on demand, under
/// other delivery ids.
fn content_key(delivery: &Delivery) -> String {
    match delivery {
        Delivery::IssueChanged { ticket, action, .. } => {
            format!("{} {action} {}", ticket.id, ticket.updated_at.timestamp_micros())
        }
        Delivery::CommentCreated { comment, .. } => format!("{} comment {}", comment.ticket, comment.id),
    }
}
