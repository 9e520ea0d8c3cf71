//! [`Sqlite`]: the journal in one file, with nothing else to install.

#![expect(
    clippy::disallowed_methods,
    reason = "opens the journal's file, and measures how long it waits for a lock"
)]

mod connection;
mod dialect;
mod error;
mod schema;

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
use crate::store::row::records_of;
use crate::store::sql::schema::absent;
use crate::store::sql::{
    archive, case_index, cursors, event, inbox, kv, leases, measurements, notices, overview, records, runs,
    statistics,
};
use crate::store::sqlite::error::{explain, explain_io, is_busy};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqlitePool, Transaction};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{self, Path};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a call waits for another process that is writing.
const PATIENCE: Duration = Duration::from_secs(10);

/// Readers beside the one writer; each is a thread of its own.
const READERS: u32 = 4;

/// A journal in a SQLite file, or in memory.
///
/// What a call has written is on the disk when it returns. Several processes of one machine may share
/// the file; a network file system does not lock well enough for that. Moments are kept in whole
/// microseconds: what is finer is cut off.
#[derive(Debug, Clone)]
pub struct Sqlite {
    /// One connection, so that the tasks of this process write in turn instead of racing for the lock.
    writer: SqlitePool,
    /// Writes what a power failure may take back. It is used only by whoever has the writer.
    /// `None` in memory.
    unsynced: Option<SqlitePool>,
    readers: SqlitePool,
    /// The file, as people know it.
    place: String,
}

impl Sqlite {
    /// Opens the journal in this file, which is made if it is missing, for its owner alone. The
    /// directory must be there.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`]: the directory is missing or may not be written, or the file is no
    /// journal that this version can use.
    pub async fn open(path: &Path) -> Result<Self, JournalError> {
        let path = path::absolute(path).map_err(|error| explain_io(path, &error))?;
        make_file(&path)?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(PATIENCE)
            .disable_statement_logging();
        let journal = Self {
            writer: writer().connect_lazy_with(options.clone()),
            unsynced: Some(
                writer().connect_lazy_with(options.clone().synchronous(SqliteSynchronous::Normal)),
            ),
            readers: pool(READERS).connect_lazy_with(options.pragma("query_only", "ON")),
            place: path.display().to_string(),
        };
        journal.explained(journal.open_with_retry(&path).await)?;
        Ok(journal)
    }

    /// Opens a journal that is there, to read it. SQLite itself refuses to write: every call that would fails.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`]: the file is missing, may not be read, or is no journal of this version.
    pub async fn open_to_read(path: &Path) -> Result<Self, JournalError> {
        let path = path::absolute(path).map_err(|error| explain_io(path, &error))?;
        let place = path.display().to_string();
        if !path.is_file() {
            return Err(absent(&place));
        }
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .read_only(true)
            .busy_timeout(PATIENCE)
            .disable_statement_logging();
        let readers = pool(READERS).connect_lazy_with(options.pragma("query_only", "ON"));
        let journal = Self { writer: readers.clone(), unsynced: None, readers, place };
        journal.explained(schema::check(&journal.readers, &journal.place).await)?;
        Ok(journal)
    }

    /// A journal that is gone when the last clone of it is dropped.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`]: there is no memory for it.
    pub async fn in_memory() -> Result<Self, JournalError> {
        let options = SqliteConnectOptions::new().in_memory(true).disable_statement_logging();
        let only = pool(1).connect_lazy_with(options);
        let place = "the journal in memory".to_owned();
        let journal = Self { writer: only.clone(), unsynced: None, readers: only, place };
        journal.explained(schema::migrate(&journal.writer, &journal.place).await)?;
        Ok(journal)
    }

    /// Makes the file ready. Some of this does not wait by itself for other processes that do the same
    /// to the same new file, so the waiting is done here.
    async fn open_with_retry(&self, path: &Path) -> Result<(), StoreError> {
        let began = Instant::now();
        loop {
            match self.settle(path).await {
                Err(StoreError::Store(error)) if is_busy(&error) && began.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                other => return other,
            }
        }
    }

    /// The first step refuses a file that is not ours; nothing is done to it before.
    async fn settle(&self, path: &Path) -> Result<(), StoreError> {
        schema::migrate(&self.writer, &self.place).await?;
        // SQLite gives the files that it puts beside this one the same mode.
        fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(|error| explain_io(path, &error))?;
        sqlx::query("PRAGMA journal_mode = WAL").execute(&self.writer).await?;
        Ok(())
    }

