//! Deliveries that wait to be processed.

use crate::ports::QueuedDelivery;
use crate::store::error::{StoreError, unreadable};
use crate::store::postgres::leases::seconds;
use sqlx::{PgConnection, Row};
use std::time::Duration;

/// Keeps a delivery, unless one with its key waits already.
pub(super) async fn keep(tx: &mut PgConnection, delivery: &QueuedDelivery) -> Result<bool, StoreError> {
    let kept = sqlx::query("INSERT INTO delivery (key, body) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING")
        .bind(&delivery.key)
        .bind(delivery.body.to_string())
        .execute(tx)
        .await?;
    Ok(kept.rows_affected() == 1)
}

/// The oldest that is nobody's, kept from others for a time, by the database's clock.
pub(super) async fn next(tx: &mut PgConnection, ttl: Duration) -> Result<Option<QueuedDelivery>, StoreError> {
    let row = sqlx::query(
        "UPDATE delivery SET until = clock_timestamp() + make_interval(secs => $1) WHERE number = \
         (SELECT number FROM delivery WHERE until IS NULL OR until <= clock_timestamp() \
          ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED) \
         RETURNING key, body",
    )
    .bind(seconds(ttl))
    .fetch_optional(tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (key, body): (String, String) = (row.try_get("key")?, row.try_get("body")?);
    let body =
        serde_json::from_str(&body).map_err(|error| unreadable(format!("the delivery `{key}`: {error}")))?;
    Ok(Some(QueuedDelivery { key, body }))
}

/// Forgets a delivery that was worked.
pub(super) async fn finish(tx: &mut PgConnection, key: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM delivery WHERE key = $1").bind(key).execute(tx).await?;
    Ok(())
}
