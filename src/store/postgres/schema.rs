//! The tables, in a schema of their own, and how an older journal becomes a newer one.
//!
//! The runner is our own, because that of sqlx cannot do three things:
//!
//! - It commits after each migration. A migration that fails would leave the schema between two versions,
//!   which neither the old nor the new program opens.
//! - It keeps the version in a table of its own. Every journal so far has it in `schema_version`.
//! - It creates that table first, in whatever schema it is given. The schema of another program must be
//!   refused before anything is written to it.

use crate::store::error::StoreError;
use crate::store::sql::case_index;
use crate::store::sql::connection::Connection;
use crate::store::sql::schema::{absent, is_current, missing, refuse};
use sqlx::{AssertSqlSafe, PgConnection};

/// Each file leads from the version before it to its own number. They are only ever added to.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_journal.sql"),
    include_str!("migrations/0002_parcels.sql"),
    include_str!("migrations/0003_ticket.sql"),
    include_str!("migrations/0004_names_and_archive.sql"),
    include_str!("migrations/0005_parked_cases_and_runs.sql"),
    include_str!("migrations/0006_overview.sql"),
    include_str!("migrations/0007_notices.sql"),
    include_str!("migrations/0008_measurements.sql"),
];

/// The version that has an index of runs.
const WITH_RUNS: i32 = 5;

/// The version whose list of cases has titles.
const WITH_TITLES: i32 = 6;

/// The schema; every connection finds its tables there.
pub(super) const SCHEMA: &str = "fieldmedic";

/// Whether the schema is a journal of this version. Nothing is written.
///
/// # Errors
/// There is none, or it belongs to another program or another version of this one.
pub(super) async fn check(connection: &mut PgConnection, place: &str) -> Result<(), StoreError> {
    let is_there: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(format!("{SCHEMA}.schema_version"))
        .fetch_one(&mut *connection)
        .await?;
    if !is_there {
        return Err(absent(&format!("in {place}")).into());
    }
    let version: i32 = sqlx::query_scalar("SELECT version FROM schema_version").fetch_one(connection).await?;
    is_current(MIGRATIONS, version.into(), &format!("the journal in {place}"))
}

/// Brings the tables up to date. Several replicas that start at once do it one after the other. The
/// caller commits.
///
/// # Errors
/// The schema belongs to another program, or to a later version of this one.
pub(super) async fn migrate(tx: &mut PgConnection, place: &str) -> Result<(), StoreError> {
    // A large journal may take a while.
    sqlx::raw_sql("SET LOCAL statement_timeout = 0").execute(&mut *tx).await?;
    tx.lock("migration").await?;
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
    let missing = missing(MIGRATIONS, version.into(), &format!("the journal in {place}"))?;
    for migration in missing {
        sqlx::raw_sql(*migration).execute(&mut *tx).await?;
    }
    if (1..WITH_RUNS).contains(&version) {
        case_index::fill_runs(&mut *tx).await?;
    }
    if (1..WITH_TITLES).contains(&version) {
        case_index::fill_titles(&mut *tx).await?;
    }
    if !missing.is_empty() {
        let now = i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX);
        sqlx::query("UPDATE schema_version SET version = $1").bind(now).execute(tx).await?;
    }
    Ok(())
}
