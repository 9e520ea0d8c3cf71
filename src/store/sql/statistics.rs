//! Counts over the list of cases, the index of runs, and the inbox. No record is read but by its kind.

use crate::core::case::event::EventKind;
use crate::core::case::outcome::Outcome;
use crate::core::case::payload::decode_outcome;
use crate::core::case::upcast::stored_words;
use crate::core::ids::PlaybookName;
use crate::ports::{Counts, DURATION_BOUNDS, EndedCases, OpenCase, RunCount};
use crate::store::error::{StoreError, unreadable};
use crate::store::sql::connection::Value::{Integer, Moment, Texts};
use crate::store::sql::connection::{Connection, Row};
use crate::store::sql::overview::playbook_runs;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
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
            system: row.system()?,
            example: outcome(&row.text("example")?)?,
            class: usize::try_from(row.count("class")?).unwrap_or(DURATION_BOUNDS.len()),
            cases: row.count("cases")?,
            duration: Duration::from_millis(row.count("duration")?),
        });
    }
    for row in tx.fetch_all(C::DIALECT.open_lines, &[]).await? {
        counts.open.push(OpenCase { id: row.case("id")?, system: row.system()?, head: row.text("head")? });
    }
    let mut of_playbooks: BTreeMap<PlaybookName, [u64; 3]> = BTreeMap::new();
    for of in playbook_runs(tx, since).await? {
        let under_way = of.begun.saturating_sub(of.fixed + of.failed);
        let sums = of_playbooks.entry(of.playbook).or_default();
        *sums = [sums[0] + of.failed, sums[1] + of.fixed, sums[2] + under_way];
    }
    for (playbook, sums) in of_playbooks {
        let results = [Some(false), Some(true), None].into_iter().zip(sums).filter(|(_, runs)| *runs > 0);
        counts.runs.extend(results.map(|(fixed, runs)| RunCount { playbook: playbook.clone(), fixed, runs }));
    }
    let disputed = stored_words(&[EventKind::CloseDisputed]);
    for row in tx.fetch_all(C::DIALECT.disputes, &[Texts(&disputed), Moment(since)]).await? {
        counts.disputes.push((row.system()?, row.count("disputes")?));
    }
    if let Some(row) = tx.fetch_optional("SELECT count(*) AS waiting FROM delivery", &[]).await? {
        counts.deliveries = row.count("waiting")?;
    }
    Ok(counts)
}

fn outcome(text: &str) -> Result<Outcome, StoreError> {
    decode_outcome(text).map_err(|error| unreadable(format!("an outcome: {error}")))
}
