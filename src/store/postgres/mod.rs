//! [`Postgres`]: one journal for several replicas, on a PostgreSQL server.

mod address;
mod connection;
mod dialect;
mod error;
mod schema;

pub use crate::store::postgres::address::{Address, AddressError};

use crate::core::case::event::{CaseId, Event, EventKind};
use crate::core::case::record::Record;
use crate::core::case::signal::{QueuedSignal, Signal};
use crate::core::ids::{ChannelName, HostName};
use crate::core::playbook::LibraryHash;
use crate::core::policy::pause_order::PauseOrder;
use crate::core::policy::run_history::RunHistory;
use crate::core::ticket::TicketId;
use crate::ports::{
    Archive, Audit, CaseEntry, CaseQuery, CaseSummary, Counts, Cursor, Cursors, DedupeKey, DueCases,
    Enqueued, History, Inbox, Journal, JournalError, LeaseGrant, Leases, MeasurementQuery, MeasurementRow,
    Measurements, NewCase, Notices, OpenResult, Overview, Parked, PlaybookRuns, QueuedDelivery,
    QueuedMessage, QueuedNotice, Removal, RunsOf, Statistics, StoredRecord, SweepMeasurements, SystemSweep,
};
use crate::store::error::StoreError;
use crate::store::postgres::error::{PATIENCE, explain, too_slow};
use crate::store::row::records_of;
use crate::store::sql::{
    archive, case_index, cursors, event, inbox, kv, leases, measurements, notices, overview, records, runs,
    statistics,
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgPool, Transaction};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Connections of one process.
const CONNECTIONS: u32 = 8;

/// A journal in a PostgreSQL database, in the schema `fieldmedic`.
///
/// What a call has written is kept when it returns. A call that fails with
/// [`JournalError::Unavailable`] may have been done all the same, if the connection broke while the
/// server answered: whoever made it reads the journal again before going on.
#[derive(Clone)]
pub struct Postgres {
    pool: PgPool,
    place: String,
    access: Access,
}

/// What a journal was opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Full,
    /// The server refuses to write.
    Read,
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy)]
enum TransactionMode {
    /// Every statement sees what was committed before it, and waits for rows that others change.
    Write,
    /// All statements see one state of the journal.
    Read,
}

impl TransactionMode {
    /// Said in full, whatever the server's defaults are.
    fn begin(self) -> &'static str {
        match self {
            TransactionMode::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
            TransactionMode::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}

impl Postgres {
    /// Opens the journal in this database, and makes its tables if they are missing.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`]: the server cannot be reached, refuses the login, or holds a journal
    /// that this version cannot use.
    pub async fn open(address: &Address) -> Result<Self, JournalError> {
        let journal = Self::connect(address, Access::Full);
        let mut tx = journal.begin(TransactionMode::Write).await?;
        let done = schema::migrate(&mut tx, &journal.place).await;
        journal.commit(tx, done).await?;
        Ok(journal)
    }

    /// Opens a journal that is there, to read it. The server itself refuses to write: every call that would fails.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`]: the server cannot be reached, refuses the login, or holds no journal of this
    /// version.
    pub async fn open_to_read(address: &Address) -> Result<Self, JournalError> {
        let journal = Self::connect(address, Access::Read);
        let mut tx = journal.begin(TransactionMode::Read).await?;
        let done = schema::check(&mut tx, &journal.place).await;
        journal.commit(tx, done).await?;
        Ok(journal)
    }

    fn connect(address: &Address, access: Access) -> Self {
        let read_only = if access == Access::Read { "on" } else { "off" };
        let options = address.options.clone().options([
            ("default_transaction_read_only", read_only),
            ("search_path", schema::SCHEMA),
            ("statement_timeout", "9s"),
            // A replica that stands still in the middle of a transaction must not hold up the others.
            ("idle_in_transaction_session_timeout", "20s"),
        ]);
        let options = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("fieldmedic"),
        };
        // A connection is tried before it is used: the server may have been restarted meanwhile.
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .test_before_acquire(true)
            .connect_lazy_with(options);
        Self { pool, place: address.place().to_owned(), access }
    }

