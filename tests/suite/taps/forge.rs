//! The forge with a tap on it.

use super::{Broken, Deed, Tapped};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fieldmedic::core::text::redact::Redacted;
use fieldmedic::core::ticket::{Repo, Ticket, TicketId};
use fieldmedic::ports::{
    Account, Comment, DeliveryId, FailedDelivery, Forge, ForgeError, Label, Marker, NewTicket, Reaction,
    Thumb, Urgency,
};
use std::collections::BTreeSet;

impl From<Broken> for ForgeError {
    fn from(broken: Broken) -> Self {
        ForgeError::Unreachable(broken.0)
    }
}

#[async_trait]
impl Forge for Tapped<dyn Forge> {
    async fn me(&self) -> Result<String, ForgeError> {
        self.pass(Deed::Ask("me"), self.inner.me()).await
    }

    async fn ticket(&self, id: &TicketId) -> Result<Ticket, ForgeError> {
        self.pass(Deed::Ask("ticket"), self.inner.ticket(id)).await
    }

    async fn tickets(
        &self,
        repo: &Repo,
        label: Option<&str>,
        since: Option<DateTime<Utc>>,
    ) -> Result<Vec<Ticket>, ForgeError> {
        self.pass(Deed::Ask("tickets"), self.inner.tickets(repo, label, since)).await
    }

    async fn comments(&self, repo: &Repo, since: DateTime<Utc>) -> Result<Vec<Comment>, ForgeError> {
        self.pass(Deed::Ask("comments"), self.inner.comments(repo, since)).await
    }

    async fn is_edited(&self, id: &TicketId, node_id: &str) -> Result<bool, ForgeError> {
        self.pass(Deed::Ask("is_edited"), self.inner.is_edited(id, node_id)).await
    }

    async fn upsert_comment(
        &self,
        id: &TicketId,
        marker: &Marker,
        body: &Redacted,
        urgency: Urgency,
    ) -> Result<(), ForgeError> {
        let write = async {
            match self.tap.written(id, marker, body) {
                Some(answer) => answer,
                None => self.inner.upsert_comment(id, marker, body, urgency).await,
            }
        };
        self.pass(Deed::Say("upsert_comment"), write).await
    }

    async fn update_labels(
        &self,
        id: &TicketId,
        add: &[Label],
        remove: &[&str],
        urgency: Urgency,
    ) -> Result<(), ForgeError> {
        self.pass(Deed::Say("relabel"), self.inner.update_labels(id, add, remove, urgency)).await
    }

    async fn assign(&self, id: &TicketId, logins: &[String]) -> Result<(), ForgeError> {
        self.pass(Deed::Say("assign"), self.inner.assign(id, logins)).await
    }

    async fn thumbs(&self, id: &TicketId, marker: &Marker) -> Result<Vec<Thumb>, ForgeError> {
        self.pass(Deed::Ask("thumbs"), self.inner.thumbs(id, marker)).await
    }

    async fn participants_since(
        &self,
        id: &TicketId,
        since: DateTime<Utc>,
    ) -> Result<BTreeSet<String>, ForgeError> {
        self.pass(Deed::Ask("people_at"), self.inner.participants_since(id, since)).await
    }

    async fn react(&self, id: &TicketId, comment: u64, reaction: Reaction) -> Result<(), ForgeError> {
        self.pass(Deed::Say("react"), self.inner.react(id, comment, reaction)).await
    }

    async fn open(&self, new: &NewTicket) -> Result<TicketId, ForgeError> {
        self.pass(Deed::Say("open"), self.inner.open(new)).await
    }

    async fn find(&self, repo: &Repo, marker: &Marker) -> Result<Option<TicketId>, ForgeError> {
        self.pass(Deed::Ask("find"), self.inner.find(repo, marker)).await
    }

    async fn close(&self, id: &TicketId) -> Result<(), ForgeError> {
        self.pass(Deed::Say("close"), self.inner.close(id)).await
    }

    async fn reopen(&self, id: &TicketId) -> Result<(), ForgeError> {
        self.pass(Deed::Say("reopen"), self.inner.reopen(id)).await
    }

    async fn account(&self, repo: &Repo, login: &str) -> Result<Account, ForgeError> {
        self.pass(Deed::Ask("account"), self.inner.account(repo, login)).await
    }

    async fn failed_deliveries(
        &self,
        repo: &Repo,
        since: DateTime<Utc>,
    ) -> Result<Vec<FailedDelivery>, ForgeError> {
        self.pass(Deed::Ask("failed_deliveries"), self.inner.failed_deliveries(repo, since)).await
    }

    async fn redeliver(&self, repo: &Repo, id: DeliveryId) -> Result<(), ForgeError> {
        self.pass(Deed::Say("redeliver"), self.inner.redeliver(repo, id)).await
    }
}
