//! The doors: what a webhook delivers is kept at once, and worked by the same intake as everything else.

use crate::core::case::event::{CaseId, Source};
use crate::core::ticket::TicketId;
use crate::engine::{Context, IntakeError, Shutdown, accept_comment, accept_issue, accept_reopening};
use crate::ports::{JournalError, QueuedDelivery};
use crate::web;
use crate::web::{Delivery, DeliveryNotStored, DeliverySink, IssueAction, Router, Secrets};
use async_trait::async_trait;
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

/// Whoever works on a delivery has it for so long; then it is tried again, here or elsewhere.
const AT_WORK: Duration = Duration::from_secs(60);

/// How often it is asked whether something waits that nobody rang for: what another process has kept
/// before it died, or what GitHub could not be asked about.
const ROUND: Duration = AT_WORK;

/// Keeps deliveries, works them, and wakes the cases that they open.
#[derive(Clone)]
pub struct DeliveryInbox {
    agent: Context,
    case_opened: UnboundedSender<CaseId>,
    notify: Arc<Notify>,
}

impl DeliveryInbox {
    pub fn new(agent: Context, case_opened: UnboundedSender<CaseId>) -> Self {
        Self { agent, case_opened, notify: Arc::default() }
    }

    /// The webhook's routes, for deliveries signed with one of these secrets.
    pub fn router(&self, secrets: impl IntoIterator<Item = SecretString>) -> Router {
        web::router(web::WebhookConfig {
            secrets: Secrets::new(secrets),
            redactor: (*self.agent.redactor).clone(),
            body_limit: web::BODY_LIMIT,
            sink: Arc::new(self.clone()),
        })
    }

    /// Works what was kept, one after another, until the stop is pulled.
    pub async fn work(&self, stop: &Shutdown) {
        while !stop.is_requested() {
            if let Err(error) = self.process_pending(stop).await {
                tracing::error!(%error, "the journal cannot be used; trying again");
            }
            tokio::select! {
                biased;
                () = stop.requested() => {}
                () = self.notify.notified() => {}
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    /// Works what waits now.
    ///
    /// # Errors
    /// If the journal cannot be used; nothing is lost by it.
    pub async fn process_pending(&self, stop: &Shutdown) -> Result<(), JournalError> {
        while !stop.is_requested() && self.process_next().await? == Processed::One {}
        Ok(())
    }

    async fn process_next(&self) -> Result<Processed, JournalError> {
        let journal = &self.agent.journal;
        let Some(parcel) = journal.next_delivery(self.agent.clock.now(), AT_WORK).await? else {
            return Ok(Processed::Nothing);
        };
        match serde_json::from_value::<Delivery>(parcel.body) {
            Ok(delivery) => match self.take(delivery).await {
                // If nobody listens any more, the case is in the journal and a restart goes on with it.
                Ok(case) => case.into_iter().for_each(|case| drop(self.case_opened.send(case))),
                Err(IntakeError::Forge(error)) if error.is_permanent() => {
                    tracing::warn!(what = parcel.key, %error, "a delivery was passed over");
                }
                Err(error) => {
                    tracing::warn!(what = parcel.key, %error, "a delivery is tried again in {AT_WORK:?}");
                    return Ok(Processed::One);
                }
            },
            // Another version kept it; the poll sees what it was about.
            Err(error) => {
                tracing::error!(what = parcel.key, %error, "a delivery that was kept is unreadable")
            }
        }
        journal.ack_delivery(&parcel.key).await?;
        Ok(Processed::One)
    }

    async fn take(&self, delivery: Delivery) -> Result<Option<CaseId>, IntakeError> {
        let agent = &self.agent;
        match delivery {
            Delivery::IssueChanged { ticket, action: IssueAction::Reopened, sender } => {
                // The agent reopens on its own evidence, and must not answer itself.
                if sender.login == agent.forge.me().await? {
                    return Ok(None);
                }
                Ok(accept_reopening(agent, ticket, &sender.login).await?)
            }
            Delivery::IssueChanged { ticket, .. } => Ok(accept_issue(agent, ticket, Source::Webhook).await?),
            Delivery::CommentCreated { comment, .. } => accept_comment(agent, &comment).await,
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
    /// Nothing is asked of GitHub here: it waits for the answer.
    async fn store(&self, delivery: Delivery) -> Result<(), DeliveryNotStored> {
        let repo = &ticket_of(&delivery).repo;
        // A secret may be shared by several hooks; only configured repositories hold tickets.
        if !self.agent.forge_settings.repos.contains(repo) {
            tracing::info!(%repo, "a delivery from a repository that is not configured");
            return Ok(());
        }
        let key = content_key(&delivery);
        let body = serde_json::to_value(delivery).map_err(|error| DeliveryNotStored(error.to_string()))?;
        self.agent
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
