//! The doors: what a webhook delivers goes through the same intake as everything else.

use crate::core::event::{CaseId, Door};
use crate::engine::{Agent, IntakeError, take_comment, take_issue, take_reopened};
use crate::web::{self, Delivery, IssueAction, NotTaken, Router, Secrets, Sink};
use async_trait::async_trait;
use secrecy::SecretString;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;

/// Takes in deliveries and wakes the cases that they open.
pub struct Doors {
    pub agent: Agent,
    pub wake: UnboundedSender<CaseId>,
}

impl Doors {
    /// The webhook's routes, for deliveries signed with one of these secrets.
    pub fn router(self, secrets: impl IntoIterator<Item = SecretString>) -> Router {
        web::router(web::Door {
            secrets: Secrets::new(secrets),
            redactor: (*self.agent.redactor).clone(),
            body_limit: web::BODY_LIMIT,
            sink: Arc::new(self),
        })
    }

    async fn take(&self, delivery: Delivery) -> Result<Option<CaseId>, IntakeError> {
        let agent = &self.agent;
        let repo = match &delivery {
            Delivery::IssueTouched { ticket, .. } | Delivery::CommentWritten { ticket, .. } => {
                &ticket.id.repo
            }
        };
        // A secret may be shared by several hooks; only configured repositories hold tickets.
        if !agent.manners.repos.contains(repo) {
            tracing::info!(%repo, "a delivery from a repository that is not configured");
            return Ok(None);
        }
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

#[async_trait]
impl Sink for Doors {
    async fn take(&self, delivery: Delivery) -> Result<(), NotTaken> {
        match self.take(delivery).await {
            Ok(case) => {
                // If nobody listens any more, the case is in the journal and a restart goes on with it.
                case.into_iter().for_each(|case| drop(self.wake.send(case)));
                Ok(())
            }
            Err(IntakeError::Forge(error)) if error.is_lasting() => {
                tracing::warn!(%error, "a delivery was passed over");
                Ok(())
            }
            Err(error) => Err(NotTaken(error.to_string())),
        }
    }
}
