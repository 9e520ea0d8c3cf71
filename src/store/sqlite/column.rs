//! How values stand in columns: moments as RFC 3339 text in UTC with six decimals, which also sorts.

use super::trouble::Failure;
use crate::core::event::CaseId;
use crate::core::ticket::TicketId;
use crate::ports::JournalError;
use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use std::time::Duration;

/// The last moment that still sorts as text.
const FOREVER: &str = "9999-12-31T23:59:59.999999Z";

/// A moment cut to whole microseconds, which is what a column keeps.
pub(super) fn cut(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(6)
}

pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// `now + ttl`; a time to live beyond all dates means the last one.
pub(super) fn after(now: DateTime<Utc>, ttl: Duration) -> DateTime<Utc> {
    let forever = moment(FOREVER).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let until = TimeDelta::from_std(ttl).ok().and_then(|ttl| now.checked_add_signed(ttl));
    cut(until.map_or(forever, |until| until.min(forever)))
}

pub(super) fn moment(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
}

/// The moment in a column.
pub(super) fn at(row: &SqliteRow, column: &str) -> Result<DateTime<Utc>, Failure> {
    let text: String = row.try_get(column)?;
    moment(&text).ok_or_else(|| unreadable(format!("`{text}` is not a moment")))
}

/// The case in a column.
pub(super) fn case(row: &SqliteRow, column: &str) -> Result<CaseId, Failure> {
    let text: String = row.try_get(column)?;
    CaseId::from_text(&text).ok_or_else(|| unreadable(format!("`{text}` is not the name of a case")))
}

/// The ticket in a column.
pub(super) fn ticket(row: &SqliteRow, column: &str) -> Result<TicketId, Failure> {
    let text: String = row.try_get(column)?;
    text.parse().map_err(|error| unreadable(format!("{error}")))
}

/// A sequence number in a column.
pub(super) fn seq(row: &SqliteRow, column: &str) -> Result<u64, Failure> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(|_| unreadable(format!("{number} is not a sequence number")))
}

pub(super) fn unreadable(what: String) -> Failure {
    JournalError::Unreadable(what).into()
}
