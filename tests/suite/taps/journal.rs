//! The journal with a tap on it.

use super::{Broken, Deed, Tapped};
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
    QueuedMessage, QueuedNotice, Removal, RunsOf, Statistics, Store, StoredRecord, SweepMeasurements,
    SystemSweep,
};
use std::collections::BTreeMap;
use std::time::Duration;

impl From<Broken> for JournalError {
    fn from(broken: Broken) -> Self {
        JournalError::Unavailable(broken.0)
    }
}

#[async_trait]
impl Journal for Tapped<dyn Store> {
    async fn open_case(&self, opening: &NewCase) -> Result<OpenResult, JournalError> {
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
        self.tap.loaded(case, self.pass(Deed::Read("load"), self.inner.load(case)).await)
    }

    async fn open_cases(&self) -> Result<Vec<CaseId>, JournalError> {
        self.pass(Deed::Read("open_cases"), self.inner.open_cases()).await
    }

    async fn cases(&self, limit: u32) -> Result<Vec<CaseSummary>, JournalError> {
        self.pass(Deed::Read("cases"), self.inner.cases(limit)).await
    }

    async fn cases_of(&self, ticket: &TicketId) -> Result<Vec<CaseSummary>, JournalError> {
        self.pass(Deed::Read("cases_of"), self.inner.cases_of(ticket)).await
    }

    async fn store_library(
        &self,
        hash: &LibraryHash,
        files: &BTreeMap<String, String>,
    ) -> Result<(), JournalError> {
        self.pass(Deed::Write("keep_library"), self.inner.store_library(hash, files)).await
    }

    async fn library(&self, hash: &LibraryHash) -> Result<Option<BTreeMap<String, String>>, JournalError> {
        self.pass(Deed::Read("library"), self.inner.library(hash)).await
    }

    async fn history(&self, kinds: &[EventKind], since: DateTime<Utc>) -> Result<History, JournalError> {
        self.pass(Deed::Read("history"), self.inner.history(kinds, since)).await
    }

    async fn run_history(&self, of: &RunsOf<'_>) -> Result<RunHistory, JournalError> {
        self.pass(Deed::Read("run_history"), self.inner.run_history(of)).await
    }

    async fn audit(&self) -> Result<Audit, JournalError> {
        self.pass(Deed::Read("audit"), self.inner.audit()).await
    }
}

