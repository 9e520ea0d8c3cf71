//! Who works on what: claims of cases by workers, leases of hosts by cases.
//!
//! They run out by the clock of the [connection](Connection::clock), which is read after the row was locked.

use crate::core::case::event::CaseId;
use crate::core::ids::HostName;
use crate::ports::LeaseGrant;
use crate::store::codec::after;
use crate::store::error::StoreError;
use crate::store::sql::connection::Value::{Moment, Text};
use crate::store::sql::connection::{Connection, Row};
use crate::store::worker;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Claims a case. A worker of this very machine whose process has ended has lost its claim.
pub(in crate::store) async fn claim<C: Connection>(
    tx: &mut C,
    case: &CaseId,
    name: &str,
    now: DateTime<Utc>,
    ttl: Duration,
) -> Result<bool, StoreError> {
    let held = tx.fetch_optional(C::DIALECT.held_claim, &[Text(case.as_str())]).await?;
    let now = tx.clock(now).await?;
    let until = after(now, ttl);
    let take = match held {
        Some(row) => {
            let holder = row.text("worker")?;
            let is_free = holder == name || row.moment("until")? <= now || worker::is_dead(&holder);
            if !is_free {
                return Ok(false);
            }
            "UPDATE claim SET worker = $2, until = $3 WHERE case_id = $1"
        }
        // If somebody else comes between, this does nothing.
        None => "INSERT INTO claim (case_id, worker, until) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    };
    if tx.execute(take, &[Text(case.as_str()), Text(name), Moment(until)]).await? == 0 {
        return Ok(false);
    }
    // Whoever works on the case keeps its hosts too, however long it verifies; a host that another case
    // has taken meanwhile is not among them.
    tx.execute(C::DIALECT.extend_leases, &[Text(case.as_str()), Moment(until)]).await?;
    Ok(true)
}

/// Gives up a claim, if this worker has it.
pub(in crate::store) async fn release<C: Connection>(
    tx: &mut C,
    case: &CaseId,
    name: &str,
) -> Result<(), StoreError> {
    let statement = "DELETE FROM claim WHERE case_id = $1 AND worker = $2";
    tx.execute(statement, &[Text(case.as_str()), Text(name)]).await?;
    Ok(())
}

/// Holds a host. A lease belongs to the case and not to its worker: whoever resumes the case has it.
/// A case that has ended holds nothing.
///
/// The lease says until when in the caller's time, and the caller read its clock before the connection's was
/// read: it runs out for the caller before it does for others.
pub(in crate::store) async fn hold<C: Connection>(
    tx: &mut C,
    host: &HostName,
    case: &CaseId,
    callers: DateTime<Utc>,
    ttl: Duration,
) -> Result<Option<LeaseGrant>, StoreError> {
    let held = tx.fetch_optional(C::DIALECT.held_lease, &[Text(host.as_str())]).await?;
    let now = tx.clock(callers).await?;
    let take = match held {
        Some(row) => {
            let holder = row.case("case_id")?;
            let is_free = holder == *case || row.moment("until")? <= now || has_ended(tx, &holder).await?;
            if !is_free {
                return Ok(None);
            }
            "UPDATE lease SET case_id = $2, until = $3 WHERE host = $1"
        }
        // If somebody else comes between, this does nothing.
        None => "INSERT INTO lease (host, case_id, until) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    };
    let values = [Text(host.as_str()), Text(case.as_str()), Moment(after(now, ttl))];
    let taken = tx.execute(take, &values).await?;
    Ok((taken == 1).then(|| LeaseGrant { until: after(callers, ttl) }))
}

async fn has_ended<C: Connection>(tx: &mut C, case: &CaseId) -> Result<bool, StoreError> {
    let row = tx.fetch_optional("SELECT ended FROM cases WHERE id = $1", &[Text(case.as_str())]).await?;
    row.map_or(Ok(false), |row| row.boolean("ended"))
}

/// Frees every host that the case holds.
pub(in crate::store) async fn free<C: Connection>(tx: &mut C, case: &CaseId) -> Result<(), StoreError> {
    tx.execute(C::DIALECT.free_leases, &[Text(case.as_str())]).await?;
    Ok(())
}