    /// Makes the list of cases anew from the records. It is a cache; this mends it.
    ///
    /// # Errors
    /// As every call of a journal; the list then stays as it was.
    pub async fn rebuild(&self) -> Result<(), JournalError> {
        let mut tx = self.begin(TransactionMode::Write).await?;
        // Waits for appends under way and holds up later ones, so that none falls between.
        let lock = sqlx::query("LOCK TABLE cases IN ACCESS EXCLUSIVE MODE").execute(&mut *tx).await;
        self.explained(lock)?;
        let done = case_index::rebuild(&mut *tx).await;
        self.commit(tx, done).await
    }

    /// Waits for calls under way and logs out. Later calls fail.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn begin(
        &self,
        access: TransactionMode,
    ) -> Result<Transaction<'static, sqlx::Postgres>, JournalError> {
        // A transaction that says `READ WRITE` goes before the default of the connection.
        if matches!((self.access, access), (Access::Read, TransactionMode::Write)) {
            return Err(JournalError::Unavailable(
                "it was opened to be read, and something would write to it".into(),
            ));
        }
        self.explained(self.pool.begin_with(access.begin()).await)
    }

    /// Commits what was done; if that failed, everything is as it was before.
    async fn commit<T>(
        &self,
        tx: Transaction<'static, sqlx::Postgres>,
        done: Result<T, StoreError>,
    ) -> Result<T, JournalError> {
        let value = self.explained(done)?;
        self.explained(tx.commit().await)?;
        Ok(value)
    }

    fn explained<T>(&self, result: Result<T, impl Into<StoreError>>) -> Result<T, JournalError> {
        result.map_err(|failure| explain(&self.place, failure.into()))
    }

    /// Waits for a call no longer than it may take.
    async fn timely<T>(
        &self,
        call: impl Future<Output = Result<T, JournalError>>,
    ) -> Result<T, JournalError> {
        match tokio::time::timeout(PATIENCE, call).await {
            Ok(done) => done,
            Err(_) => Err(JournalError::Unavailable(too_slow(&self.place))),
        }
    }
}

/// Does something in one transaction, within the time that a call may take. Nothing is tried again here:
/// what may have been done is for the caller to find out.
macro_rules! call {
    ($journal:ident, $access:ident, |$tx:ident| $work:expr) => {
        $journal
            .timely(async {
                let mut $tx = $journal.begin(TransactionMode::$access).await?;
                let done = $work.await;
                $journal.commit($tx, done).await
            })
            .await
    };
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").field("place", &self.place).finish_non_exhaustive()
    }
}

#[async_trait]
impl Journal for Postgres {
    async fn open_case(&self, opening: &NewCase) -> Result<OpenResult, JournalError> {
        call!(self, Write, |tx| records::open(&mut *tx, opening))
    }

    async fn append(
        &self,
        case: &CaseId,
        seq: u64,
        at: DateTime<Utc>,
        event: &Event,
    ) -> Result<(), JournalError> {
        call!(self, Write, |tx| records::append(&mut *tx, case, seq, at, event))
    }

    async fn load(&self, case: &CaseId) -> Result<Vec<Record>, JournalError> {
        let stored = call!(self, Read, |tx| event::stored(&mut *tx, case))?;
        self.explained(records_of(case, &stored))
    }

    async fn open_cases(&self) -> Result<Vec<CaseId>, JournalError> {
        call!(self, Read, |tx| case_index::open_cases(&mut *tx))
    }

    async fn cases(&self, limit: u32) -> Result<Vec<CaseSummary>, JournalError> {
        call!(self, Read, |tx| case_index::newest(&mut *tx, limit))
    }

    async fn cases_of(&self, ticket: &TicketId) -> Result<Vec<CaseSummary>, JournalError> {
        call!(self, Read, |tx| case_index::of_ticket(&mut *tx, ticket))
    }

    async fn store_library(
        &self,
        hash: &LibraryHash,
        files: &BTreeMap<String, String>,
    ) -> Result<(), JournalError> {
        call!(self, Write, |tx| kv::keep_library(&mut *tx, hash, files))
    }

    async fn library(&self, hash: &LibraryHash) -> Result<Option<BTreeMap<String, String>>, JournalError> {
        call!(self, Read, |tx| kv::library(&mut *tx, hash))
    }

    async fn history(&self, kinds: &[EventKind], since: DateTime<Utc>) -> Result<History, JournalError> {
        call!(self, Read, |tx| event::history(&mut *tx, kinds, since))
    }

