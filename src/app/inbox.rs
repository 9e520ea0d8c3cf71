//! The webhook's inbox: a delivery is stored at once, and worked on afterwards by the same intake as
//! everything else.

use crate::app::group_commit::GroupCommit;
use crate::core::case::event::CaseId;
use crate::core::chatops::command;
use crate::core::ticket::alert::Alert;
use crate::engine::{
    AlertIntake, Context, IntakeError, Shutdown, accept_alert, accept_comment, accept_delivered_issue,
    accept_monitor_close, has_pause_label, is_urgent,
};
use crate::github::webhook::{Delivery, IssueAction, Parsed, UnredactedDelivery, parse};
use crate::ports::{JournalError, QueuedDelivery};
use crate::telemetry::spans;
use crate::web;
use crate::web::{DeliveryNotStored, DeliverySink, Receipt, Router, Secrets, SignedDelivery};
use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, Semaphore};
use tracing::Instrument;

/// How long a worker has a delivery for itself; then it is tried again, here or elsewhere.
const WORK_TTL: Duration = Duration::from_secs(60);

/// How often the inbox is read without being notified: for deliveries that another process stored before it
/// died, and for those that failed because of GitHub.
const POLL_INTERVAL: Duration = WORK_TTL;

/// How long the work on a delivery waits for those that are being stored.
const GIVE_WAY: Duration = Duration::from_millis(100);

/// How many urgent deliveries are worked on beside the queue. Further ones wait in the queue.
const URGENT_AT_ONCE: usize = 8;

/// Stores deliveries, works on them, and wakes the cases that they open.
#[derive(Clone)]
pub struct DeliveryInbox {
    context: Context,
    case_opened: UnboundedSender<CaseId>,
    commits: Arc<GroupCommit>,
    notify: Arc<Notify>,
    urgent: Arc<Semaphore>,
}

impl DeliveryInbox {
    /// An inbox that sends each case with something to do to `case_opened`.
    pub fn new(context: Context, case_opened: UnboundedSender<CaseId>) -> Self {
        let urgent = Arc::new(Semaphore::new(URGENT_AT_ONCE));
        Self { context, case_opened, commits: Arc::default(), notify: Arc::default(), urgent }
    }

    /// The webhook's routes, for deliveries that are signed with one of these secrets.
    pub fn router(&self, secrets: impl IntoIterator<Item = SecretString>) -> Router {
        web::router(web::WebhookConfig {
            secrets: Secrets::new(secrets),
            body_limit: web::BODY_LIMIT,
            sink: Arc::new(self.clone()),
        })
    }

    /// Stores what must not get lost, all or nothing, and has it worked on.
    pub(super) async fn keep(&self, queued: Vec<QueuedDelivery>) -> Result<(), JournalError> {
        self.commits.store(&*self.context.journal, queued).await?;
        self.notify.notify_one();
        Ok(())
    }

    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// Works on stored deliveries, one after another, until the shutdown.
    pub async fn work(&self, shutdown: &Shutdown) {
        while !shutdown.is_requested() {
            if let Err(error) = self.process_pending(shutdown).await {
                tracing::error!(%error, "cannot use the journal; trying again");
            }
            tokio::select! {
                biased;
                () = shutdown.requested() => {}
                () = self.notify.notified() => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
        }
    }

    /// Works on the deliveries that are stored now.
    ///
    /// # Errors
    /// If the journal cannot be used; nothing is lost.
    pub async fn process_pending(&self, shutdown: &Shutdown) -> Result<(), JournalError> {
        while !shutdown.is_requested() {
            self.commits.give_way(GIVE_WAY).await;
            if self.process_next().await? == Processed::Nothing {
                break;
            }
        }
        Ok(())
    }

    async fn process_next(&self) -> Result<Processed, JournalError> {
        let journal = &self.context.journal;
        let Some(queued) = journal.next_delivery(self.context.clock.now(), WORK_TTL).await? else {
            return Ok(Processed::Nothing);
        };
        let (happened_at, worked) = match serde_json::from_value::<Queued>(queued.body) {
            Ok(Queued::Alert { alert }) => {
                let accepted = accept_alert(&self.context, &alert);
                let worked = accepted.instrument(spans::delivery(&queued.key, "alert")).await;
                (alert.received_at, worked)
            }
            Ok(Queued::GitHub(delivery)) => {
                let happened_at = delivery.happened_at();
                (happened_at, self.process(&queued.key, *delivery).await.map(AlertIntake::Done))
            }
            // Another version stored it. The poll sees its content.
            Err(error) => {
                tracing::error!(delivery = queued.key, %error, "cannot read a stored delivery");
                journal.ack_delivery(&queued.key).await?;
                return Ok(Processed::One);
            }
        };
        match worked {
            Ok(AlertIntake::Done(case)) => self.wake(case),
            Ok(AlertIntake::Later) => return Ok(Processed::One),
            Err(IntakeError::Forge(error))
                if error.is_final_after(self.context.clock.now() - happened_at) =>
            {
                tracing::warn!(delivery = queued.key, %error, "delivery skipped");
            }
            Err(error) => {
                tracing::warn!(delivery = queued.key, %error, "delivery failed; retry in {WORK_TTL:?}");
                return Ok(Processed::One);
            }
        }
        journal.ack_delivery(&queued.key).await?;
        Ok(Processed::One)
    }

    /// Works on a delivery at once, if it stops something: nobody holds up a pause by filling the queue. It stays
    /// in the queue, so that nothing is lost if this fails, and what was done is not done again.
    fn process_urgent(&self, key: &str, delivery: &Delivery) {
        let is_urgent = match delivery {
            Delivery::IssueChanged { ticket, .. } => has_pause_label(ticket),
            Delivery::CommentCreated { comment, .. } => is_urgent(&self.context, comment),
        };
        if !is_urgent {
            return;
        }
        let Ok(permit) = Arc::clone(&self.urgent).try_acquire_owned() else { return };
        let (inbox, key, delivery) = (self.clone(), key.to_owned(), delivery.clone());
        tokio::spawn(async move {
            match inbox.process(&key, delivery).await {
                Ok(case) => inbox.wake(case),
                Err(error) => tracing::warn!(delivery = key, %error, "an urgent delivery waits in the queue"),
            }
            drop(permit);
        });
    }

    /// Has a case driven that has something to do.
    fn wake(&self, case: Option<CaseId>) {
        if let Some(case) = case {
            // Without a listener the case is still in the journal, and a restart goes on with it.
            let _ = self.case_opened.send(case);
        }
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
                // A program that reopens is nobody's objection. Fieldmedic reopens on its own evidence, and a
                // listed monitor says that something is down.
                let is_monitor = context.forge_settings.is_monitor(&sender.login);
                if sender.is_bot && !is_monitor || sender.login == context.forge.me().await? {
                    return Ok(None);
                }
                accept_delivered_issue(context, ticket, Some(&sender.login)).await
            }
            Delivery::IssueChanged { ticket, action: IssueAction::Closed, sender } => {
                accept_monitor_close(context, &ticket, &sender.login).await
            }
            Delivery::IssueChanged { ticket, .. } => accept_delivered_issue(context, ticket, None).await,
            Delivery::CommentCreated { comment, .. } => accept_comment(context, &comment).await,
        }
    }
}

