//! The journal with a tap on it.

use super::{Broken, Deed, Tapped};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fieldmedic::core::event::{CaseId, Event, Record};
use fieldmedic::core::name::HostName;
use fieldmedic::core::playbook::LibraryHash;
use fieldmedic::core::policy::Pause;
use fieldmedic::core::ticket::TicketId;
use fieldmedic::core::word::{Posted, Word};
use fieldmedic::ports::{Audit, CaseLine, Intake, Journal, JournalError, Lease, Opening, Parcel};
use std::collections::BTreeMap;
use std::time::Duration;

impl From<Broken> for JournalError {
    fn from(broken: Broken) -> Self {
        JournalError::Unavailable(broken.0)
    }
}

#[async_trait]
impl Journal for Tapped<dyn Journal> {
    async fn open_case(&self, opening: &Opening) -> Result<Intake, JournalError> {
        self.pass(Deed::Append(&opening.case, &opening.first), self.inner.open_case(opening)).await
    }

    async fn append(
        &self,
        case: &CaseId,
        seq: u64,
        at: DateTime<Utc>,
        event: &Event,
    ) -> Result<(), JournalError> {
        let written = self.tap.recorded(event);
        self.pass(Deed::Append(case, event), self.inner.append(case, seq, at, &written)).await
    }

    async fn load(&self, case: &CaseId) -> Result<Vec<Record>, JournalError> {
        self.pass(Deed::Read("load"), self.inner.load(case)).await
    }

    async fn open_cases(&self) -> Result<Vec<CaseId>, JournalError> {
        self.pass(Deed::Read("open_cases"), self.inner.open_cases()).await
    }

    async fn cases(&self, limit: u32) -> Result<Vec<CaseLine>, JournalError> {
        self.pass(Deed::Read("cases"), self.inner.cases(limit)).await
    }

    async fn cases_of(&self, ticket: &TicketId) -> Result<Vec<CaseLine>, JournalError> {
        self.pass(Deed::Read("cases_of"), self.inner.cases_of(ticket)).await
    }

    async fn claim(
        &self,
        case: &CaseId,
        worker: &str,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<bool, JournalError> {
        self.pass(Deed::Write("claim"), self.inner.claim(case, worker, now, ttl)).await
    }

    async fn release(&self, case: &CaseId, worker: &str) -> Result<(), JournalError> {
        self.pass(Deed::Write("release"), self.inner.release(case, worker)).await
    }

    async fn hold(
        &self,
        host: &HostName,
        case: &CaseId,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<Option<Lease>, JournalError> {
        let granted = self.pass(Deed::Write("hold"), self.inner.hold(host, case, now, ttl)).await?;
        Ok(self.tap.held(host, case, granted))
    }

    async fn free(&self, case: &CaseId) -> Result<(), JournalError> {
        self.pass(Deed::Write("free"), self.inner.free(case)).await
    }

    async fn keep_library(
        &self,
        hash: &LibraryHash,
        files: &BTreeMap<String, String>,
    ) -> Result<(), JournalError> {
        self.pass(Deed::Write("keep_library"), self.inner.keep_library(hash, files)).await
    }

    async fn library(&self, hash: &LibraryHash) -> Result<Option<BTreeMap<String, String>>, JournalError> {
        self.pass(Deed::Read("library"), self.inner.library(hash)).await
    }

    async fn bookmark(&self, name: &str) -> Result<Option<DateTime<Utc>>, JournalError> {
        self.pass(Deed::Read("bookmark"), self.inner.bookmark(name)).await
    }

    async fn set_bookmark(&self, name: &str, at: DateTime<Utc>) -> Result<(), JournalError> {
        self.pass(Deed::Write("set_bookmark"), self.inner.set_bookmark(name, at)).await
    }

    async fn take_turn(&self, name: &str, now: DateTime<Utc>, every: Duration) -> Result<bool, JournalError> {
        self.pass(Deed::Write("take_turn"), self.inner.take_turn(name, now, every)).await
    }

    async fn receive(&self, parcel: &Parcel) -> Result<bool, JournalError> {
        self.pass(Deed::Write("receive"), self.inner.receive(parcel)).await
    }

    async fn next_parcel(&self, now: DateTime<Utc>, ttl: Duration) -> Result<Option<Parcel>, JournalError> {
        self.pass(Deed::Write("next_parcel"), self.inner.next_parcel(now, ttl)).await
    }

    async fn finish_parcel(&self, key: &str) -> Result<(), JournalError> {
        self.pass(Deed::Write("finish_parcel"), self.inner.finish_parcel(key)).await
    }

    async fn pause(&self) -> Result<Option<Pause>, JournalError> {
        self.pass(Deed::Read("pause"), self.inner.pause()).await
    }

    async fn set_pause(&self, pause: Option<&Pause>) -> Result<(), JournalError> {
        self.pass(Deed::Write("set_pause"), self.inner.set_pause(pause)).await
    }

    async fn post(&self, case: &CaseId, key: &str, word: &Word) -> Result<bool, JournalError> {
        self.pass(Deed::Write("post"), self.inner.post(case, key, word)).await
    }

    async fn posted(&self, case: &CaseId) -> Result<Vec<Posted>, JournalError> {
        self.pass(Deed::Read("posted"), self.inner.posted(case)).await
    }

    async fn history(
        &self,
        kinds: &[&str],
        since: DateTime<Utc>,
    ) -> Result<Vec<(CaseId, Record)>, JournalError> {
        self.pass(Deed::Read("history"), self.inner.history(kinds, since)).await
    }

    async fn audit(&self) -> Result<Audit, JournalError> {
        self.pass(Deed::Read("audit"), self.inner.audit()).await
    }
}
