//! The tables, and how an older journal becomes a newer one.

use crate::ports::JournalError;
use crate::store::error::StoreError;
use sqlx::{AssertSqlSafe, SqliteConnection, SqlitePool};

/// Each file leads from the version before it to its own number. They are only ever added to.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_journal.sql"),
    include_str!("migrations/0002_pause.sql"),
    include_str!("migrations/0003_words.sql"),
    include_str!("migrations/0004_parcels.sql"),
    include_str!("migrations/0005_ticket.sql"),
];

/// What the first migration writes into the file's header.
const APPLICATION: i64 = 1_179_209_042;

/// Brings the tables up to date, in one transaction: two processes that open a new file at once do not
/// meet half-way.
///
/// # Errors
/// The file belongs to another program, or to a later version of this one.
pub(super) async fn migrate(pool: &SqlitePool, place: &str) -> Result<(), StoreError> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    let version = usize::try_from(pragma(&mut tx, "user_version").await?).unwrap_or(usize::MAX);
    let application = pragma(&mut tx, "application_id").await?;
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *tx).await?;
    let is_new = (version, application, tables) == (0, 0, 0);
    if !is_new && application != APPLICATION {
        return Err(refuse(format!("{place} is the database of another program. Name another file")));
    }
    let Some(missing) = MIGRATIONS.get(version..) else {
        return Err(refuse(format!(
            "{place} was written by a later version of fieldmedic. Run that version, or a later one"
        )));
    };
    for migration in missing {
        sqlx::raw_sql(*migration).execute(&mut *tx).await?;
    }
    Ok(tx.commit().await?)
}

async fn pragma(connection: &mut SqliteConnection, name: &'static str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(AssertSqlSafe(format!("PRAGMA {name}"))).fetch_one(connection).await
}

fn refuse(why: String) -> StoreError {
    JournalError::Unavailable(why).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Sqlite;

    #[tokio::test]
    async fn the_migrations_lead_to_their_own_number_and_run_once() {
        let journal = Sqlite::in_memory().await.unwrap();
        migrate(&journal.writer, "here").await.unwrap();
        let mut connection = journal.writer.acquire().await.unwrap();
        let version = pragma(&mut connection, "user_version").await.unwrap();
        assert_eq!(version, MIGRATIONS.len() as i64);
        assert_eq!(pragma(&mut connection, "application_id").await.unwrap(), APPLICATION);
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