/// What is queued. Deliveries of GitHub are as earlier versions queued them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Queued {
    Alert { alert: Box<Alert> },
    GitHub(Box<Delivery>),
}

#[derive(PartialEq)]
enum Processed {
    One,
    Nothing,
}

#[async_trait]
impl DeliverySink for DeliveryInbox {
    /// Asks GitHub nothing: GitHub waits for the answer.
    async fn store(&self, delivery: SignedDelivery<'_>) -> Result<Receipt, DeliveryNotStored> {
        let parsed = parse(delivery.event, delivery.body);
        let delivery = match parsed.map_err(|error| DeliveryNotStored::Unreadable(error.to_string()))? {
            Parsed::Ping => return Ok(Receipt::Ping),
            Parsed::Ignored => return Ok(Receipt::Ignored),
            Parsed::Delivery(delivery) => *delivery,
        };
        let unavailable = |error: &dyn std::fmt::Display| DeliveryNotStored::Unavailable(error.to_string());
        if !self.concerns_us(&delivery).await.map_err(|error| unavailable(&error))? {
            return Ok(Receipt::Ignored);
        }
        let delivery = delivery.redact(&self.context.redactor);
        let key = delivery.content_key();
        let body = serde_json::to_value(&delivery).map_err(|error| unavailable(&error))?;
        let queued = vec![QueuedDelivery { key: key.clone(), body }];
        let stored = self.commits.store(&*self.context.journal, queued).await;
        stored.map_err(|error| unavailable(&error))?;
        self.process_urgent(&key, &delivery);
        self.notify.notify_one();
        Ok(Receipt::Accepted)
    }
}

impl DeliveryInbox {
    /// Whether a delivery can have a consequence: it has our label or a command, or its ticket has a case. What
    /// cannot is neither redacted nor stored.
    async fn concerns_us(&self, delivery: &UnredactedDelivery) -> Result<bool, JournalError> {
        let settings = &self.context.forge_settings;
        let id = delivery.ticket();
        // Several hooks may share a secret; only configured repositories hold tickets.
        if !settings.repos.contains(&id.repo) {
            tracing::info!(repo = %id.repo, "delivery from a repository that is not configured");
            return Ok(false);
        }
        // What people close needs no look; a monitor that closes says that something is up again.
        if let Some(login) = delivery.closed_by()
            && !settings.is_monitor(login)
        {
            return Ok(false);
        }
        let is_for_us = match delivery.comment() {
            Some(_) if delivery.is_by_machine() => return Ok(false),
            Some(text) => command(text, &settings.command).is_some(),
            None => delivery.has_label(&settings.label) || settings.is_monitor(delivery.author()),
        };
        Ok(is_for_us || !self.context.journal.cases_of(&id).await?.is_empty())
    }
}
