//! Lists and counts for people: a page of cases, how playbooks did, and how systems were when they were swept last.

use crate::core::ids::SystemName;
use crate::ports::{CaseEntry, CaseQuery, PlaybookRuns, SystemSweep};
use crate::store::codec;
use crate::store::error::{StoreError, unreadable};
use crate::store::sql::case_index::read_line;
use crate::store::sql::connection::Value::{Integer, Moment, OptionalText, Text};
use crate::store::sql::connection::{Connection, Row};
use chrono::{DateTime, Utc};
use std::time::Duration;

/// Comes after the id of every case.
const LAST_ID: &str = "~";

/// The cases that fit a query, the newest first.
pub(in crate::store) async fn find_cases<C: Connection>(
    tx: &mut C,
    query: &CaseQuery,
) -> Result<Vec<CaseEntry>, StoreError> {
    let (at, id) = match &query.after {
        Some((at, id)) => (codec::cut(*at), id.as_str()),
        // No case was opened later than that.
        None => (codec::after(DateTime::UNIX_EPOCH, Duration::MAX), LAST_ID),
    };
    let words: Vec<String> = query.words.iter().map(|word| word.to_lowercase()).collect();
    // Each text holds the empty one.
    let word = |number: usize| Text(words.get(number).map_or("", String::as_str));
    let values = [
        Moment(at),
        Text(id),
        OptionalText(query.outcome.as_deref()),
        OptionalText(query.system.as_ref().map(SystemName::as_str)),
        word(0),
        word(1),
        word(2),
        word(3),
        Integer(i64::from(query.limit)),
    ];
    let rows = tx.fetch_all(C::DIALECT.find_cases, &values).await?;
    rows.iter().map(entry).collect()
}

/// Cases that have not ended, oldest first.
pub(in crate::store) async fn running_cases<C: Connection>(
    tx: &mut C,
    limit: u32,
) -> Result<Vec<CaseEntry>, StoreError> {
    let rows = tx.fetch_all(C::DIALECT.running_cases, &[Integer(i64::from(limit))]).await?;
    rows.iter().map(entry).collect()
}

fn entry(row: &impl Row) -> Result<CaseEntry, StoreError> {
    Ok(CaseEntry {
        summary: read_line(row)?,
        title: row.optional_text("title")?,
        system: row.system()?,
        has_ended: row.boolean("ended")?,
        head: row.text("head")?,
    })
}

/// How remediations ended, for each system and playbook.
pub(in crate::store) async fn playbook_runs<C: Connection>(
    tx: &mut C,
    since: DateTime<Utc>,
) -> Result<Vec<PlaybookRuns>, StoreError> {
    // A run has a row for each of its hosts.
    let statement = "SELECT system, playbook, count(*) AS begun, \
            CAST(sum(CASE WHEN ended_at IS NOT NULL AND fixed THEN 1 ELSE 0 END) AS bigint) AS fixed, \
            CAST(sum(CASE WHEN ended_at IS NOT NULL AND NOT fixed THEN 1 ELSE 0 END) AS bigint) AS failed, \
            max(started_at) AS newest_at \
         FROM (SELECT DISTINCT case_id, seq, system, playbook, started_at, ended_at, fixed FROM run \
            WHERE started_at >= $1) AS one \
         GROUP BY system, playbook ORDER BY system, playbook";
    let rows = tx.fetch_all(statement, &[Moment(since)]).await?;
    let read = |row: &C::Row| {
        Ok(PlaybookRuns {
            system: row.system()?,
            playbook: codec::name(row.text("playbook")?)?,
            begun: row.count("begun")?,
            fixed: row.count("fixed")?,
            failed: row.count("failed")?,
            newest_at: row.moment("newest_at")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Keeps what a sweep found on one system.
pub(in crate::store) async fn keep_sweep<C: Connection>(
    tx: &mut C,
    sweep: &SystemSweep,
) -> Result<(), StoreError> {
    let body = serde_json::to_string(sweep).map_err(|error| unreadable(format!("a sweep: {error}")))?;
    tx.execute(
        "INSERT INTO system_sweep (system, body) VALUES ($1, $2) \
         ON CONFLICT (system) DO UPDATE SET body = excluded.body",
        &[Text(sweep.system.as_str()), Text(&body)],
    )
    .await?;
    Ok(())
}

/// What was kept of the newest sweep of each system.
pub(in crate::store) async fn sweeps<C: Connection>(tx: &mut C) -> Result<Vec<SystemSweep>, StoreError> {
    let rows = tx.fetch_all("SELECT body FROM system_sweep", &[]).await?;
    let mut sweeps = Vec::new();
    for row in rows {
        sweeps.extend(serde_json::from_str::<SystemSweep>(&row.text("body")?).ok());
    }
    sweeps.sort_by(|a, b| a.system.cmp(&b.system));
    Ok(sweeps)
}
