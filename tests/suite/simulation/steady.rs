//! The SQLite journal, called so that nothing else runs meanwhile.
//!
//! SQLite works in threads of its own, and the order of two answers would be chance. Here the caller's thread
//! waits for each answer, so one thread alone determines the whole run.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fieldmedic::core::case::event::{CaseId, Event, EventKind};
use fieldmedic::core::case::record::Record;
use fieldmedic::core::case::signal::{QueuedSignal, Signal};
use fieldmedic::core::ids::{ChannelName, HostName};
use fieldmedic::core::playbook::LibraryHash;
use fieldmedic::core::policy::pause_order::PauseOrder;
use fieldmedic::core::policy::run_history::RunHistory;
use fieldmedic::core::ticket::TicketId;
use fieldmedic::ports::{
    Archive, Audit, CaseEntry, CaseQuery, CaseSummary, Counts, Cursor, Cursors, DedupeKey, DueCases,
    Enqueued, History, Inbox, Journal, JournalError, LeaseGrant, Leases, MeasurementQuery, MeasurementRow,
    Measurements, NewCase, Notices, OpenResult, Overview, Parked, PlaybookRuns, QueuedDelivery,
    QueuedMessage, QueuedNotice, Removal, RunsOf, Statistics, StoredRecord, SweepMeasurements, SystemSweep,
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

    async fn history(&self, kinds: &[EventKind], since: DateTime<Utc>) -> Result<History, JournalError> {
        let kinds = kinds.to_vec();
        self.ask(async move |journal| journal.history(&kinds, since).await)
    }

    async fn run_history(&self, of: &RunsOf<'_>) -> Result<RunHistory, JournalError> {
        let (system, hosts, since) = (of.system.clone(), of.hosts.clone(), of.since);
        self.ask(async move |journal| {
            journal.run_history(&RunsOf { system: &system, hosts: &hosts, since }).await
        })
    }

    async fn audit(&self) -> Result<Audit, JournalError> {
        self.ask(async move |journal| journal.audit().await)
    }
}

#[async_trait]
impl Leases for Steady {
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

    async fn release(
        &self,
        case: &CaseId,
        worker: &str,
        parked: Option<&Parked>,
    ) -> Result<(), JournalError> {
        let (case, worker, parked) = (case.clone(), worker.to_owned(), parked.cloned());
        self.ask(async move |journal| journal.release(&case, &worker, parked.as_ref()).await)
    }

    async fn due_cases(&self, worker: &str, now: DateTime<Utc>) -> Result<DueCases, JournalError> {
        let worker = worker.to_owned();
        self.ask(async move |journal| journal.due_cases(&worker, now).await)
    }

    async fn grant_lease(
        &self,
        host: &HostName,
        case: &CaseId,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<Option<LeaseGrant>, JournalError> {
        let (host, case) = (host.clone(), case.clone());
        self.ask(async move |journal| journal.grant_lease(&host, &case, now, ttl).await)
    }

    async fn release_leases(&self, case: &CaseId) -> Result<(), JournalError> {
        let case = case.clone();
        self.ask(async move |journal| journal.release_leases(&case).await)
    }
}

#[async_trait]
impl Inbox for Steady {
    async fn enqueue_deliveries(&self, deliveries: &[QueuedDelivery]) -> Result<u64, JournalError> {
        let deliveries = deliveries.to_vec();
        self.ask(async move |journal| journal.enqueue_deliveries(&deliveries).await)
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

    async fn pause_order(&self) -> Result<Option<PauseOrder>, JournalError> {
        self.ask(async move |journal| journal.pause_order().await)
    }

    async fn order_pause(&self, order: &PauseOrder) -> Result<bool, JournalError> {
        let order = order.clone();
        self.ask(async move |journal| journal.order_pause(&order).await)
    }

    async fn send_signal(&self, case: &CaseId, key: &str, word: &Signal) -> Result<bool, JournalError> {
        let (case, key, word) = (case.clone(), key.to_owned(), word.clone());
        self.ask(async move |journal| journal.send_signal(&case, &key, &word).await)
    }

    async fn signals(&self, case: &CaseId) -> Result<Vec<QueuedSignal>, JournalError> {
        let case = case.clone();
        self.ask(async move |journal| journal.signals(&case).await)
    }
}

#[async_trait]
impl Cursors for Steady {
    async fn cursor(&self, cursor: &Cursor) -> Result<Option<DateTime<Utc>>, JournalError> {
        let cursor = cursor.clone();
        self.ask(async move |journal| journal.cursor(&cursor).await)
    }

    async fn set_cursor(&self, cursor: &Cursor, at: DateTime<Utc>) -> Result<(), JournalError> {
        let cursor = cursor.clone();
        self.ask(async move |journal| journal.set_cursor(&cursor, at).await)
    }

