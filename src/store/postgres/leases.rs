//! Who works on what: claims of cases by workers, leases of hosts by cases.
//!
//! They run out by the database's clock, which is the same for all replicas: one whose clock is wrong
//! neither loses what it holds nor takes what others hold. `clock_timestamp()` is the moment itself;
//! `now()` would be when the transaction began, before it waited for others.

use crate::core::case::event::CaseId;
use crate::core::ids::HostName;
use crate::ports::LeaseGrant;
use crate::store::codec;
use crate::store::codec::after;
use crate::store::error::StoreError;
use crate::store::worker;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Row};
use std::time::Duration;

/// Claims a case. A worker of this very machine whose process has ended has lost its claim.
pub(super) async fn claim(
    tx: &mut PgConnection,
    case: &CaseId,
    name: &str,
    ttl: Duration,
) -> Result<bool, StoreError> {
    let held = sqlx::query(
        "SELECT worker, until <= clock_timestamp() AS is_over FROM claim WHERE case_id = $1 FOR UPDATE",
    )
    .bind(case.as_str())
    .fetch_optional(&mut *tx)
    .await?;
    let take = match held {
        Some(row) => {
            let holder: String = row.try_get("worker")?;
            let is_free = holder == name || row.try_get("is_over")? || worker::is_dead(&holder);
            if !is_free {
                return Ok(false);
            }
            "UPDATE claim SET worker = $2, until = clock_timestamp() + make_interval(secs => $3) \
             WHERE case_id = $1"
        }
        // If somebody else comes between, this does nothing.
        None => {
            "INSERT INTO claim (case_id, worker, until) \
             VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3)) ON CONFLICT DO NOTHING"
        }
    };
    let taken = sqlx::query(take).bind(case.as_str()).bind(name).bind(seconds(ttl)).execute(&mut *tx).await?;
    if taken.rows_affected() == 0 {
        return Ok(false);
    }
    // Whoever works on the case keeps its hosts too, however long it verifies; a host that another case
    // has taken meanwhile is not among them. In their order, so that no two wait for each other.
    sqlx::query(
        "UPDATE lease SET until = greatest(until, clock_timestamp() + make_interval(secs => $2)) \
         WHERE host IN (SELECT host FROM lease WHERE case_id = $1 ORDER BY host FOR UPDATE)",
    )
    .bind(case.as_str())
    .bind(seconds(ttl))
    .execute(tx)
    .await?;
    Ok(true)
}

/// Gives up a claim, if this worker has it.
pub(super) async fn release(tx: &mut PgConnection, case: &CaseId, name: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM claim WHERE case_id = $1 AND worker = $2")
        .bind(case.as_str())
        .bind(name)
        .execute(tx)
        .await?;
    Ok(())
}

/// Holds a host. A lease belongs to the case and not to its worker: whoever resumes the case has it.
/// A case that has ended holds nothing.
///
/// The lease says until when in the caller's time, of which `now` is before the database's reading: it
/// runs out for the caller before it does for others.
pub(super) async fn hold(
    tx: &mut PgConnection,
    host: &HostName,
    case: &CaseId,
    now: DateTime<Utc>,
    ttl: Duration,
) -> Result<Option<LeaseGrant>, StoreError> {
    let held = sqlx::query(
        "SELECT case_id, until <= clock_timestamp() AS is_over FROM lease WHERE host = $1 FOR UPDATE",
    )
    .bind(host.as_str())
    .fetch_optional(&mut *tx)
    .await?;
    let take = match held {
        Some(row) => {
            let holder = codec::case(row.try_get("case_id")?)?;
            let is_free = holder == *case || row.try_get("is_over")? || has_ended(tx, &holder).await?;
            if !is_free {
                return Ok(None);
            }
            "UPDATE lease SET case_id = $2, until = clock_timestamp() + make_interval(secs => $3) \
             WHERE host = $1"
        }
        None => {
            "INSERT INTO lease (host, case_id, until) \
             VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3)) ON CONFLICT DO NOTHING"
        }
    };
    let taken =
        sqlx::query(take).bind(host.as_str()).bind(case.as_str()).bind(seconds(ttl)).execute(tx).await?;
    Ok((taken.rows_affected() == 1).then(|| LeaseGrant { until: after(now, ttl) }))
}

async fn has_ended(tx: &mut PgConnection, case: &CaseId) -> Result<bool, StoreError> {
    let ended: Option<bool> = sqlx::query_scalar("SELECT ended FROM cases WHERE id = $1")
        .bind(case.as_str())
        .fetch_optional(tx)
        .await?;
    Ok(ended.unwrap_or(false))
}

/// Frees every host that the case holds.
pub(super) async fn free(tx: &mut PgConnection, case: &CaseId) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM lease \
         WHERE host IN (SELECT host FROM lease WHERE case_id = $1 ORDER BY host FOR UPDATE)",
    )
    .bind(case.as_str())
    .execute(tx)
    .await?;
    Ok(())
}

/// A time to live as the database counts it. A hundred years is for ever.
pub(super) fn seconds(ttl: Duration) -> f64 {
    ttl.min(Duration::from_secs(100 * 365 * 24 * 60 * 60)).as_secs_f64()
}
