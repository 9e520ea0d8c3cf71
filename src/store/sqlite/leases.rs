//! Who works on what: claims of cases by workers, leases of hosts by cases.
//!
//! Every function reads and writes inside a transaction that its caller began with the write lock, so
//! two processes on one file never both get a yes.

use crate::core::case::event::CaseId;
use crate::core::ids::HostName;
use crate::ports::LeaseGrant;
use crate::store::codec::stamp;
use crate::store::error::StoreError;
use crate::store::sqlite::codec::{at, case as case_in};
use crate::store::worker;
use chrono::{DateTime, Utc};
use sqlx::{Row, SqliteConnection};

/// Claims a case. A worker of this host whose process has ended has lost its claim: a SQLite file lives
/// on one machine, so that can be told.
pub(super) async fn claim(
    tx: &mut SqliteConnection,
    case: &CaseId,
    name: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let held = sqlx::query("SELECT worker, until FROM claim WHERE case_id = ?")
        .bind(case.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    if let Some(row) = held {
        let holder: String = row.try_get("worker")?;
        let is_free = holder == name || at(&row, "until")? <= now || worker::is_dead(&holder);
        if !is_free {
            return Ok(false);
        }
    }
    sqlx::query(
        "INSERT INTO claim (case_id, worker, until) VALUES (?, ?, ?) \
         ON CONFLICT (case_id) DO UPDATE SET worker = excluded.worker, until = excluded.until",
    )
    .bind(case.as_str())
    .bind(name)
    .bind(stamp(until))
    .execute(&mut *tx)
    .await?;
    // Whoever works on the case keeps its hosts too, however long it verifies; a host that another case
    // has taken meanwhile is not among them.
    sqlx::query("UPDATE lease SET until = ?1 WHERE case_id = ?2 AND until < ?1")
        .bind(stamp(until))
        .bind(case.as_str())
        .execute(tx)
        .await?;
    Ok(true)
}

/// Gives up a claim, if this worker has it.
pub(super) async fn release(tx: &mut SqliteConnection, case: &CaseId, name: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM claim WHERE case_id = ? AND worker = ?")
        .bind(case.as_str())
        .bind(name)
        .execute(tx)
        .await?;
    Ok(())
}

/// Holds a host. A lease belongs to the case and not to its worker: whoever resumes the case has it.
/// A case that has ended holds nothing.
pub(super) async fn hold(
    tx: &mut SqliteConnection,
    host: &HostName,
    case: &CaseId,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Option<LeaseGrant>, StoreError> {
    let held = sqlx::query(
        "SELECT lease.case_id, lease.until, coalesce(cases.ended, 0) AS ended \
         FROM lease LEFT JOIN cases ON cases.id = lease.case_id WHERE lease.host = ?",
    )
    .bind(host.as_str())
    .fetch_optional(&mut *tx)
    .await?;
    if let Some(row) = held {
        let is_free =
            case_in(&row, "case_id")? == *case || row.try_get("ended")? || at(&row, "until")? <= now;
        if !is_free {
            return Ok(None);
        }
    }
    sqlx::query(
        "INSERT INTO lease (host, case_id, until) VALUES (?, ?, ?) \
         ON CONFLICT (host) DO UPDATE SET case_id = excluded.case_id, until = excluded.until",
    )
    .bind(host.as_str())
    .bind(case.as_str())
    .bind(stamp(until))
    .execute(tx)
    .await?;
    Ok(Some(LeaseGrant { until }))
}

/// Frees every host that the case holds.
pub(super) async fn free(tx: &mut SqliteConnection, case: &CaseId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM lease WHERE case_id = ?").bind(case.as_str()).execute(tx).await?;
    Ok(())
}
