//! The list of cases: a cache of what the records say, folded from them in one way only, whether a
//! record has just been written or the whole list is made anew.

use super::column::{self, stamp, unreadable};
use super::records;
use super::trouble::Failure;
use crate::core::event::{CaseId, Event, Record};
use crate::core::outcome::Outcome;
use crate::ports::CaseLine;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

/// What the list keeps of one case.
pub(super) struct Summary {
    pub(super) line: CaseLine,
    ended: bool,
    /// The hash of the last record.
    head: String,
}

impl Summary {
    /// From the first record, which names the ticket; `None` if it is not one that opens a case.
    pub(super) fn open(case: &CaseId, first: &Record, hash: String) -> Option<Self> {
        let Event::Opened { ticket, .. } = &first.event else { return None };
        let line = CaseLine {
            id: case.clone(),
            ticket: ticket.id.clone(),
            opened_at: first.at,
            updated_at: first.at,
            outcome: None,
        };
        Some(Self { line, ended: false, head: hash })
    }

    /// Takes in the next record.
    pub(super) fn take(&mut self, record: &Record, hash: String) {
        self.line.updated_at = record.at;
        self.head = hash;
        match &record.event {
            Event::Concluded(outcome) => self.line.outcome = Some(outcome.clone()),
            Event::Ended => self.ended = true,
            _ => {}
        }
    }

    /// As the list has it; if it lacks the case, from the records.
    pub(super) async fn load_or_fold(tx: &mut SqliteConnection, case: &CaseId) -> Result<Self, Failure> {
        let row = sqlx::query("SELECT * FROM cases WHERE id = ?")
            .bind(case.as_str())
            .fetch_optional(&mut *tx)
            .await?;
        match row {
            Some(row) => {
                Ok(Self { line: read_line(&row)?, ended: row.try_get("ended")?, head: row.try_get("head")? })
            }
            None => Self::fold(tx, case).await,
        }
    }

    /// From all records of the case.
    async fn fold(tx: &mut SqliteConnection, case: &CaseId) -> Result<Self, Failure> {
        let mut summary: Option<Self> = None;
        for stored in records::stored(tx, case).await? {
            let record = stored.record(case)?;
            match &mut summary {
                Some(summary) => summary.take(&record, stored.hash),
                None => summary = Self::open(case, &record, stored.hash),
            }
        }
        summary.ok_or_else(|| unreadable(format!("case {case} has no record that opens it")))
    }

    pub(super) async fn save(&self, tx: &mut SqliteConnection) -> Result<(), Failure> {
        let outcome = self.line.outcome.as_ref().map(serde_json::to_string).transpose();
        let outcome = outcome.map_err(|error| unreadable(format!("the outcome: {error}")))?;
        sqlx::query(
            "INSERT INTO cases (id, ticket, opened_at, updated_at, outcome, ended, head) \
             VALUES (?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at, \
             outcome = excluded.outcome, ended = excluded.ended, head = excluded.head",
        )
        .bind(self.line.id.as_str())
        .bind(self.line.ticket.to_string())
        .bind(stamp(self.line.opened_at))
        .bind(stamp(self.line.updated_at))
        .bind(outcome)
        .bind(self.ended)
        .bind(&self.head)
        .execute(tx)
        .await?;
        Ok(())
    }
}

/// Makes the whole list anew from the records. The caller commits.
pub(super) async fn rebuild(tx: &mut SqliteConnection) -> Result<(), Failure> {
    sqlx::query("DELETE FROM cases").execute(&mut *tx).await?;
    for case in records::all_cases(tx).await? {
        Summary::fold(tx, &case).await?.save(tx).await?;
    }
    Ok(())
}

/// Cases that have not ended, oldest first.
pub(super) async fn open_cases(tx: &mut SqliteConnection) -> Result<Vec<CaseId>, Failure> {
    let rows =
        sqlx::query("SELECT id FROM cases WHERE ended = 0 ORDER BY opened_at, id").fetch_all(tx).await?;
    rows.iter().map(|row| column::case(row, "id")).collect()
}

/// The newest cases first.
pub(super) async fn newest(tx: &mut SqliteConnection, limit: u32) -> Result<Vec<CaseLine>, Failure> {
    let rows = sqlx::query("SELECT * FROM cases ORDER BY opened_at DESC, id DESC LIMIT ?")
        .bind(limit)
        .fetch_all(tx)
        .await?;
    rows.iter().map(read_line).collect()
}

fn read_line(row: &SqliteRow) -> Result<CaseLine, Failure> {
    let id = column::case(row, "id")?;
    let outcome: Option<String> = row.try_get("outcome")?;
    let outcome: Option<Outcome> = outcome
        .map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|error| unreadable(format!("case {id}, its outcome: {error}")))?;
    Ok(CaseLine {
        id,
        ticket: column::ticket(row, "ticket")?,
        opened_at: column::at(row, "opened_at")?,
        updated_at: column::at(row, "updated_at")?,
        outcome,
    })
}
