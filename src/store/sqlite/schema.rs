//! The tables, and how an older journal becomes a newer one.
//!
//! The runner is our own, because that of sqlx cannot do three things:
//!
//! - It commits after each migration. A file that fails half-way would be left between two versions, which
//!   neither the old nor the new program opens.
//! - It keeps the version in a table of its own. Every journal so far has it in the header of the file.
//! - It creates that table first, in whatever file it is given. The file of another program must be refused
//!   before anything is written to it.

use crate::store::error::StoreError;
use crate::store::sql::case_index;
use crate::store::sql::schema::{is_current, missing, refuse};
use sqlx::{AssertSqlSafe, SqliteConnection, SqlitePool};

/// Each file leads from the version before it to its own number. They are only ever added to.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_journal.sql"),
    include_str!("migrations/0002_pause.sql"),
    include_str!("migrations/0003_words.sql"),
    include_str!("migrations/0004_parcels.sql"),
    include_str!("migrations/0005_ticket.sql"),
    include_str!("migrations/0006_names_and_archive.sql"),
    include_str!("migrations/0007_parked_cases_and_runs.sql"),
    include_str!("migrations/0008_overview.sql"),
    include_str!("migrations/0009_notices.sql"),
    include_str!("migrations/0010_measurements.sql"),
];

/// The version that has an index of runs.
const WITH_RUNS: i64 = 7;

/// The version whose list of cases has titles.
const WITH_TITLES: i64 = 8;

/// What the first migration writes into the file's header.
const APPLICATION: i64 = 1_179_209_042;

/// Brings the tables up to date, in one transaction: two processes that open a new file at once do not
/// meet half-way.
///
/// # Errors
/// The file belongs to another program, or to a later version of this one.
pub(super) async fn migrate(pool: &SqlitePool, place: &str) -> Result<(), StoreError> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    let version = pragma(&mut tx, "user_version").await?;
    let application = pragma(&mut tx, "application_id").await?;
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *tx).await?;
    let is_new = (version, application, tables) == (0, 0, 0);
    if !is_new && application != APPLICATION {
        return Err(refuse(format!("{place} is the database of another program. Name another file")));
    }
    for migration in missing(MIGRATIONS, version, place)? {
        sqlx::raw_sql(*migration).execute(&mut *tx).await?;
    }
    if (1..WITH_RUNS).contains(&version) {
        case_index::fill_runs(&mut *tx).await?;
    }
    if (1..WITH_TITLES).contains(&version) {
        case_index::fill_titles(&mut *tx).await?;
    }
    Ok(tx.commit().await?)
}

/// Whether the file is a journal of this version. Nothing is written.
///
/// # Errors
/// The file belongs to another program, or to another version of this one.
pub(super) async fn check(pool: &SqlitePool, place: &str) -> Result<(), StoreError> {
    let mut connection = pool.acquire().await?;
    if pragma(&mut connection, "application_id").await? != APPLICATION {
        return Err(refuse(format!("{place} is no journal of fieldmedic")));
    }
    is_current(MIGRATIONS, pragma(&mut connection, "user_version").await?, place)
}

