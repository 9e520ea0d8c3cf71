//! Columns of SQLite: moments stand there as text.

use crate::core::case::event::CaseId;
use crate::store::codec;
use crate::store::error::{StoreError, unreadable};
use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

/// The moment in a column.
pub(super) fn at(row: &SqliteRow, name: &str) -> Result<DateTime<Utc>, StoreError> {
    let text: String = row.try_get(name)?;
    codec::moment(&text).ok_or_else(|| unreadable(format!("`{text}` is not a moment")))
}

/// The case in a column.
pub(super) fn case(row: &SqliteRow, name: &str) -> Result<CaseId, StoreError> {
    codec::case(row.try_get(name)?)
}
