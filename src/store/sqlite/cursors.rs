//! Cursors, keys of what is done once, and turns.

use crate::ports::{DedupeKey, PURGED_AT_ONCE, TURN_TTL};
use crate::store::codec;
use crate::store::codec::stamp;
use crate::store::error::StoreError;
use crate::store::sqlite::codec::at;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;
use std::time::Duration;

pub(super) async fn cursor(
    tx: &mut SqliteConnection,
    name: &str,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let row = sqlx::query("SELECT at FROM cursor WHERE name = ?").bind(name).fetch_optional(tx).await?;
    row.map(|row| at(&row, "at")).transpose()
}

pub(super) async fn set_cursor(
    tx: &mut SqliteConnection,
    name: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO cursor (name, at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at",
    )
    .bind(name)
    .bind(stamp(at))
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes a turn, unless the last one is younger than `every`. One that lies in the future was taken
/// under a wrong clock and holds nobody up.
pub(super) async fn take_turn(
    tx: &mut SqliteConnection,
    name: &str,
    now: DateTime<Utc>,
    every: Duration,
) -> Result<bool, StoreError> {
    let last =
        sqlx::query("SELECT at FROM once_lock WHERE name = ?").bind(name).fetch_optional(&mut *tx).await?;
    if let Some(row) = last {
        let last = at(&row, "at")?;
        if last <= now && now < codec::after(last, every) {
            return Ok(false);
        }
    }
    sqlx::query(
        "INSERT INTO once_lock (name, at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at",
    )
    .bind(name)
    .bind(stamp(now))
    .execute(&mut *tx)
    .await?;
    let expired = "DELETE FROM once_lock WHERE name IN (SELECT name FROM once_lock WHERE at < ? LIMIT ?)";
    sqlx::query(expired).bind(stamp(now - TURN_TTL)).bind(PURGED_AT_ONCE).execute(tx).await?;
    Ok(true)
}

/// When something was done that is done once.
pub(super) async fn done_at(
    tx: &mut SqliteConnection,
    key: &DedupeKey,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let row =
        sqlx::query("SELECT at FROM done_key WHERE key = ?").bind(key.to_string()).fetch_optional(tx).await?;
    row.map(|row| at(&row, "at")).transpose()
}

/// Records that it is done, and removes some keys that have expired. The caller commits.
pub(super) async fn mark_done(
    tx: &mut SqliteConnection,
    key: &DedupeKey,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO done_key (key, at, expires_at) VALUES (?, ?, ?) \
         ON CONFLICT (key) DO UPDATE SET at = excluded.at, expires_at = excluded.expires_at",
    )
    .bind(key.to_string())
    .bind(stamp(now))
    .bind(stamp(now + key.ttl()))
    .execute(&mut *tx)
    .await?;
    let expired =
        "DELETE FROM done_key WHERE key IN (SELECT key FROM done_key WHERE expires_at <= ? LIMIT ?)";
    sqlx::query(expired).bind(stamp(now)).bind(PURGED_AT_ONCE).execute(tx).await?;
    Ok(())
}