async fn pragma(connection: &mut SqliteConnection, name: &'static str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(AssertSqlSafe(format!("PRAGMA {name}"))).fetch_one(connection).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::case::event::CaseId;
    use crate::core::case::signal::SignalKind;
    use crate::core::ticket::TicketId;
    use crate::ports::{Cursor, Cursors, DedupeKey, Inbox};
    use crate::store::Sqlite;
    use chrono::{DateTime, Utc};
    use sqlx::ConnectOptions;
    use sqlx::sqlite::SqliteConnectOptions;
    use std::time::Duration;

    #[tokio::test]
    async fn the_migrations_lead_to_their_own_number_and_run_once() {
        let journal = Sqlite::in_memory().await.unwrap();
        migrate(&journal.writer, "here").await.unwrap();
        let mut connection = journal.writer.acquire().await.unwrap();
        let version = pragma(&mut connection, "user_version").await.unwrap();
        assert_eq!(version, MIGRATIONS.len() as i64);
        assert_eq!(pragma(&mut connection, "application_id").await.unwrap(), APPLICATION);
    }

    /// A file of the version before tables were renamed, with a row in each.
    async fn of_version_5(path: &std::path::Path) {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut old = options.connect().await.unwrap();
        for migration in &MIGRATIONS[..5] {
            sqlx::raw_sql(*migration).execute(&mut old).await.unwrap();
        }
        let rows = "
            INSERT INTO word VALUES ('c0123456789ab', 0, 'comment example/tickets#1 7',
                '{\"by\":\"ops-lead\",\"at\":\"2026-03-01T08:00:00Z\",\"says\":{\"word\":\"cancel\"}}');
            INSERT INTO parcel (key, body) VALUES ('example/tickets#1 comment 7', '{\"a\":1}');
            INSERT INTO turn VALUES ('deliveries example/tickets', '2026-03-01T08:00:00.000000Z');
            INSERT INTO seen VALUES ('issue example/tickets#1', 'c0123456789ab', '2026-03-01T08:00:00.000000Z');
            INSERT INTO pause VALUES (1, '{\"by\":\"ops-lead\",\"at\":\"2026-03-01T08:00:00Z\",\"why\":\"\"}');
            INSERT INTO bookmark VALUES ('poll example/tickets', '2026-03-01T08:00:00.000000Z'),
                ('sweep', '2026-03-01T08:00:00.000000Z'),
                ('comment example/tickets#1 7', '2026-03-01T08:00:00.000000Z'),
                ('watched c0123456789ab', '2026-03-01T08:00:00.000000Z');";
        sqlx::raw_sql(rows).execute(&mut old).await.unwrap();
    }

    #[tokio::test]
    async fn a_file_of_an_older_version_is_taken_along() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("journal.db");
        of_version_5(&path).await;
        let journal = Sqlite::open(&path).await.unwrap();
        let case = CaseId::from_text("c0123456789ab").unwrap();
        let ticket: TicketId = "example/tickets#1".parse().unwrap();
        let at: DateTime<Utc> = "2026-03-01T08:00:00Z".parse().unwrap();
        let minute = Duration::from_secs(60);

        let signals = journal.signals(&case).await.unwrap();
        assert_eq!(signals.len(), 1);
        assert_eq!(signals[0].signal.kind, SignalKind::Cancel);
        let delivery = journal.next_delivery(at, minute).await.unwrap().unwrap();
        assert_eq!(delivery.key, "example/tickets#1 comment 7");
        assert_eq!(journal.pause_state().await.unwrap().unwrap().by, "ops-lead");
        assert!(!journal.try_once_every("deliveries example/tickets", at, minute).await.unwrap());
        assert_eq!(journal.cursor(&Cursor::PollComments(ticket.repo.clone())).await, Ok(Some(at)));
        assert_eq!(journal.cursor(&Cursor::Task("sweep".into())).await, Ok(Some(at)));
        let command = DedupeKey::ChatCommand { ticket, comment: 7 };
        assert_eq!(journal.done_at(&command).await, Ok(Some(at)));
        assert_eq!(journal.done_at(&DedupeKey::RecurrenceCheck(case.clone())).await, Ok(Some(at)));
        let left: i64 =
            sqlx::query_scalar("SELECT count(*) FROM cursor").fetch_one(&journal.writer).await.unwrap();
        assert_eq!(left, 2, "what is done once is no cursor");
        // In time it goes.
        let other = DedupeKey::Reminder(case);
        journal.mark_done(&other, at + command.ttl()).await.unwrap();
        assert_eq!(journal.done_at(&command).await, Ok(None));
    }

    #[tokio::test]
    async fn what_is_not_ours_is_refused() {
        for (alter, expect) in
            [("PRAGMA user_version = 99", "later version"), ("PRAGMA application_id = 7", "another program")]
        {
            let journal = Sqlite::in_memory().await.unwrap();
            sqlx::query(alter).execute(&journal.writer).await.unwrap();
            let refusal = migrate(&journal.writer, "here").await.unwrap_err();
            assert!(format!("{refusal:?}").contains(expect), "{alter}: {refusal:?}");
        }
    }
}
