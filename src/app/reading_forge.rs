//! A forge that is only read: what would write is refused, and never sent.

use crate::core::text::redact::Redacted;
use crate::core::ticket::{Repo, Ticket, TicketId};
use crate::ports::{
    Account, Comment, DeliveryId, FailedDelivery, Forge, ForgeError, Label, Marker, NewTicket, Reaction,
    Thumb, Urgency,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;
use std::sync::Arc;

/// For dry runs.
pub(super) struct ReadingForge(pub Arc<dyn Forge>);

fn refused<T>() -> Result<T, ForgeError> {
    Err(ForgeError::Refused("a dry run writes nothing".into()))
}

#[async_trait]
impl Forge for ReadingForge {
    async fn me(&self) -> Result<String, ForgeError> {
        self.0.me().await
    }

    async fn ticket(&self, id: &TicketId) -> Result<Ticket, ForgeError> {
        self.0.ticket(id).await
    }

    async fn tickets(
        &self,
        repo: &Repo,
        label: Option<&str>,
        since: Option<DateTime<Utc>>,
    ) -> Result<Vec<Ticket>, ForgeError> {
        self.0.tickets(repo, label, since).await
    }

    async fn comments(&self, repo: &Repo, since: DateTime<Utc>) -> Result<Vec<Comment>, ForgeError> {
        self.0.comments(repo, since).await
    }

    async fn is_edited(&self, id: &TicketId, node_id: &str) -> Result<bool, ForgeError> {
        self.0.is_edited(id, node_id).await
    }

    async fn upsert_comment(
        &self,
        _: &TicketId,
        _: &Marker,
        _: &Redacted,
        _: Urgency,
    ) -> Result<(), ForgeError> {
        refused()
    }

    async fn update_labels(
        &self,
        _: &TicketId,
        _: &[Label],
        _: &[&str],
        _: Urgency,
    ) -> Result<(), ForgeError> {
        refused()
    }

    async fn assign(&self, _: &TicketId, _: &[String]) -> Result<(), ForgeError> {
        refused()
    }

    async fn react(&self, _: &TicketId, _: u64, _: Reaction) -> Result<(), ForgeError> {
        refused()
    }

    async fn thumbs(&self, id: &TicketId, marker: &Marker) -> Result<Vec<Thumb>, ForgeError> {
        self.0.thumbs(id, marker).await
    }

    async fn participants_since(
        &self,
        id: &TicketId,
        since: DateTime<Utc>,
    ) -> Result<BTreeSet<String>, ForgeError> {
        self.0.participants_since(id, since).await
    }

    async fn open(&self, _: &NewTicket) -> Result<TicketId, ForgeError> {
        refused()
    }

    async fn find(&self, repo: &Repo, marker: &Marker) -> Result<Option<TicketId>, ForgeError> {
        self.0.find(repo, marker).await
    }

    async fn close(&self, _: &TicketId) -> Result<(), ForgeError> {
        refused()
    }

    async fn reopen(&self, _: &TicketId) -> Result<(), ForgeError> {
        refused()
    }

    async fn account(&self, repo: &Repo, login: &str) -> Result<Account, ForgeError> {
        self.0.account(repo, login).await
    }

    async fn failed_deliveries(
        &self,
        repo: &Repo,
        since: DateTime<Utc>,
    ) -> Result<Vec<FailedDelivery>, ForgeError> {
        self.0.failed_deliveries(repo, since).await
    }

    async fn redeliver(&self, _: &Repo, _: DeliveryId) -> Result<(), ForgeError> {
        refused()
    }
}