    /// Makes the list of cases anew from the records. It is a cache; this mends it.
    ///
    /// # Errors
    /// As every call of a journal; the list then stays as it was.
    pub async fn rebuild(&self) -> Result<(), JournalError> {
        let mut tx = self.write().await?;
        let done = case_index::rebuild(&mut *tx).await;
        self.commit(tx, done).await
    }

    /// Waits for calls under way and folds the write-ahead log into the file. Later calls fail. To stop
    /// without it loses nothing.
    pub async fn close(&self) {
        self.readers.close().await;
        if let Some(unsynced) = &self.unsynced {
            unsynced.close().await;
        }
        self.writer.close().await;
    }

    /// Begins a transaction that has the write lock from the start, so that what it reads stays true
    /// until it has written.
    async fn write(&self) -> Result<Transaction<'static, sqlx::Sqlite>, JournalError> {
        self.explained(self.writer.begin_with("BEGIN IMMEDIATE").await)
    }

    /// The same for what need not outlast a power failure: claims, whose holder is then gone as well, and what is known
    /// of parked cases, which are then looked at once more. The commit does not wait for the disk; the next one that
    /// does takes it along. The end of the process takes nothing back.
    async fn write_unsynced(&self) -> Result<Unsynced, JournalError> {
        let Some(unsynced) = &self.unsynced else {
            return Ok(Unsynced { tx: self.write().await?, turn: None });
        };
        let turn = self.explained(self.writer.acquire().await)?;
        let tx = self.explained(unsynced.begin_with("BEGIN IMMEDIATE").await)?;
        Ok(Unsynced { tx, turn: Some(turn) })
    }

    async fn commit_unsynced<T>(
        &self,
        Unsynced { tx, turn }: Unsynced,
        done: Result<T, StoreError>,
    ) -> Result<T, JournalError> {
        let result = self.commit(tx, done).await;
        drop(turn);
        result
    }

    /// For one query, which sees one state of the journal by itself.
    async fn read(&self) -> Result<PoolConnection<sqlx::Sqlite>, JournalError> {
        self.explained(self.readers.acquire().await)
    }

    /// Commits what was done; if that failed, everything is as it was before.
    async fn commit<T>(
        &self,
        tx: Transaction<'static, sqlx::Sqlite>,
        done: Result<T, StoreError>,
    ) -> Result<T, JournalError> {
        let value = self.explained(done)?;
        self.explained(tx.commit().await)?;
        Ok(value)
    }

    fn explained<T>(&self, result: Result<T, impl Into<StoreError>>) -> Result<T, JournalError> {
        result.map_err(|failure| explain(&self.place, failure.into()))
    }
}

/// A transaction whose commit does not wait for the disk.
struct Unsynced {
    tx: Transaction<'static, sqlx::Sqlite>,
    /// The writer, held so that the tasks of this process write in turn.
    turn: Option<PoolConnection<sqlx::Sqlite>>,
}

#[async_trait]
impl Journal for Sqlite {
    async fn open_case(&self, opening: &NewCase) -> Result<OpenResult, JournalError> {
        let mut tx = self.write().await?;
        let done = records::open(&mut *tx, opening).await;
        self.commit(tx, done).await
    }

    async fn append(
        &self,
        case: &CaseId,
        seq: u64,
        at: DateTime<Utc>,
        event: &Event,
    ) -> Result<(), JournalError> {
        let mut tx = self.write().await?;
        let done = records::append(&mut *tx, case, seq, at, event).await;
        self.commit(tx, done).await
    }

    async fn load(&self, case: &CaseId) -> Result<Vec<Record>, JournalError> {
        let mut db = self.read().await?;
        let stored = self.explained(event::stored(&mut *db, case).await)?;
        self.explained(records_of(case, &stored))
    }

    async fn open_cases(&self) -> Result<Vec<CaseId>, JournalError> {
        let mut db = self.read().await?;
        self.explained(case_index::open_cases(&mut *db).await)
    }

    async fn cases(&self, limit: u32) -> Result<Vec<CaseSummary>, JournalError> {
        let mut db = self.read().await?;
        self.explained(case_index::newest(&mut *db, limit).await)
    }

