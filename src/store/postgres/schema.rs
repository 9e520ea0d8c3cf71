//! The tables, in a schema of their own, and how an older journal becomes a newer one.
//!
//! The runner is our own and not that of sqlx, for the reasons that `sqlite::schema` gives; it also lets
//! several replicas start at once.

use crate::ports::JournalError;
use crate::store::error::StoreError;
use crate::store::postgres::lock;
use sqlx::{AssertSqlSafe, PgConnection};

/// Each file leads from the version before it to its own number. They are only ever added to.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_journal.sql"),
    include_str!("migrations/0002_parcels.sql"),
    include_str!("migrations/0003_ticket.sql"),
    include_str!("migrations/0004_names_and_archive.sql"),
];

/// The schema; every connection finds its tables there.
pub(super) const SCHEMA: &str = "fieldmedic";

/// Brings the tables up to date. Several replicas that start at once do it one after the other. The
/// caller commits.
///
/// # Errors
/// The schema belongs to another program, or to a later version of this one.
pub(super) async fn migrate(tx: &mut PgConnection, place: &str) -> Result<(), StoreError> {
    // A large journal may take a while.
    sqlx::raw_sql("SET LOCAL statement_timeout = 0").execute(&mut *tx).await?;
    lock(tx, "migration").await?;
    // To make a schema that is there needs rights that an operator may not have given.
    let is_there: bool =
        sqlx::query_scalar("SELECT to_regnamespace($1) IS NOT NULL").bind(SCHEMA).fetch_one(&mut *tx).await?;
    if !is_there {
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {SCHEMA}"))).execute(&mut *tx).await?;
    }
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = $1")
            .bind(SCHEMA)
            .fetch_all(&mut *tx)
            .await?;
    if tables.is_empty() {
        sqlx::raw_sql(
            "CREATE TABLE schema_version (version integer NOT NULL); INSERT INTO schema_version VALUES (0)",
        )
        .execute(&mut *tx)
        .await?;
    } else if !tables.iter().any(|table| table == "schema_version") {
        return Err(refuse(format!(
            "the schema {SCHEMA} of {place} belongs to another program. Name another database"
        )));
    }
    let version: i32 = sqlx::query_scalar("SELECT version FROM schema_version").fetch_one(&mut *tx).await?;
    let Some(missing) = usize::try_from(version).ok().and_then(|version| MIGRATIONS.get(version..)) else {
        return Err(refuse(format!(
            "the journal in {place} was written by a later version of fieldmedic. Run that version, or a \
             later one"
        )));
    };
    for migration in missing {
        sqlx::raw_sql(*migration).execute(&mut *tx).await?;
    }
    if !missing.is_empty() {
        let now = i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX);
        sqlx::query("UPDATE schema_version SET version = $1").bind(now).execute(tx).await?;
    }
    Ok(())
}

fn refuse(why: String) -> StoreError {
    JournalError::Unavailable(why).into()
}
