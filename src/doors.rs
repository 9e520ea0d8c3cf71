//! The doors: what a webhook delivers is kept at once, and worked by the same intake as everything else.

use crate::core::event::{CaseId, Door};
use crate::core::ticket::TicketId;
use crate::engine::{Agent, IntakeError, Stop, take_comment, take_issue, take_reopened};
use crate::ports::{JournalError, Parcel};
use crate::web::{self, Delivery, IssueAction, NotTaken, Router, Secrets, Sink};
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
pub struct Doors {
    agent: Agent,
    wake: UnboundedSender<CaseId>,
    bell: Arc<Notify>,
}

impl Doors {
    pub fn new(agent: Agent, wake: UnboundedSender<CaseId>) -> Self {
        Self { agent, wake, bell: Arc::default() }
    }

    /// The webhook's routes, for deliveries signed with one of these secrets.
    pub fn router(&self, secrets: impl IntoIterator<Item = SecretString>) -> Router {
        web::router(web::Door {
            secrets: Secrets::new(secrets),
            redactor: (*self.agent.redactor).clone(),
            body_limit: web::BODY_LIMIT,
            sink: Arc::new(self.clone()),
        })
    }

    /// Works what was kept, one after another, until the stop is pulled.
    pub async fn work(&self, stop: &Stop) {
        while !stop.is_pulled() {
            if let Err(error) = self.work_waiting(stop).await {
                tracing::error!(%error, "the journal cannot be used; trying again");
            }
            tokio::select! {
                biased;
                () = stop.pulled() => {}
                () = self.bell.notified() => {}
                () = tokio::time::sleep(ROUND) => {}
            }
        }
    }

    /// Works what waits now.
    ///
    /// # Errors
    /// If the journal cannot be used; nothing is lost by it.
    pub async fn work_waiting(&self, stop: &Stop) -> Result<(), JournalError> {
        while !stop.is_pulled() && self.work_next().await? == Worked::One {}
        Ok(())
    }

    async fn work_next(&self) -> Result<Worked, JournalError> {
        let journal = &self.agent.journal;
        let Some(parcel) = journal.next_parcel(self.agent.clock.now(), AT_WORK).await? else {
            return Ok(Worked::Nothing);
        };
        match serde_json::from_value::<Delivery>(parcel.body) {
            Ok(delivery) => match self.take(delivery).await {
                // If nobody listens any more, the case is in the journal and a restart goes on with it.
                Ok(case) => case.into_iter().for_each(|case| drop(self.wake.send(case))),
                Err(IntakeError::Forge(error)) if error.is_lasting() => {
                    tracing::warn!(what = parcel.key, %error, "a delivery was passed over");
                }
                Err(error) => {
                    tracing::warn!(what = parcel.key, %error, "a delivery is tried again in {AT_WORK:?}");
                    return Ok(Worked::One);
                }
            },
            // Another version kept it; the poll sees what it was about.
            Err(error) => {
                tracing::error!(what = parcel.key, %error, "a delivery that was kept is unreadable")
            }
        }
        journal.finish_parcel(&parcel.key).await?;
        Ok(Worked::One)
    }

    async fn take(&self, delivery: Delivery) -> Result<Option<CaseId>, IntakeError> {
        let agent = &self.agent;
        match delivery {
            Delivery::IssueTouched { ticket, action: IssueAction::Reopened, sender } => {
                // The agent reopens on its own evidence, and must not answer itself.
                if sender.login == agent.forge.me().await? {
                    return Ok(None);
                }
                Ok(take_reopened(agent, ticket, &sender.login).await?)
            }
            Delivery::IssueTouched { ticket, .. } => Ok(take_issue(agent, ticket, Door::Webhook).await?),
            Delivery::CommentWritten { comment, .. } => take_comment(agent, &comment).await,
        }
    }
}

#[derive(PartialEq)]
enum Worked {
    One,
    Nothing,
}

#[async_trait]
impl Sink for Doors {
    /// Nothing is asked of GitHub here: it waits for the answer.
    async fn take(&self, delivery: Delivery) -> Result<(), NotTaken> {
        let repo = &ticket_of(&delivery).repo;
        // A secret may be shared by several hooks; only configured repositories hold tickets.
        if !self.agent.manners.repos.contains(repo) {
            tracing::info!(%repo, "a delivery from a repository that is not configured");
            return Ok(());
        }
        let key = content_key(&delivery);
        let body = serde_json::to_value(delivery).map_err(|error| NotTaken(error.to_string()))?;
        self.agent
            .journal
            .receive(&Parcel { key, body })
            .await
            .map_err(|error| NotTaken(error.to_string()))?;
        self.bell.notify_one();
        Ok(())
    }
}

fn ticket_of(delivery: &Delivery) -> &TicketId {
    match delivery {
        Delivery::IssueTouched { ticket, .. } | Delivery::CommentWritten { ticket, .. } => &ticket.id,
    }
}

/// What a delivery is about. The same content may come by several hooks, and again on demand, under
/// other delivery ids.
fn content_key(delivery: &Delivery) -> String {
    match delivery {
        Delivery::IssueTouched { ticket, action, .. } => {
            format!("{} {action} {}", ticket.id, ticket.updated_at.timestamp_micros())
        }
        Delivery::CommentWritten { comment, .. } => format!("{} comment {}", comment.ticket, comment.id),
    }
}
