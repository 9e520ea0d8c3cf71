//! What is kept beside the records: libraries of playbooks, the pause, and signals to cases.

use crate::core::case::event::CaseId;
use crate::core::case::payload::{decode_pause_order, decode_signal, encode_pause_order, encode_signal};
use crate::core::case::signal::{QueuedSignal, Signal};
use crate::core::playbook::LibraryHash;
use crate::core::policy::pause_order::PauseOrder;
use crate::store::error::{StoreError, unreadable};
use crate::store::postgres::lock;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use std::collections::BTreeMap;

/// Keeps the files of a library. The hash is over them, so what is kept already is the same.
pub(super) async fn keep_library(
    tx: &mut PgConnection,
    hash: &LibraryHash,
    files: &BTreeMap<String, String>,
) -> Result<(), StoreError> {
    let (paths, texts): (Vec<&str>, Vec<&str>) =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).unzip();
    sqlx::query(
        "INSERT INTO library (hash, path, text) SELECT $1, * FROM unnest($2::text[], $3::text[]) \
         ON CONFLICT DO NOTHING",
    )
    .bind(&hash.0)
    .bind(paths)
    .bind(texts)
    .execute(tx)
    .await?;
    Ok(())
}

/// The files of a library; `None` if it was never kept, or kept without any file.
pub(super) async fn library(
    tx: &mut PgConnection,
    hash: &LibraryHash,
) -> Result<Option<BTreeMap<String, String>>, StoreError> {
    let rows =
        sqlx::query("SELECT path, text FROM library WHERE hash = $1").bind(&hash.0).fetch_all(tx).await?;
    let mut files = BTreeMap::new();
    for row in rows {
        files.insert(row.try_get("path")?, row.try_get("text")?);
    }
    Ok((!files.is_empty()).then_some(files))
}

pub(super) async fn pause_order(tx: &mut PgConnection) -> Result<Option<PauseOrder>, StoreError> {
    let body: Option<String> = sqlx::query_scalar("SELECT body FROM pause").fetch_optional(tx).await?;
    let read =
        |body: String| decode_pause_order(&body).map_err(|error| unreadable(format!("the pause: {error}")));
    body.map(read).transpose()
}

/// Has the order take effect, if it supersedes the one that stands.
pub(super) async fn order_pause(tx: &mut PgConnection, order: &PauseOrder) -> Result<bool, StoreError> {
    // Of two orders at once, the second one waits here, and is compared with the first.
    sqlx::query("LOCK TABLE pause IN EXCLUSIVE MODE").execute(&mut *tx).await?;
    let standing = pause_order(&mut *tx).await?;
    if standing.is_some_and(|standing| !order.supersedes(&standing)) {
        return Ok(false);
    }
    let body = encode_pause_order(order).map_err(|error| unreadable(format!("the pause: {error}")))?;
    sqlx::query(
        "INSERT INTO pause (one, body) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET body = excluded.body",
    )
    .bind(body)
    .execute(tx)
    .await?;
    Ok(true)
}

/// Leaves a word, unless its key was used for this case.
pub(super) async fn post(
    tx: &mut PgConnection,
    case: &CaseId,
    key: &str,
    word: &Signal,
) -> Result<bool, StoreError> {
    let body = encode_signal(word).map_err(|error| unreadable(format!("a signal: {error}")))?;
    // The numbers of a case are given one at a time, so that their order is the order of posting.
    lock(tx, &format!("words {case}")).await?;
    let posted = sqlx::query(
        "INSERT INTO signal (case_id, number, key, body) \
         VALUES ($1, (SELECT coalesce(max(number) + 1, 0) FROM signal WHERE case_id = $1), $2, $3) \
         ON CONFLICT (case_id, key) DO NOTHING",
    )
    .bind(case.as_str())
    .bind(key)
    .bind(body)
    .execute(tx)
    .await?;
    Ok(posted.rows_affected() == 1)
}

pub(super) async fn posted(tx: &mut PgConnection, case: &CaseId) -> Result<Vec<QueuedSignal>, StoreError> {
    let rows = sqlx::query("SELECT key, body FROM signal WHERE case_id = $1 ORDER BY number")
        .bind(case.as_str())
        .fetch_all(tx)
        .await?;
    let read = |row: &PgRow| {
        let (key, body): (String, String) = (row.try_get("key")?, row.try_get("body")?);
        let word = decode_signal(&body)
            .map_err(|error| unreadable(format!("case {case}, the signal `{key}`: {error}")))?;
        Ok(QueuedSignal { key, signal: word })
    };
    rows.iter().map(read).collect()
}
