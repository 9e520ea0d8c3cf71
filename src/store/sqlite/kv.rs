//! What is kept beside the records: libraries of playbooks, bookmarks, turns, a halt, and words that
//! were left for cases.

use crate::core::case::event::CaseId;
use crate::core::case::signal::{QueuedSignal, Signal};
use crate::core::playbook::LibraryHash;
use crate::core::policy::permit::Pause;
use crate::store::codec;
use crate::store::codec::stamp;
use crate::store::error::{StoreError, unreadable};
use crate::store::sqlite::codec::at;
use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use std::collections::BTreeMap;
use std::time::Duration;

/// Keeps the files of a library. The hash is over them, so what is kept already is the same.
pub(super) async fn keep_library(
    tx: &mut SqliteConnection,
    hash: &LibraryHash,
    files: &BTreeMap<String, String>,
) -> Result<(), StoreError> {
    for (path, text) in files {
        sqlx::query("INSERT INTO library (hash, path, text) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
            .bind(&hash.0)
            .bind(path)
            .bind(text)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// The files of a library; `None` if it was never kept, or kept without any file.
pub(super) async fn library(
    tx: &mut SqliteConnection,
    hash: &LibraryHash,
) -> Result<Option<BTreeMap<String, String>>, StoreError> {
    let rows =
        sqlx::query("SELECT path, text FROM library WHERE hash = ?").bind(&hash.0).fetch_all(tx).await?;
    let mut files = BTreeMap::new();
    for row in rows {
        files.insert(row.try_get("path")?, row.try_get("text")?);
    }
    Ok((!files.is_empty()).then_some(files))
}

pub(super) async fn bookmark(
    tx: &mut SqliteConnection,
    name: &str,
) -> Result<Option<DateTime<Utc>>, StoreError> {
    let row = sqlx::query("SELECT at FROM bookmark WHERE name = ?").bind(name).fetch_optional(tx).await?;
    row.map(|row| at(&row, "at")).transpose()
}

pub(super) async fn set_bookmark(
    tx: &mut SqliteConnection,
    name: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO bookmark (name, at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at",
    )
    .bind(name)
    .bind(stamp(at))
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes a turn, unless the last one is younger than `every`. One that lies in the future was taken
/// under a wrong clock and holds nobody up.
pub(super) async fn take_turn(
    tx: &mut SqliteConnection,
    name: &str,
    now: DateTime<Utc>,
    every: Duration,
) -> Result<bool, StoreError> {
    let last = sqlx::query("SELECT at FROM turn WHERE name = ?").bind(name).fetch_optional(&mut *tx).await?;
    if let Some(row) = last {
        let last = at(&row, "at")?;
        if last <= now && now < codec::after(last, every) {
            return Ok(false);
        }
    }
    sqlx::query(
        "INSERT INTO turn (name, at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at",
    )
    .bind(name)
    .bind(stamp(now))
    .execute(tx)
    .await?;
    Ok(true)
}

pub(super) async fn pause(tx: &mut SqliteConnection) -> Result<Option<Pause>, StoreError> {
    let body: Option<String> = sqlx::query_scalar("SELECT body FROM pause").fetch_optional(tx).await?;
    let read =
        |body: String| serde_json::from_str(&body).map_err(|error| unreadable(format!("a halt: {error}")));
    body.map(read).transpose()
}

pub(super) async fn set_pause(tx: &mut SqliteConnection, pause: Option<&Pause>) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM pause").execute(&mut *tx).await?;
    let Some(pause) = pause else { return Ok(()) };
    let body = serde_json::to_string(pause).map_err(|error| unreadable(format!("a halt: {error}")))?;
    sqlx::query("INSERT INTO pause (one, body) VALUES (1, ?)").bind(body).execute(tx).await?;
    Ok(())
}

/// Leaves a word, unless its key was used for this case.
pub(super) async fn post(
    tx: &mut SqliteConnection,
    case: &CaseId,
    key: &str,
    word: &Signal,
) -> Result<bool, StoreError> {
    let body = serde_json::to_string(word).map_err(|error| unreadable(format!("a word: {error}")))?;
    let posted = sqlx::query(
        "INSERT INTO word (case_id, number, key, body) \
         VALUES (?1, (SELECT coalesce(max(number) + 1, 0) FROM word WHERE case_id = ?1), ?2, ?3) \
         ON CONFLICT (case_id, key) DO NOTHING",
    )
    .bind(case.as_str())
    .bind(key)
    .bind(body)
    .execute(tx)
    .await?;
    Ok(posted.rows_affected() == 1)
}

pub(super) async fn posted(
    tx: &mut SqliteConnection,
    case: &CaseId,
) -> Result<Vec<QueuedSignal>, StoreError> {
    let rows = sqlx::query("SELECT key, body FROM word WHERE case_id = ? ORDER BY number")
        .bind(case.as_str())
        .fetch_all(tx)
        .await?;
    let read = |row: &SqliteRow| {
        let (key, body): (String, String) = (row.try_get("key")?, row.try_get("body")?);
        let word = serde_json::from_str(&body)
            .map_err(|error| unreadable(format!("case {case}, the word `{key}`: {error}")))?;
        Ok(QueuedSignal { key, signal: word })
    };
    rows.iter().map(read).collect()
}
