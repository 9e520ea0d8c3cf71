//! What is kept beside the records: libraries of playbooks, the pause, and signals to cases.

use crate::core::case::event::CaseId;
use crate::core::case::payload::{decode_pause_order, decode_signal, encode_pause_order, encode_signal};
use crate::core::case::signal::{QueuedSignal, Signal};
use crate::core::playbook::LibraryHash;
use crate::core::policy::pause_order::PauseOrder;
use crate::store::error::{StoreError, unreadable};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use std::collections::BTreeMap;

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

pub(super) async fn pause_order(tx: &mut SqliteConnection) -> Result<Option<PauseOrder>, StoreError> {
    let body: Option<String> = sqlx::query_scalar("SELECT body FROM pause").fetch_optional(tx).await?;
    let read =
        |body: String| decode_pause_order(&body).map_err(|error| unreadable(format!("the pause: {error}")));
    body.map(read).transpose()
}

/// Has the order take effect, if it supersedes the one that stands.
pub(super) async fn order_pause(tx: &mut SqliteConnection, order: &PauseOrder) -> Result<bool, StoreError> {
    let standing = pause_order(&mut *tx).await?;
    if standing.is_some_and(|standing| !order.supersedes(&standing)) {
        return Ok(false);
    }
    let body = encode_pause_order(order).map_err(|error| unreadable(format!("the pause: {error}")))?;
    sqlx::query(
        "INSERT INTO pause (one, body) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET body = excluded.body",
    )
    .bind(body)
    .execute(tx)
    .await?;
    Ok(true)
}

/// Leaves a word, unless its key was used for this case.
pub(super) async fn post(
    tx: &mut SqliteConnection,
    case: &CaseId,
    key: &str,
    word: &Signal,
) -> Result<bool, StoreError> {
    let body = encode_signal(word).map_err(|error| unreadable(format!("a signal: {error}")))?;
    let posted = sqlx::query(
        "INSERT INTO signal (case_id, number, key, body) \
         VALUES (?1, (SELECT coalesce(max(number) + 1, 0) FROM signal WHERE case_id = ?1), ?2, ?3) \
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
    let rows = sqlx::query("SELECT key, body FROM signal WHERE case_id = ? ORDER BY number")
        .bind(case.as_str())
        .fetch_all(tx)
        .await?;
    let read = |row: &SqliteRow| {
        let (key, body): (String, String) = (row.try_get("key")?, row.try_get("body")?);
        let word = decode_signal(&body)
            .map_err(|error| unreadable(format!("case {case}, the signal `{key}`: {error}")))?;
        Ok(QueuedSignal { key, signal: word })
    };
    rows.iter().map(read).collect()
}
