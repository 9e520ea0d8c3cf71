//! Deliveries that wait to be processed.

use crate::ports::QueuedDelivery;
use crate::store::codec::stamp;
use crate::store::error::{StoreError, unreadable};
use chrono::{DateTime, Utc};
use sqlx::{Row, SqliteConnection};

/// Keeps a delivery, unless one with its key waits already.
pub(super) async fn keep(tx: &mut SqliteConnection, delivery: &QueuedDelivery) -> Result<bool, StoreError> {
    let kept = sqlx::query("INSERT INTO delivery (key, body) VALUES (?, ?) ON CONFLICT (key) DO NOTHING")
        .bind(&delivery.key)
        .bind(delivery.body.to_string())
        .execute(tx)
        .await?;
    Ok(kept.rows_affected() == 1)
}

/// The oldest that is nobody's, kept from others until a moment.
pub(super) async fn next(
    tx: &mut SqliteConnection,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Option<QueuedDelivery>, StoreError> {
    let row = sqlx::query(
        "UPDATE delivery SET until = ?2 WHERE number = \
         (SELECT number FROM delivery WHERE until IS NULL OR until <= ?1 ORDER BY number LIMIT 1) \
         RETURNING key, body",
    )
    .bind(stamp(now))
    .bind(stamp(until))
    .fetch_optional(tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (key, body): (String, String) = (row.try_get("key")?, row.try_get("body")?);
    let body =
        serde_json::from_str(&body).map_err(|error| unreadable(format!("the delivery `{key}`: {error}")))?;
    Ok(Some(QueuedDelivery { key, body }))
}

/// Forgets a delivery that was worked.
pub(super) async fn finish(tx: &mut SqliteConnection, key: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM delivery WHERE key = ?").bind(key).execute(tx).await?;
    Ok(())
}