    async fn run_history(&self, of: &RunsOf<'_>) -> Result<RunHistory, JournalError> {
        call!(self, Read, |tx| runs::history(&mut *tx, of))
    }

    async fn audit(&self) -> Result<Audit, JournalError> {
        // A large journal may take a while, and nobody waits for it but the person who asked.
        let mut tx = self.begin(TransactionMode::Read).await?;
        let done = records::audit(&mut *tx).await;
        self.commit(tx, done).await
    }
}

#[async_trait]
impl Leases for Postgres {
    async fn claim(
        &self,
        case: &CaseId,
        worker: &str,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<bool, JournalError> {
        call!(self, Write, |tx| leases::claim(&mut *tx, case, worker, now, ttl))
    }

    async fn release(
        &self,
        case: &CaseId,
        worker: &str,
        parked: Option<&Parked>,
    ) -> Result<(), JournalError> {
        call!(self, Write, |tx| leases::release(&mut *tx, case, worker, parked))
    }

    async fn due_cases(&self, worker: &str, now: DateTime<Utc>) -> Result<DueCases, JournalError> {
        call!(self, Read, |tx| leases::due(&mut *tx, worker, now))
    }

    async fn grant_lease(
        &self,
        host: &HostName,
        case: &CaseId,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<Option<LeaseGrant>, JournalError> {
        call!(self, Write, |tx| leases::hold(&mut *tx, host, case, now, ttl))
    }

    async fn release_leases(&self, case: &CaseId) -> Result<(), JournalError> {
        call!(self, Write, |tx| leases::free(&mut *tx, case))
    }
}

#[async_trait]
impl Inbox for Postgres {
    async fn enqueue_deliveries(&self, deliveries: &[QueuedDelivery]) -> Result<u64, JournalError> {
        call!(self, Write, |tx| inbox::keep(&mut *tx, deliveries))
    }

    async fn next_delivery(
        &self,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<Option<QueuedDelivery>, JournalError> {
        call!(self, Write, |tx| inbox::next(&mut *tx, now, ttl))
    }

    async fn ack_delivery(&self, key: &str) -> Result<(), JournalError> {
        call!(self, Write, |tx| inbox::finish(&mut *tx, key))
    }

    async fn pause_order(&self) -> Result<Option<PauseOrder>, JournalError> {
        call!(self, Read, |tx| kv::pause_order(&mut *tx))
    }

    async fn order_pause(&self, order: &PauseOrder) -> Result<bool, JournalError> {
        call!(self, Write, |tx| kv::order_pause(&mut *tx, order))
    }

    async fn send_signal(&self, case: &CaseId, key: &str, word: &Signal) -> Result<bool, JournalError> {
        call!(self, Write, |tx| kv::post(&mut *tx, case, key, word))
    }

    async fn signals(&self, case: &CaseId) -> Result<Vec<QueuedSignal>, JournalError> {
        call!(self, Read, |tx| kv::posted(&mut *tx, case))
    }
}

#[async_trait]
impl Cursors for Postgres {
    async fn cursor(&self, cursor: &Cursor) -> Result<Option<DateTime<Utc>>, JournalError> {
        call!(self, Read, |tx| cursors::cursor(&mut *tx, &cursor.to_string()))
    }

    async fn set_cursor(&self, cursor: &Cursor, at: DateTime<Utc>) -> Result<(), JournalError> {
        call!(self, Write, |tx| cursors::set_cursor(&mut *tx, &cursor.to_string(), at))
    }

    async fn done_at(&self, key: &DedupeKey) -> Result<Option<DateTime<Utc>>, JournalError> {
        call!(self, Read, |tx| cursors::done_at(&mut *tx, key))
    }

    async fn mark_done(&self, key: &DedupeKey, now: DateTime<Utc>) -> Result<(), JournalError> {
        call!(self, Write, |tx| cursors::mark_done(&mut *tx, key, now))
    }

    async fn try_once_every(
        &self,
        name: &str,
        now: DateTime<Utc>,
        every: Duration,
    ) -> Result<bool, JournalError> {
        call!(self, Write, |tx| cursors::take_turn(&mut *tx, name, now, every))
    }
}

#[async_trait]
impl Statistics for Postgres {
    async fn statistics(&self, since: DateTime<Utc>) -> Result<Counts, JournalError> {
        call!(self, Read, |tx| statistics::statistics(&mut *tx, since))
    }
}

#[async_trait]
impl Notices for Postgres {
    async fn enqueue_notices(
        &self,
        queued: &[QueuedNotice],
        now: DateTime<Utc>,
    ) -> Result<Enqueued, JournalError> {
        call!(self, Write, |tx| notices::enqueue(&mut *tx, queued, now))
    }

    async fn next_message(
        &self,
        channel: &ChannelName,
        now: DateTime<Utc>,
        ttl: Duration,
        bundle_from: usize,
    ) -> Result<Option<QueuedMessage>, JournalError> {
        call!(self, Write, |tx| notices::next(&mut *tx, channel, now, ttl, bundle_from))
    }

    async fn postpone_message(
        &self,
        channel: &ChannelName,
        message: &str,
        now: DateTime<Utc>,
        pause: Duration,
    ) -> Result<(), JournalError> {
        call!(self, Write, |tx| notices::postpone(&mut *tx, channel, message, now, pause))
    }

    async fn settle_message(
        &self,
        channel: &ChannelName,
        message: &str,
        now: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        call!(self, Write, |tx| notices::settle(&mut *tx, channel, message, now))
    }

    async fn waiting_notices(&self) -> Result<Vec<(ChannelName, u64)>, JournalError> {
        call!(self, Read, |tx| notices::waiting(&mut *tx))
    }
}

#[async_trait]
impl Archive for Postgres {
    async fn closed_before(&self, before: DateTime<Utc>) -> Result<Vec<CaseId>, JournalError> {
        call!(self, Read, |tx| archive::closed_before(&mut *tx, before))
    }

    async fn stored_records(&self, case: &CaseId) -> Result<Vec<StoredRecord>, JournalError> {
        let rows = call!(self, Read, |tx| event::stored(&mut *tx, case))?;
        Ok(rows.into_iter().map(|row| row.export(case)).collect())
    }

    async fn remove_archived(&self, removal: &Removal) -> Result<(), JournalError> {
        call!(self, Write, |tx| archive::remove(&mut *tx, removal))
    }

    async fn archived_in(&self, case: &CaseId) -> Result<Option<String>, JournalError> {
        call!(self, Read, |tx| archive::archived_in(&mut *tx, case))
    }
}

#[async_trait]
impl Overview for Postgres {
    async fn find_cases(&self, query: &CaseQuery) -> Result<Vec<CaseEntry>, JournalError> {
        call!(self, Read, |tx| overview::find_cases(&mut *tx, query))
    }

    async fn running_cases(&self, limit: u32) -> Result<Vec<CaseEntry>, JournalError> {
        call!(self, Read, |tx| overview::running_cases(&mut *tx, limit))
    }

    async fn playbook_runs(&self, since: DateTime<Utc>) -> Result<Vec<PlaybookRuns>, JournalError> {
        call!(self, Read, |tx| overview::playbook_runs(&mut *tx, since))
    }

    async fn keep_sweep(&self, sweep: &SystemSweep) -> Result<(), JournalError> {
        call!(self, Write, |tx| overview::keep_sweep(&mut *tx, sweep))
    }

    async fn sweeps(&self) -> Result<Vec<SystemSweep>, JournalError> {
        call!(self, Read, |tx| overview::sweeps(&mut *tx))
    }
}

#[async_trait]
impl Measurements for Postgres {
    async fn keep_measurements(&self, measured: &SweepMeasurements) -> Result<(), JournalError> {
        if measured.values.is_empty() {
            return Ok(());
        }
        call!(self, Write, |tx| measurements::keep(&mut *tx, measured))
    }

    async fn measurements(&self, query: &MeasurementQuery) -> Result<Vec<MeasurementRow>, JournalError> {
        call!(self, Read, |tx| measurements::find(&mut *tx, query))
    }

    async fn purge_measurements(
        &self,
        sweeps_before: DateTime<Utc>,
        hours_before: DateTime<Utc>,
    ) -> Result<u64, JournalError> {
        call!(self, Write, |tx| measurements::purge(&mut *tx, sweeps_before, hours_before))
    }
}
