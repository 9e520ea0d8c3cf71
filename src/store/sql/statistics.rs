//! Counts over the list of cases, the index of runs, and the inbox. No record is read but by its kind.

use crate::core::case::event::EventKind;
use crate::core::case::outcome::Outcome;
use crate::core::case::payload::decode_outcome;
use crate::core::case::upcast::stored_words;
use crate::core::ids::SystemName;
use crate::ports::{Counts, DURATION_BOUNDS, EndedCases, OpenCase, RunCount};
use crate::store::codec;
use crate::store::error::{StoreError, unreadable};
use crate::store::sql::connection::Value::{Integer, Moment, Texts};
use crate::store::sql::connection::{Connection, Row};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Counts everything. The caller's transaction makes it one state.
pub(in crate::store) async fn statistics<C: Connection>(
    tx: &mut C,
    since: DateTime<Utc>,
) -> Result<Counts, StoreError> {
    let mut counts = Counts::default();
    let milliseconds = |bound: Duration| Integer(i64::try_from(bound.as_millis()).unwrap_or(i64::MAX));
    for row in tx.fetch_all(C::DIALECT.ended_cases, &DURATION_BOUNDS.map(milliseconds)).await? {
        counts.ended.push(EndedCases {
            system: system(&row)?,
            example: outcome(&row.text("example")?)?,
            class: usize::try_from(number(&row, "class")?).unwrap_or(DURATION_BOUNDS.len()),
            cases: number(&row, "cases")?,
            duration: Duration::from_millis(number(&row, "duration")?),
        });
    }
    for row in tx.fetch_all(C::DIALECT.open_lines, &[]).await? {
        counts.open.push(OpenCase { id: row.case("id")?, system: system(&row)?, head: row.text("head")? });
    }
    // A run has one row for each of its hosts.
    let runs = "SELECT playbook, result, count(*) AS runs FROM \
         (SELECT DISTINCT case_id, seq, playbook, CAST(CASE WHEN ended_at IS NULL THEN 2 WHEN fixed THEN 1 ELSE 0 END AS bigint) \
          AS result FROM run WHERE started_at >= $1) AS whole GROUP BY playbook, result ORDER BY playbook, result";
    for row in tx.fetch_all(runs, &[Moment(since)]).await? {
        let fixed = match number(&row, "result")? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        };
        let playbook = codec::name(row.text("playbook")?)?;
        counts.runs.push(RunCount { playbook, fixed, runs: number(&row, "runs")? });
    }
    let disputed = stored_words(&[EventKind::CloseDisputed]);
    for row in tx.fetch_all(C::DIALECT.disputes, &[Texts(&disputed), Moment(since)]).await? {
        counts.disputes.push((system(&row)?, number(&row, "disputes")?));
    }
    if let Some(row) = tx.fetch_optional("SELECT count(*) AS waiting FROM delivery", &[]).await? {
        counts.deliveries = number(&row, "waiting")?;
    }
    Ok(counts)
}

fn outcome(text: &str) -> Result<Outcome, StoreError> {
    decode_outcome(text).map_err(|error| unreadable(format!("an outcome: {error}")))
}

fn system(row: &impl Row) -> Result<Option<SystemName>, StoreError> {
    row.optional_text("system")?.map(codec::name).transpose()
}

fn number(row: &impl Row, column: &str) -> Result<u64, StoreError> {
    let number = row.integer(column)?;
    u64::try_from(number).map_err(|_| unreadable(format!("{number} is no count")))
}