    async fn cases_of(&self, ticket: &TicketId) -> Result<Vec<CaseSummary>, JournalError> {
        let mut db = self.read().await?;
        self.explained(case_index::of_ticket(&mut *db, ticket).await)
    }

    async fn store_library(
        &self,
        hash: &LibraryHash,
        files: &BTreeMap<String, String>,
    ) -> Result<(), JournalError> {
        let mut tx = self.write().await?;
        let done = kv::keep_library(&mut *tx, hash, files).await;
        self.commit(tx, done).await
    }

    async fn library(&self, hash: &LibraryHash) -> Result<Option<BTreeMap<String, String>>, JournalError> {
        let mut db = self.read().await?;
        self.explained(kv::library(&mut *db, hash).await)
    }

    async fn history(&self, kinds: &[EventKind], since: DateTime<Utc>) -> Result<History, JournalError> {
        let mut db = self.read().await?;
        self.explained(event::history(&mut *db, kinds, since).await)
    }

    async fn run_history(&self, of: &RunsOf<'_>) -> Result<RunHistory, JournalError> {
        let mut tx = self.explained(self.readers.begin().await)?;
        self.explained(runs::history(&mut *tx, of).await)
    }

    async fn audit(&self) -> Result<Audit, JournalError> {
        // One state of the journal throughout.
        let mut tx = self.explained(self.readers.begin().await)?;
        self.explained(records::audit(&mut *tx).await)
    }
}

