//! The index of what was changed lately: rows that are derived from records, when they are written or anew.

use crate::core::case::event::CaseId;
use crate::core::case::record::Record;
use crate::core::ids::{HostName, SystemName};
use crate::core::policy::run_history::{RemediationRun, RunEvent, RunHistory, RunResult};
use crate::ports::RunsOf;
use crate::store::codec;
use crate::store::error::StoreError;
use crate::store::sql::connection::Value::{Boolean, Integer, Moment, OptionalText, Text, Texts};
use crate::store::sql::connection::{Connection, Row};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// Takes in what a record adds. `system` is what the case is about, if that is known.
pub(in crate::store) async fn take<C: Connection>(
    tx: &mut C,
    case: &CaseId,
    system: Option<&SystemName>,
    record: &Record,
) -> Result<(), StoreError> {
    let (id, seq) = (Text(case.as_str()), Integer(i64::try_from(record.seq).unwrap_or(i64::MAX)));
    match RunEvent::of(&record.event) {
        Some(RunEvent::Started(plan)) => {
            for host in plan.hosts() {
                tx.execute(
                    "INSERT INTO run (host, started_at, case_id, seq, system, playbook) \
                     VALUES ($1, $2, $3, $4, $5, $6)",
                    &[
                        Text(host.as_str()),
                        Moment(record.at),
                        id,
                        seq,
                        OptionalText(system.map(SystemName::as_str)),
                        Text(plan.playbook.as_str()),
                    ],
                )
                .await?;
            }
        }
        Some(RunEvent::ChangeStarted(host)) => {
            let row = [Text(host.as_str()), Moment(record.at), id, seq];
            tx.execute("INSERT INTO host_change (host, at, case_id, seq) VALUES ($1, $2, $3, $4)", &row)
                .await?;
        }
        Some(RunEvent::Ended { fixed }) => {
            tx.execute(
                "UPDATE run SET ended_at = $2, fixed = $3 \
                 WHERE case_id = $1 AND seq = (SELECT max(seq) FROM run WHERE case_id = $1)",
                &[id, Moment(record.at), Boolean(fixed)],
            )
            .await?;
        }
        None => {}
    }
    Ok(())
}

/// Removes the rows of all cases whose records are here.
pub(in crate::store) async fn clear<C: Connection>(tx: &mut C) -> Result<(), StoreError> {
    tx.execute("DELETE FROM run WHERE case_id NOT IN (SELECT case_id FROM archived_case)", &[]).await?;
    tx.execute("DELETE FROM host_change WHERE case_id NOT IN (SELECT case_id FROM archived_case)", &[])
        .await?;
    Ok(())
}

/// Removes the rows of a case that no limit asks for any more.
pub(in crate::store) async fn remove_old<C: Connection>(
    tx: &mut C,
    case: &CaseId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let values = [Text(case.as_str()), Moment(now - RunHistory::LOOKBACK)];
    tx.execute("DELETE FROM run WHERE case_id = $1 AND started_at < $2", &values).await?;
    tx.execute("DELETE FROM host_change WHERE case_id = $1 AND at < $2", &values).await?;
    Ok(())
}

/// The history of these hosts and this system.
pub(in crate::store) async fn history<C: Connection>(
    tx: &mut C,
    of: &RunsOf<'_>,
) -> Result<RunHistory, StoreError> {
    let hosts: Vec<&str> = of.hosts.iter().map(HostName::as_str).collect();
    let since = Moment(of.since);
    let mut history = RunHistory::default();
    let mut newest = None;
    let rows = tx.fetch_all(C::DIALECT.runs_of, &[Texts(&hosts), Text(of.system.as_str()), since]).await?;
    for row in rows {
        let (id, host) = ((row.case("case_id")?, row.integer("seq")?), host(&row)?);
        // The rows of one run stand together, one for each of its hosts.
        match history.runs.last_mut().filter(|_| newest.as_ref() == Some(&id)) {
            Some(run) => drop(run.hosts.insert(host)),
            None => history.runs.push(run(&row, &id.0, host)?),
        }
        newest = Some(id);
    }
    for row in tx.fetch_all(C::DIALECT.changes_of, &[Texts(&hosts), since]).await? {
        history.changes.push((host(&row)?, row.moment("at")?));
    }
    Ok(history)
}

fn run(row: &impl Row, case: &CaseId, host: HostName) -> Result<RemediationRun, StoreError> {
    let end = match row.optional_moment("ended_at")? {
        Some(at) if row.boolean("fixed")? => Some(RunResult::Fixed(at)),
        Some(at) => Some(RunResult::Failed(at)),
        None => None,
    };
    Ok(RemediationRun {
        case: case.clone(),
        ticket: codec::ticket(&row.text("ticket")?)?,
        system: row.system()?,
        playbook: codec::name(row.text("playbook")?)?,
        hosts: BTreeSet::from([host]),
        at: row.moment("started_at")?,
        end,
    })
}

fn host(row: &impl Row) -> Result<HostName, StoreError> {
    codec::name(row.text("host")?)
}
