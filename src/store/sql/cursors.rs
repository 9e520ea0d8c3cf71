//! Cursors, keys of what is done once, and turns.

use crate::ports::{DedupeKey, PURGED_AT_ONCE, TURN_TTL};
use crate::store::codec::after;
use crate::store::error::StoreError;
use crate::store::sql::connection::Value::{Integer, Moment, Text};
use crate::store::sql::connection::{Connection, Row};
use chrono::{DateTime, Utc};
use std::time::Duration;

pub(in crate::store) async fn cursor<C: Connection>(
    tx: &mut C,
    name: &str,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let row = tx.fetch_optional("SELECT at FROM cursor WHERE name = $1", &[Text(name)]).await?;
    row.map(|row| row.moment("at")).transpose()
}

pub(in crate::store) async fn set_cursor<C: Connection>(
    tx: &mut C,
    name: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let statement =
        "INSERT INTO cursor (name, at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET at = excluded.at";
    tx.execute(statement, &[Text(name), Moment(at)]).await?;
    Ok(())
}

/// Takes a turn, unless the last one is younger than `every`. One that lies in the future was taken
/// under a wrong clock and holds nobody up.
pub(in crate::store) async fn take_turn<C: Connection>(
    tx: &mut C,
    name: &str,
    now: DateTime<Utc>,
    every: Duration,
) -> Result<bool, StoreError> {
    tx.lock(&format!("turn {name}")).await?;
    let last = tx.fetch_optional("SELECT at FROM once_lock WHERE name = $1", &[Text(name)]).await?;
    let now = tx.clock(now).await?;
    if let Some(row) = last {
        let last = row.moment("at")?;
        if last <= now && now < after(last, every) {
            return Ok(false);
        }
    }
    let statement =
        "INSERT INTO once_lock (name, at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET at = excluded.at";
    tx.execute(statement, &[Text(name), Moment(now)]).await?;
    let expired = [Moment(now - TURN_TTL), Integer(i64::from(PURGED_AT_ONCE))];
    tx.execute(C::DIALECT.purge_turns, &expired).await?;
    Ok(true)
}

/// When something was done that is done once.
pub(in crate::store) async fn done_at<C: Connection>(
    tx: &mut C,
    key: &DedupeKey,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let key = key.to_string();
    let row = tx.fetch_optional("SELECT at FROM done_key WHERE key = $1", &[Text(&key)]).await?;
    row.map(|row| row.moment("at")).transpose()
}

/// Records that it is done, and removes some keys that have expired. The caller commits.
pub(in crate::store) async fn mark_done<C: Connection>(
    tx: &mut C,
    key: &DedupeKey,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO done_key (key, at, expires_at) VALUES ($1, $2, $3) \
         ON CONFLICT (key) DO UPDATE SET at = excluded.at, expires_at = excluded.expires_at",
        &[Text(&key.to_string()), Moment(now), Moment(now + key.ttl())],
    )
    .await?;
    let expired = [Moment(now), Integer(i64::from(PURGED_AT_ONCE))];
    tx.execute(C::DIALECT.purge_done_keys, &expired).await?;
    Ok(())
}
