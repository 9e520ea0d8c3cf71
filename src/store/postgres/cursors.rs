//! Cursors, keys of what is done once, and turns.

use crate::ports::{DedupeKey, PURGED_AT_ONCE, TURN_TTL};
use crate::store::error::StoreError;
use crate::store::postgres::leases::seconds;
use crate::store::postgres::lock;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::Duration;

pub(super) async fn cursor(tx: &mut PgConnection, name: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
    Ok(sqlx::query_scalar("SELECT at FROM cursor WHERE name = $1").bind(name).fetch_optional(tx).await?)
}

pub(super) async fn set_cursor(
    tx: &mut PgConnection,
    name: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO cursor (name, at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET at = excluded.at",
    )
    .bind(name)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes a turn by the database's clock, unless the last one is younger than `every`. One that lies in
/// the future was taken under a wrong clock and holds nobody up.
pub(super) async fn take_turn(
    tx: &mut PgConnection,
    name: &str,
    every: Duration,
) -> Result<bool, StoreError> {
    lock(tx, &format!("turn {name}")).await?;
    let taken = sqlx::query(
        "INSERT INTO once_lock (name, at) VALUES ($1, clock_timestamp()) \
         ON CONFLICT (name) DO UPDATE SET at = excluded.at \
         WHERE once_lock.at > excluded.at OR once_lock.at <= excluded.at - make_interval(secs => $2)",
    )
    .bind(name)
    .bind(seconds(every))
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "DELETE FROM once_lock WHERE name IN (SELECT name FROM once_lock \
         WHERE at < clock_timestamp() - make_interval(secs => $1) LIMIT $2 FOR UPDATE SKIP LOCKED)",
    )
    .bind(seconds(TURN_TTL.to_std().unwrap_or_default()))
    .bind(i64::from(PURGED_AT_ONCE))
    .execute(tx)
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// When something was done that is done once.
pub(super) async fn done_at(
    tx: &mut PgConnection,
    key: &DedupeKey,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let at = sqlx::query_scalar("SELECT at FROM done_key WHERE key = $1").bind(key.to_string());
    Ok(at.fetch_optional(tx).await?)
}

/// Records that it is done, and removes some keys that have expired. The caller commits.
pub(super) async fn mark_done(
    tx: &mut PgConnection,
    key: &DedupeKey,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO done_key (key, at, expires_at) VALUES ($1, $2, $3) \
         ON CONFLICT (key) DO UPDATE SET at = excluded.at, expires_at = excluded.expires_at",
    )
    .bind(key.to_string())
    .bind(now)
    .bind(now + key.ttl())
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "DELETE FROM done_key WHERE key IN (SELECT key FROM done_key \
         WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
    )
    .bind(now)
    .bind(i64::from(PURGED_AT_ONCE))
    .execute(tx)
    .await?;
    Ok(())
}