#[async_trait]
impl Leases for Sqlite {
    async fn claim(
        &self,
        case: &CaseId,
        worker: &str,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<bool, JournalError> {
        let mut unsynced = self.write_unsynced().await?;
        let done = leases::claim(&mut *unsynced.tx, case, worker, now, ttl).await;
        self.commit_unsynced(unsynced, done).await
    }

    async fn release(
        &self,
        case: &CaseId,
        worker: &str,
        parked: Option<&Parked>,
    ) -> Result<(), JournalError> {
        let mut unsynced = self.write_unsynced().await?;
        let done = leases::release(&mut *unsynced.tx, case, worker, parked).await;
        self.commit_unsynced(unsynced, done).await
    }

    async fn due_cases(&self, worker: &str, now: DateTime<Utc>) -> Result<DueCases, JournalError> {
        // One state of the journal throughout.
        let mut tx = self.explained(self.readers.begin().await)?;
        self.explained(leases::due(&mut *tx, worker, now).await)
    }

    async fn grant_lease(
        &self,
        host: &HostName,
        case: &CaseId,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<Option<LeaseGrant>, JournalError> {
        let mut tx = self.write().await?;
        let done = leases::hold(&mut *tx, host, case, now, ttl).await;
        self.commit(tx, done).await
    }

    async fn release_leases(&self, case: &CaseId) -> Result<(), JournalError> {
        let mut tx = self.write().await?;
        let done = leases::free(&mut *tx, case).await;
        self.commit(tx, done).await
    }
}

#[async_trait]
impl Inbox for Sqlite {
    async fn enqueue_deliveries(&self, deliveries: &[QueuedDelivery]) -> Result<u64, JournalError> {
        let mut tx = self.write().await?;
        let done = inbox::keep(&mut *tx, deliveries).await;
        self.commit(tx, done).await
    }

    async fn next_delivery(
        &self,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<Option<QueuedDelivery>, JournalError> {
        let mut unsynced = self.write_unsynced().await?;
        let done = inbox::next(&mut *unsynced.tx, now, ttl).await;
        self.commit_unsynced(unsynced, done).await
    }

    async fn ack_delivery(&self, key: &str) -> Result<(), JournalError> {
        let mut unsynced = self.write_unsynced().await?;
        let done = inbox::finish(&mut *unsynced.tx, key).await;
        self.commit_unsynced(unsynced, done).await
    }

    async fn pause_order(&self) -> Result<Option<PauseOrder>, JournalError> {
        let mut db = self.read().await?;
        self.explained(kv::pause_order(&mut *db).await)
    }

    async fn order_pause(&self, order: &PauseOrder) -> Result<bool, JournalError> {
        let mut tx = self.write().await?;
        let done = kv::order_pause(&mut *tx, order).await;
        self.commit(tx, done).await
    }

    async fn send_signal(&self, case: &CaseId, key: &str, word: &Signal) -> Result<bool, JournalError> {
        let mut tx = self.write().await?;
        let done = kv::post(&mut *tx, case, key, word).await;
        self.commit(tx, done).await
    }

    async fn signals(&self, case: &CaseId) -> Result<Vec<QueuedSignal>, JournalError> {
        let mut db = self.read().await?;
        self.explained(kv::posted(&mut *db, case).await)
    }
}

#[async_trait]
impl Cursors for Sqlite {
    async fn cursor(&self, cursor: &Cursor) -> Result<Option<DateTime<Utc>>, JournalError> {
        let mut db = self.read().await?;
        self.explained(cursors::cursor(&mut *db, &cursor.to_string()).await)
    }

    async fn set_cursor(&self, cursor: &Cursor, at: DateTime<Utc>) -> Result<(), JournalError> {
        let mut tx = self.write().await?;
        let done = cursors::set_cursor(&mut *tx, &cursor.to_string(), at).await;
        self.commit(tx, done).await
    }

    async fn done_at(&self, key: &DedupeKey) -> Result<Option<DateTime<Utc>>, JournalError> {
        let mut db = self.read().await?;
        self.explained(cursors::done_at(&mut *db, key).await)
    }

    async fn mark_done(&self, key: &DedupeKey, now: DateTime<Utc>) -> Result<(), JournalError> {
        let mut tx = self.write().await?;
        let done = cursors::mark_done(&mut *tx, key, now).await;
        self.commit(tx, done).await
    }

    async fn try_once_every(
        &self,
        name: &str,
        now: DateTime<Utc>,
        every: Duration,
    ) -> Result<bool, JournalError> {
        let mut tx = self.write().await?;
        let done = cursors::take_turn(&mut *tx, name, now, every).await;
        self.commit(tx, done).await
    }
}

#[async_trait]
impl Statistics for Sqlite {
    async fn statistics(&self, since: DateTime<Utc>) -> Result<Counts, JournalError> {
        // All statements see one state of the journal.
        let mut tx = self.explained(self.readers.begin().await)?;
        self.explained(statistics::statistics(&mut *tx, since).await)
    }
}

#[async_trait]
impl Notices for Sqlite {
    async fn enqueue_notices(
        &self,
        queued: &[QueuedNotice],
        now: DateTime<Utc>,
    ) -> Result<Enqueued, JournalError> {
        let mut tx = self.write().await?;
        let done = notices::enqueue(&mut *tx, queued, now).await;
        self.commit(tx, done).await
    }

    async fn next_message(
        &self,
        channel: &ChannelName,
        now: DateTime<Utc>,
        ttl: Duration,
        bundle_from: usize,
    ) -> Result<Option<QueuedMessage>, JournalError> {
        let mut tx = self.write().await?;
        let done = notices::next(&mut *tx, channel, now, ttl, bundle_from).await;
        self.commit(tx, done).await
    }

    async fn postpone_message(
        &self,
        channel: &ChannelName,
        message: &str,
        now: DateTime<Utc>,
        pause: Duration,
    ) -> Result<(), JournalError> {
        let mut tx = self.write().await?;
        let done = notices::postpone(&mut *tx, channel, message, now, pause).await;
        self.commit(tx, done).await
    }

    async fn settle_message(
        &self,
        channel: &ChannelName,
        message: &str,
        now: DateTime<Utc>,
    ) -> Result<(), JournalError> {
        let mut tx = self.write().await?;
        let done = notices::settle(&mut *tx, channel, message, now).await;
        self.commit(tx, done).await
    }

    async fn waiting_notices(&self) -> Result<Vec<(ChannelName, u64)>, JournalError> {
        let mut db = self.read().await?;
        self.explained(notices::waiting(&mut *db).await)
    }
}

#[async_trait]
impl Archive for Sqlite {
    async fn closed_before(&self, before: DateTime<Utc>) -> Result<Vec<CaseId>, JournalError> {
        let mut db = self.read().await?;
        self.explained(archive::closed_before(&mut *db, before).await)
    }

    async fn stored_records(&self, case: &CaseId) -> Result<Vec<StoredRecord>, JournalError> {
        let mut db = self.read().await?;
        let rows = self.explained(event::stored(&mut *db, case).await)?;
        Ok(rows.into_iter().map(|row| row.export(case)).collect())
    }

    async fn remove_archived(&self, removal: &Removal) -> Result<(), JournalError> {
        let mut tx = self.write().await?;
        let done = archive::remove(&mut *tx, removal).await;
        self.commit(tx, done).await
    }

    /// The file is written anew, so for a while the disk needs room for both.
    async fn compact(&self) -> Result<(), JournalError> {
        let mut db = self.explained(self.writer.acquire().await)?;
        self.explained(sqlx::query("VACUUM").execute(&mut *db).await)?;
        // What was written stands in the log yet, which is as long.
        self.explained(sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *db).await)?;
        Ok(())
    }

    async fn archived_in(&self, case: &CaseId) -> Result<Option<String>, JournalError> {
        let mut db = self.read().await?;
        self.explained(archive::archived_in(&mut *db, case).await)
    }
}

#[async_trait]
impl Overview for Sqlite {
    async fn find_cases(&self, query: &CaseQuery) -> Result<Vec<CaseEntry>, JournalError> {
        let mut db = self.read().await?;
        self.explained(overview::find_cases(&mut *db, query).await)
    }

    async fn running_cases(&self, limit: u32) -> Result<Vec<CaseEntry>, JournalError> {
        let mut db = self.read().await?;
        self.explained(overview::running_cases(&mut *db, limit).await)
    }

    async fn playbook_runs(&self, since: DateTime<Utc>) -> Result<Vec<PlaybookRuns>, JournalError> {
        let mut db = self.read().await?;
        self.explained(overview::playbook_runs(&mut *db, since).await)
    }

    async fn keep_sweep(&self, sweep: &SystemSweep) -> Result<(), JournalError> {
        let mut tx = self.write().await?;
        let done = overview::keep_sweep(&mut *tx, sweep).await;
        self.commit(tx, done).await
    }

    async fn sweeps(&self) -> Result<Vec<SystemSweep>, JournalError> {
        let mut db = self.read().await?;
        self.explained(overview::sweeps(&mut *db).await)
    }
}

#[async_trait]
impl Measurements for Sqlite {
    async fn keep_measurements(&self, measured: &SweepMeasurements) -> Result<(), JournalError> {
        if measured.values.is_empty() {
            return Ok(());
        }
        let mut tx = self.write().await?;
        let done = measurements::keep(&mut *tx, measured).await;
        self.commit(tx, done).await
    }

    async fn measurements(&self, query: &MeasurementQuery) -> Result<Vec<MeasurementRow>, JournalError> {
        let mut db = self.read().await?;
        self.explained(measurements::find(&mut *db, query).await)
    }

    async fn purge_measurements(
        &self,
        sweeps_before: DateTime<Utc>,
        hours_before: DateTime<Utc>,
    ) -> Result<u64, JournalError> {
        let mut tx = self.write().await?;
        let done = measurements::purge(&mut *tx, sweeps_before, hours_before).await;
        self.commit(tx, done).await
    }
}

/// Makes the file if it is missing, for its owner alone.
fn make_file(path: &Path) -> Result<(), JournalError> {
    // To close any handle of a file gives up the locks that SQLite has on it for this process. So a file
    // that is there is not opened here, and only one at a time makes one.
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop);
    drop(turn);
    let found = match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => fs::metadata(path),
        Err(error) => Err(error),
        Ok(()) => return Ok(()),
    };
    if !found.map_err(|error| explain_io(path, &error))?.is_file() {
        let why = format!("{} is not a plain file. Name another one", path.display());
        return Err(JournalError::Unavailable(why));
    }
    Ok(())
}