#[async_trait]
impl Leases for Tapped<dyn Store> {
    async fn claim(
        &self,
        case: &CaseId,
        worker: &str,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<bool, JournalError> {
        self.pass(Deed::Write("claim"), self.inner.claim(case, worker, now, ttl)).await
    }

    async fn release(
        &self,
        case: &CaseId,
        worker: &str,
        parked: Option<&Parked>,
    ) -> Result<(), JournalError> {
        self.pass(Deed::Write("release"), self.inner.release(case, worker, parked)).await
    }

    async fn due_cases(&self, worker: &str, now: DateTime<Utc>) -> Result<DueCases, JournalError> {
        self.pass(Deed::Read("due_cases"), self.inner.due_cases(worker, now)).await
    }

    async fn grant_lease(
        &self,
        host: &HostName,
        case: &CaseId,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<Option<LeaseGrant>, JournalError> {
        let granted = self.pass(Deed::Write("hold"), self.inner.grant_lease(host, case, now, ttl)).await?;
        Ok(self.tap.held(host, case, granted))
    }

    async fn release_leases(&self, case: &CaseId) -> Result<(), JournalError> {
        self.pass(Deed::Write("free"), self.inner.release_leases(case)).await
    }
}

#[async_trait]
impl Inbox for Tapped<dyn Store> {
    async fn enqueue_deliveries(&self, deliveries: &[QueuedDelivery]) -> Result<u64, JournalError> {
        self.pass(Deed::Write("receive"), self.inner.enqueue_deliveries(deliveries)).await
    }

    async fn next_delivery(
        &self,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<Option<QueuedDelivery>, JournalError> {
        self.pass(Deed::Write("next_delivery"), self.inner.next_delivery(now, ttl)).await
    }

    async fn ack_delivery(&self, key: &str) -> Result<(), JournalError> {
        self.pass(Deed::Write("finish_delivery"), self.inner.ack_delivery(key)).await
    }

    async fn pause_order(&self) -> Result<Option<PauseOrder>, JournalError> {
        self.pass(Deed::Read("pause"), self.inner.pause_order()).await
    }

    async fn order_pause(&self, order: &PauseOrder) -> Result<bool, JournalError> {
        self.pass(Deed::Write("order_pause"), self.inner.order_pause(order)).await
    }

    async fn send_signal(&self, case: &CaseId, key: &str, word: &Signal) -> Result<bool, JournalError> {
        self.pass(Deed::Write("post"), self.inner.send_signal(case, key, word)).await
    }

    async fn signals(&self, case: &CaseId) -> Result<Vec<QueuedSignal>, JournalError> {
        self.pass(Deed::Read("posted"), self.inner.signals(case)).await
    }
}

#[async_trait]
impl Cursors for Tapped<dyn Store> {
    async fn cursor(&self, cursor: &Cursor) -> Result<Option<DateTime<Utc>>, JournalError> {
        self.pass(Deed::Read("cursor"), self.inner.cursor(cursor)).await
    }

    async fn set_cursor(&self, cursor: &Cursor, at: DateTime<Utc>) -> Result<(), JournalError> {
        self.pass(Deed::Write("set_cursor"), self.inner.set_cursor(cursor, at)).await
    }

    async fn done_at(&self, key: &DedupeKey) -> Result<Option<DateTime<Utc>>, JournalError> {
        self.pass(Deed::Read("done_at"), self.inner.done_at(key)).await
    }

    async fn mark_done(&self, key: &DedupeKey, now: DateTime<Utc>) -> Result<(), JournalError> {
        self.pass(Deed::Write("mark_done"), self.inner.mark_done(key, now)).await
    }

    async fn try_once_every(
        &self,
        name: &str,
        now: DateTime<Utc>,
        every: Duration,
    ) -> Result<bool, JournalError> {
        self.pass(Deed::Write("take_turn"), self.inner.try_once_every(name, now, every)).await
    }
}

#[async_trait]
impl Archive for Tapped<dyn Store> {
    async fn closed_before(&self, before: DateTime<Utc>) -> Result<Vec<CaseId>, JournalError> {
        self.pass(Deed::Read("closed_before"), self.inner.closed_before(before)).await
    }

    async fn stored_records(&self, case: &CaseId) -> Result<Vec<StoredRecord>, JournalError> {
        self.pass(Deed::Read("stored_records"), self.inner.stored_records(case)).await
    }

    async fn remove_archived(&self, removal: &Removal) -> Result<(), JournalError> {
        self.pass(Deed::Write("remove_archived"), self.inner.remove_archived(removal)).await
    }

    async fn archived_in(&self, case: &CaseId) -> Result<Option<String>, JournalError> {
        self.pass(Deed::Read("archived_in"), self.inner.archived_in(case)).await
    }
}

#[async_trait]
impl Overview for Tapped<dyn Store> {
    async fn find_cases(&self, query: &CaseQuery) -> Result<Vec<CaseEntry>, JournalError> {
        self.pass(Deed::Read("find_cases"), self.inner.find_cases(query)).await
    }

    async fn running_cases(&self, limit: u32) -> Result<Vec<CaseEntry>, JournalError> {
        self.pass(Deed::Read("running_cases"), self.inner.running_cases(limit)).await
    }

    async fn playbook_runs(&self, since: DateTime<Utc>) -> Result<Vec<PlaybookRuns>, JournalError> {
        self.pass(Deed::Read("playbook_runs"), self.inner.playbook_runs(since)).await
    }

    async fn keep_sweep(&self, sweep: &SystemSweep) -> Result<(), JournalError> {
        self.pass(Deed::Write("keep_sweep"), self.inner.keep_sweep(sweep)).await
    }

    async fn sweeps(&self) -> Result<Vec<SystemSweep>, JournalError> {
        self.pass(Deed::Read("sweeps"), self.inner.sweeps()).await
    }
}

#[async_trait]
impl Statistics for Tapped<dyn Store> {
    async fn statistics(&self, since: DateTime<Utc>) -> Result<Counts, JournalError> {
        self.pass(Deed::Read("statistics"), self.inner.statistics(since)).await
    }
}

#[async_trait]
impl Notices for Tapped<dyn Store> {
    async fn enqueue_notices(
        &self,
        queued: &[QueuedNotice],
        now: DateTime<Utc>,
    ) -> Result<Enqueued, JournalError> {
        self.pass(Deed::Write("enqueue_notices"), self.inner.enqueue_notices(queued, now)).await
    }

    async fn next_message(
        &self,
        channel: &ChannelName,
        now: DateTime<Utc>,
        ttl: Duration,
        bundle_from: usize,
    ) -> Result<Option<QueuedMessage>, JournalError> {
        self.pass(Deed::Write("next_message"), self.inner.next_message(channel, now, ttl, bundle_from)).await
    }

    async fn postpone_message(
        &self,
        channel: &ChannelName,
        message: &str,
        now: DateTime<Utc>,
        pause: Duration,
    ) -> Result<(), JournalError> {
        self.pass(Deed::Write("postpone_message"), self.inner.postpone_message(channel, message, now, pause))
            .await
    }

    async fn settle_message(
        &self,
        channel: &ChannelName,
        message: &str,
        now: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        self.pass(Deed::Write("settle_message"), self.inner.settle_message(channel, message, now)).await
    }

    async fn waiting_notices(&self) -> Result<Vec<(ChannelName, u64)>, JournalError> {
        self.pass(Deed::Read("waiting_notices"), self.inner.waiting_notices()).await
    }
}

#[async_trait]
impl Measurements for Tapped<dyn Store> {
    async fn keep_measurements(&self, measured: &SweepMeasurements) -> Result<(), JournalError> {
        self.pass(Deed::Write("keep_measurements"), self.inner.keep_measurements(measured)).await
    }

    async fn measurements(&self, query: &MeasurementQuery) -> Result<Vec<MeasurementRow>, JournalError> {
        self.pass(Deed::Read("measurements"), self.inner.measurements(query)).await
    }

    async fn purge_measurements(
        &self,
        sweeps_before: DateTime<Utc>,
        hours_before: DateTime<Utc>,
    ) -> Result<u64, JournalError> {
        let purged = self.inner.purge_measurements(sweeps_before, hours_before);
        self.pass(Deed::Write("purge_measurements"), purged).await
    }
}