    async fn done_at(&self, key: &DedupeKey) -> Result<Option<DateTime<Utc>>, JournalError> {
        let key = key.clone();
        self.ask(async move |journal| journal.done_at(&key).await)
    }

    async fn mark_done(&self, key: &DedupeKey, now: DateTime<Utc>) -> Result<(), JournalError> {
        let key = key.clone();
        self.ask(async move |journal| journal.mark_done(&key, now).await)
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
}

#[async_trait]
impl Archive for Steady {
    async fn closed_before(&self, before: DateTime<Utc>) -> Result<Vec<CaseId>, JournalError> {
        self.ask(async move |journal| journal.closed_before(before).await)
    }

    async fn stored_records(&self, case: &CaseId) -> Result<Vec<StoredRecord>, JournalError> {
        let case = case.clone();
        self.ask(async move |journal| journal.stored_records(&case).await)
    }

    async fn remove_archived(&self, removal: &Removal) -> Result<(), JournalError> {
        let removal = removal.clone();
        self.ask(async move |journal| journal.remove_archived(&removal).await)
    }

    async fn archived_in(&self, case: &CaseId) -> Result<Option<String>, JournalError> {
        let case = case.clone();
        self.ask(async move |journal| journal.archived_in(&case).await)
    }
}

#[async_trait]
impl Overview for Steady {
    async fn find_cases(&self, query: &CaseQuery) -> Result<Vec<CaseEntry>, JournalError> {
        let query = query.clone();
        self.ask(async move |journal| journal.find_cases(&query).await)
    }

    async fn running_cases(&self, limit: u32) -> Result<Vec<CaseEntry>, JournalError> {
        self.ask(async move |journal| journal.running_cases(limit).await)
    }

    async fn playbook_runs(&self, since: DateTime<Utc>) -> Result<Vec<PlaybookRuns>, JournalError> {
        self.ask(async move |journal| journal.playbook_runs(since).await)
    }

    async fn keep_sweep(&self, sweep: &SystemSweep) -> Result<(), JournalError> {
        let sweep = sweep.clone();
        self.ask(async move |journal| journal.keep_sweep(&sweep).await)
    }

    async fn sweeps(&self) -> Result<Vec<SystemSweep>, JournalError> {
        self.ask(async move |journal| journal.sweeps().await)
    }
}

#[async_trait]
impl Statistics for Steady {
    async fn statistics(&self, since: DateTime<Utc>) -> Result<Counts, JournalError> {
        self.ask(async move |journal| journal.statistics(since).await)
    }
}

#[async_trait]
impl Notices for Steady {
    async fn enqueue_notices(
        &self,
        queued: &[QueuedNotice],
        now: DateTime<Utc>,
    ) -> Result<Enqueued, JournalError> {
        let queued = queued.to_vec();
        self.ask(async move |journal| journal.enqueue_notices(&queued, now).await)
    }

    async fn next_message(
        &self,
        channel: &ChannelName,
        now: DateTime<Utc>,
        ttl: Duration,
        bundle_from: usize,
    ) -> Result<Option<QueuedMessage>, JournalError> {
        let channel = channel.clone();
        self.ask(async move |journal| journal.next_message(&channel, now, ttl, bundle_from).await)
    }

    async fn postpone_message(
        &self,
        channel: &ChannelName,
        message: &str,
        now: DateTime<Utc>,
        pause: Duration,
    ) -> Result<(), JournalError> {
        let (channel, message) = (channel.clone(), message.to_owned());
        self.ask(async move |journal| journal.postpone_message(&channel, &message, now, pause).await)
    }

    async fn settle_message(
        &self,
        channel: &ChannelName,
        message: &str,
        now: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        let (channel, message) = (channel.clone(), message.to_owned());
        self.ask(async move |journal| journal.settle_message(&channel, &message, now).await)
    }

    async fn waiting_notices(&self) -> Result<Vec<(ChannelName, u64)>, JournalError> {
        self.ask(async move |journal| journal.waiting_notices().await)
    }
}

#[async_trait]
impl Measurements for Steady {
    async fn keep_measurements(&self, measured: &SweepMeasurements) -> Result<(), JournalError> {
        let measured = measured.clone();
        self.ask(async move |journal| journal.keep_measurements(&measured).await)
    }

    async fn measurements(&self, query: &MeasurementQuery) -> Result<Vec<MeasurementRow>, JournalError> {
        let query = query.clone();
        self.ask(async move |journal| journal.measurements(&query).await)
    }

    async fn purge_measurements(
        &self,
        sweeps_before: DateTime<Utc>,
        hours_before: DateTime<Utc>,
    ) -> Result<u64, JournalError> {
        self.ask(async move |journal| journal.purge_measurements(sweeps_before, hours_before).await)
    }
}