fn pool(size: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// The one that writes to a file.
fn writer() -> SqlitePoolOptions {
    pool(1).after_release(|connection, _| {
        Box::pin(async move {
            if !connection.is_in_transaction() {
                return Ok(true);
            }
            // A transaction was given up, and is rolled back before the next command. SQLite ends one by itself
            // when the disk is full, and the driver then cannot roll it back: a connection that still believes to
            // be in it is thrown away.
            connection.ping().await?;
            Ok(!connection.is_in_transaction())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_disk_is_said_and_got_over() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.db");
        let journal = Sqlite::open(&path).await.unwrap();
        sqlx::query("PRAGMA max_page_count = 1").execute(&journal.writer).await.unwrap();
        let files = BTreeMap::from([("a".to_owned(), "x".repeat(100_000))]);
        let hash = LibraryHash("h".into());

        let Err(JournalError::Unavailable(why)) = journal.store_library(&hash, &files).await else {
            panic!("there was no room for it");
        };
        assert_eq!(
            why,
            format!("the disk that holds {} is full. Free some space on it, then try again", path.display())
        );
        assert_eq!(journal.library(&hash).await.unwrap(), None);

        sqlx::query("PRAGMA max_page_count = 100000").execute(&journal.writer).await.unwrap();
        journal.store_library(&hash, &files).await.unwrap();
        assert_eq!(journal.library(&hash).await.unwrap(), Some(files));
    }

    #[tokio::test]
    async fn what_stands_in_the_way_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.db");
        let (journal, other) = (Sqlite::open(&path).await.unwrap(), Sqlite::open(&path).await.unwrap());
        let at = DateTime::UNIX_EPOCH;

        sqlx::query("PRAGMA busy_timeout = 10").execute(&journal.writer).await.unwrap();
        let lock = other.write().await.unwrap();
        let refused = journal.set_cursor(&Cursor::Task("poll".into()), at).await.unwrap_err().to_string();
        assert!(refused.contains("another process is writing to /"), "{refused}");
        assert_eq!(
            journal.cursor(&Cursor::Task("poll".into())).await,
            Ok(None),
            "who only reads does not wait"
        );
        lock.rollback().await.unwrap();
        journal.set_cursor(&Cursor::Task("poll".into()), at).await.unwrap();

        sqlx::query("PRAGMA query_only = ON").execute(&journal.writer).await.unwrap();
        let refused = journal.set_cursor(&Cursor::Task("poll".into()), at).await.unwrap_err().to_string();
        assert!(refused.contains("may not be written. Give the user"), "{refused}");
    }

    #[tokio::test]
    async fn a_commit_waits_for_the_disk() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Sqlite::open(&directory.path().join("journal.db")).await.unwrap();
        let mode: String =
            sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&journal.writer).await.unwrap();
        let level: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&journal.writer).await.unwrap();
        assert_eq!((mode.as_str(), level), ("wal", 2), "2 is FULL: the log is synced at every commit");
    }

    #[tokio::test]
    async fn what_need_not_wait_for_the_disk_is_kept_all_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.db");
        let journal = Sqlite::open(&path).await.unwrap();
        let delivery = |key: &str| QueuedDelivery { key: key.to_owned(), body: serde_json::json!({}) };
        journal.enqueue_deliveries(&[delivery("a"), delivery("b")]).await.unwrap();
        let (now, minute) = (DateTime::UNIX_EPOCH, Duration::from_secs(60));
        journal.next_delivery(now, minute).await.unwrap().unwrap();
        journal.ack_delivery("a").await.unwrap();
        let unsynced = journal.unsynced.as_ref().unwrap();
        let level: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(unsynced).await.unwrap();
        assert_eq!(level, 1, "1 is NORMAL: a commit does not wait, and the file is whole all the same");
        // Another process sees it at once.
        let other = Sqlite::open(&path).await.unwrap();
        assert_eq!(other.next_delivery(now, minute).await.unwrap().unwrap().key, "b");
        assert_eq!(other.next_delivery(now, minute).await.unwrap(), None);
        // Who gives up half way holds up nobody.
        drop(journal.write_unsynced().await.unwrap());
        journal.enqueue_deliveries(&[delivery("c")]).await.unwrap();
    }

    #[tokio::test]
    async fn a_smaller_journal_is_a_smaller_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal.db");
        let journal = Sqlite::open(&path).await.unwrap();
        let files = BTreeMap::from([("a".to_owned(), "x".repeat(1_000_000))]);
        journal.store_library(&LibraryHash("h".into()), &files).await.unwrap();
        sqlx::query("DELETE FROM library").execute(&journal.writer).await.unwrap();
        journal.compact().await.unwrap();
        journal.close().await;
        assert!(fs::metadata(&path).unwrap().len() < 500_000);
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_half_way_leaves_nothing() {
        let journal = Sqlite::in_memory().await.unwrap();
        let hash = LibraryHash("h".into());
        let files = BTreeMap::from([("a".to_owned(), "text".to_owned())]);
        let mut tx = journal.write().await.unwrap();
        kv::keep_library(&mut *tx, &hash, &files).await.unwrap();
        drop(tx);
        assert_eq!(journal.library(&hash).await.unwrap(), None);
    }
}
