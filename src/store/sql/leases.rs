//! Who works on what: claims of cases by workers, leases of hosts by cases.
//!
//! They run out by the clock of the [connection](Connection::clock), which is read after the row was locked.

use crate::core::case::event::CaseId;
use crate::core::decide::action::SuspensionEnd;
use crate::core::ids::HostName;
use crate::ports::{DueCases, LeaseGrant, Parked};
use crate::store::codec::after;
use crate::store::error::StoreError;
use crate::store::sql::connection::Value::{Boolean, Integer, Moment, OptionalText, Text};
use crate::store::sql::connection::{Connection, Row};
use crate::store::sql::kv;
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

/// Gives up a claim, if this worker has it, and parks the case.
pub(in crate::store) async fn release<C: Connection>(
    tx: &mut C,
    case: &CaseId,
    name: &str,
    parked: Option<&Parked>,
) -> Result<(), StoreError> {
    let statement = "DELETE FROM claim WHERE case_id = $1 AND worker = $2";
    let was_held = tx.execute(statement, &[Text(case.as_str()), Text(name)]).await? == 1;
    let Some(Parked { suspension, signals }) = parked.filter(|_| was_held) else { return Ok(()) };
    let run_of = match &suspension.ends_with {
        Some(SuspensionEnd::RunOf(other)) => Some(other.as_str()),
        Some(SuspensionEnd::PauseOfAll) | None => None,
    };
    let values = [
        Text(case.as_str()),
        Moment(after(suspension.until, Duration::ZERO)),
        OptionalText(run_of),
        Boolean(suspension.ends_with == Some(SuspensionEnd::PauseOfAll)),
        Integer(i64::try_from(*signals).unwrap_or(i64::MAX)),
    ];
    tx.execute(
        "UPDATE cases SET wake_at = $2, wakes_with_run_of = $3, wakes_with_pause = $4, signals_known = $5 \
         WHERE id = $1",
        &values,
    )
    .await?;
    Ok(())
}

/// The cases that a worker could take up now.
pub(in crate::store) async fn due<C: Connection>(
    tx: &mut C,
    name: &str,
    now: DateTime<Utc>,
) -> Result<DueCases, StoreError> {
    let is_paused = kv::pause_order(tx).await?.is_some_and(|order| order.pause().is_some());
    let claims_at = tx.clock(now).await?;
    let mut due = DueCases::default();
    for row in tx.fetch_all(C::DIALECT.due_cases, &[Moment(now), Boolean(is_paused)]).await? {
        let is_free = match (row.optional_text("worker")?, row.optional_moment("until")?) {
            (Some(holder), Some(until)) => holder == name || until <= claims_at || worker::is_dead(&holder),
            _ => true,
        };
        if is_free {
            due.cases.push(row.case("id")?);
        }
    }
    let next = tx.fetch_optional(C::DIALECT.next_due, &[Moment(now)]).await?;
    due.next_at = next.map(|row| row.optional_moment("at")).transpose()?.flatten();
    Ok(due)
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
