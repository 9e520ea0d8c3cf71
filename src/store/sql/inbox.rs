//! Deliveries that wait to be processed.

use crate::ports::QueuedDelivery;
use crate::store::codec::after;
use crate::store::error::{StoreError, unreadable};
use crate::store::sql::connection::Value::{Moment, Text};
use crate::store::sql::connection::{Connection, Row};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Keeps deliveries, without those whose keys wait already.
pub(in crate::store) async fn keep<C: Connection>(
    tx: &mut C,
    deliveries: &[QueuedDelivery],
) -> Result<u64, StoreError> {
    let mut kept = 0;
    for QueuedDelivery { key, body } in deliveries {
        let statement = "INSERT INTO delivery (key, body) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING";
        kept += tx.execute(statement, &[Text(key), Text(&body.to_string())]).await?;
    }
    Ok(kept)
}

/// The oldest that is nobody's, kept from others for a time.
pub(in crate::store) async fn next<C: Connection>(
    tx: &mut C,
    now: DateTime<Utc>,
    ttl: Duration,
) -> Result<Option<QueuedDelivery>, StoreError> {
    let now = tx.clock(now).await?;
    let values = [Moment(now), Moment(after(now, ttl))];
    let Some(row) = tx.fetch_optional(C::DIALECT.next_delivery, &values).await? else { return Ok(None) };
    let key = row.text("key")?;
    let body = serde_json::from_str(&row.text("body")?)
        .map_err(|error| unreadable(format!("the delivery `{key}`: {error}")))?;
    Ok(Some(QueuedDelivery { key, body }))
}

/// Forgets a delivery that was worked.
pub(in crate::store) async fn finish<C: Connection>(tx: &mut C, key: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM delivery WHERE key = $1", &[Text(key)]).await?;
    Ok(())
}
