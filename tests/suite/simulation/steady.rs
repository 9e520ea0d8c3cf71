//! The SQLite journal, called so that nothing else runs meanwhile.
//!
//! SQLite works in threads of its own, and the order of two answers would be chance. Here the caller's thread
//! waits for each answer, so one thread alone determines the whole run.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fieldmedic::core::case::event::{CaseId, Event, Record};
use fieldmedic::core::case::signal::{QueuedSignal, Signal};
use fieldmedic::core::ids::HostName;
use fieldmedic::core::playbook::LibraryHash;
use fieldmedic::core::policy::permit::Pause;
use fieldmedic::core::ticket::TicketId;
use fieldmedic::ports::{
    Audit, CaseSummary, Journal, JournalError, Lease, NewCase, OpenResult, QueuedDelivery,
};
use fieldmedic::store::Sqlite;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

type Work = Box<dyn FnOnce(Sqlite) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// A journal in memory. Its thread ends with it.
pub struct Steady(Sender<Work>);

impl Steady {
    pub fn open() -> Self {
        let (ask, asked) = channel::<Work>();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            let runtime = runtime.expect("a runtime");
            let journal = runtime.block_on(Sqlite::in_memory()).expect("a journal in memory");
            for work in asked {
                runtime.block_on(work(journal.clone()));
            }
        });
        Self(ask)
    }

    fn ask<T: Send + 'static, F: Future<Output = T> + 'static>(
        &self,
        work: impl FnOnce(Sqlite) -> F + Send + 'static,
    ) -> T {
        let (answer, answered) = channel();
        let work: Work = Box::new(move |journal| {
            let work = work(journal);
            Box::pin(async move { drop(answer.send(work.await)) })
        });
        self.0.send(work).expect("the journal's thread runs");
        answered.recv().expect("the journal answers")
    }
}

#[async_trait]
impl Journal for Steady {
    async fn open_case(&self, opening: &NewCase) -> Result<OpenResult, JournalError> {
        let opening = opening.clone();
        self.ask(async move |journal| journal.open_case(&opening).await)
    }

    async fn append(
        &self,
        case: &CaseId,
        seq: u64,
        at: DateTime<Utc>,
        event: &Event,
    ) -> Result<(), JournalError> {
        let (case, event) = (case.clone(), event.clone());
        self.ask(async move |journal| journal.append(&case, seq, at, &event).await)
    }

    async fn load(&self, case: &CaseId) -> Result<Vec<Record>, JournalError> {
        let case = case.clone();
        self.ask(async move |journal| journal.load(&case).await)
    }

    async fn open_cases(&self) -> Result<Vec<CaseId>, JournalError> {
        self.ask(async move |journal| journal.open_cases().await)
    }

    async fn cases(&self, limit: u32) -> Result<Vec<CaseSummary>, JournalError> {
        self.ask(async move |journal| journal.cases(limit).await)
    }

    async fn cases_of(&self, ticket: &TicketId) -> Result<Vec<CaseSummary>, JournalError> {
        let ticket = ticket.clone();
        self.ask(async move |journal| journal.cases_of(&ticket).await)
    }

    async fn claim(
        &self,
        case: &CaseId,
        worker: &str,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<bool, JournalError> {
        let (case, worker) = (case.clone(), worker.to_owned());
        self.ask(async move |journal| journal.claim(&case, &worker, now, ttl).await)
    }

    async fn release(&self, case: &CaseId, worker: &str) -> Result<(), JournalError> {
        let (case, worker) = (case.clone(), worker.to_owned());
        self.ask(async move |journal| journal.release(&case, &worker).await)
    }

    async fn acquire_lease(
        &self,
        host: &HostName,
        case: &CaseId,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<Option<Lease>, JournalError> {
        let (host, case) = (host.clone(), case.clone());
        self.ask(async move |journal| journal.acquire_lease(&host, &case, now, ttl).await)
    }

    async fn release_leases(&self, case: &CaseId) -> Result<(), JournalError> {
        let case = case.clone();
        self.ask(async move |journal| journal.release_leases(&case).await)
    }

    async fn store_library(
        &self,
        hash: &LibraryHash,
        files: &BTreeMap<String, String>,
    ) -> Result<(), JournalError> {
        let (hash, files) = (hash.clone(), files.clone());
        self.ask(async move |journal| journal.store_library(&hash, &files).await)
    }

    async fn library(&self, hash: &LibraryHash) -> Result<Option<BTreeMap<String, String>>, JournalError> {
        let hash = hash.clone();
        self.ask(async move |journal| journal.library(&hash).await)
    }

    async fn cursor(&self, name: &str) -> Result<Option<DateTime<Utc>>, JournalError> {
        let name = name.to_owned();
        self.ask(async move |journal| journal.cursor(&name).await)
    }

    async fn set_cursor(&self, name: &str, at: DateTime<Utc>) -> Result<(), JournalError> {
        let name = name.to_owned();
        self.ask(async move |journal| journal.set_cursor(&name, at).await)
    }

    async fn enqueue_delivery(&self, parcel: &QueuedDelivery) -> Result<bool, JournalError> {
        let parcel = parcel.clone();
        self.ask(async move |journal| journal.enqueue_delivery(&parcel).await)
    }

    async fn next_delivery(
        &self,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<Option<QueuedDelivery>, JournalError> {
        self.ask(async move |journal| journal.next_delivery(now, ttl).await)
    }

    async fn ack_delivery(&self, key: &str) -> Result<(), JournalError> {
        let key = key.to_owned();
        self.ask(async move |journal| journal.ack_delivery(&key).await)
    }

    async fn pause_state(&self) -> Result<Option<Pause>, JournalError> {
        self.ask(async move |journal| journal.pause_state().await)
    }

    async fn set_pause(&self, pause: Option<&Pause>) -> Result<(), JournalError> {
        let pause = pause.cloned();
        self.ask(async move |journal| journal.set_pause(pause.as_ref()).await)
    }

    async fn try_once_every(
        &self,
        name: &str,
        now: DateTime<Utc>,
        every: Duration,
    ) -> Result<bool, JournalError> {
        let name = name.to_owned();
        self.ask(async move |journal| journal.try_once_every(&name, now, every).await)
    }

    async fn send_signal(&self, case: &CaseId, key: &str, word: &Signal) -> Result<bool, JournalError> {
        let (case, key, word) = (case.clone(), key.to_owned(), word.clone());
        self.ask(async move |journal| journal.send_signal(&case, &key, &word).await)
    }

    async fn signals(&self, case: &CaseId) -> Result<Vec<QueuedSignal>, JournalError> {
        let case = case.clone();
        self.ask(async move |journal| journal.signals(&case).await)
    }

    async fn history(
        &self,
        kinds: &[&str],
        since: DateTime<Utc>,
    ) -> Result<Vec<(CaseId, Record)>, JournalError> {
        let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        self.ask(async move |journal| {
            let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
            journal.history(&kinds, since).await
        })
    }

    async fn audit(&self) -> Result<Audit, JournalError> {
        self.ask(async move |journal| journal.audit().await)
    }
}
