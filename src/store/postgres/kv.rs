//! What is kept beside the records: libraries of playbooks, bookmarks, turns, a halt, and words that
//! were left for cases.

use crate::core::case::event::CaseId;
use crate::core::case::signal::{QueuedSignal, Signal};
use crate::core::playbook::LibraryHash;
use crate::core::policy::permit::Pause;
use crate::store::error::{StoreError, unreadable};
use crate::store::postgres::leases::seconds;
use crate::store::postgres::lock;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use std::collections::BTreeMap;
use std::time::Duration;

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

pub(super) async fn bookmark(tx: &mut PgConnection, name: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
    Ok(sqlx::query_scalar("SELECT at FROM bookmark WHERE name = $1").bind(name).fetch_optional(tx).await?)
}

pub(super) async fn set_bookmark(
    tx: &mut PgConnection,
    name: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO bookmark (name, at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET at = excluded.at",
    )
    .bind(name)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes a turn by the database's clock, unless the last one is younger than `every`. One that lies in
/// the future was taken under a wrong clock and holds nobody up.
pub(super) async fn take_turn(
    tx: &mut PgConnection,
    name: &str,
    every: Duration,
) -> Result<bool, StoreError> {
    lock(tx, &format!("turn {name}")).await?;
    let taken = sqlx::query(
        "INSERT INTO turn (name, at) VALUES ($1, clock_timestamp()) \
         ON CONFLICT (name) DO UPDATE SET at = excluded.at \
         WHERE turn.at > excluded.at OR turn.at <= excluded.at - make_interval(secs => $2)",
    )
    .bind(name)
    .bind(seconds(every))
    .execute(tx)
    .await?;
    Ok(taken.rows_affected() == 1)
}

pub(super) async fn pause(tx: &mut PgConnection) -> Result<Option<Pause>, StoreError> {
    let body: Option<String> = sqlx::query_scalar("SELECT body FROM pause").fetch_optional(tx).await?;
    let read =
        |body: String| serde_json::from_str(&body).map_err(|error| unreadable(format!("a halt: {error}")));
    body.map(read).transpose()
}

pub(super) async fn set_pause(tx: &mut PgConnection, pause: Option<&Pause>) -> Result<(), StoreError> {
    let Some(pause) = pause else {
        sqlx::query("DELETE FROM pause").execute(tx).await?;
        return Ok(());
    };
    let body = serde_json::to_string(pause).map_err(|error| unreadable(format!("a halt: {error}")))?;
    sqlx::query(
        "INSERT INTO pause (one, body) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET body = excluded.body",
    )
    .bind(body)
    .execute(tx)
    .await?;
    Ok(())
}

/// Leaves a word, unless its key was used for this case.
pub(super) async fn post(
    tx: &mut PgConnection,
    case: &CaseId,
    key: &str,
    word: &Signal,
) -> Result<bool, StoreError> {
    let body = serde_json::to_string(word).map_err(|error| unreadable(format!("a word: {error}")))?;
    // The numbers of a case are given one at a time, so that their order is the order of posting.
    lock(tx, &format!("words {case}")).await?;
    let posted = sqlx::query(
        "INSERT INTO word (case_id, number, key, body) \
         VALUES ($1, (SELECT coalesce(max(number) + 1, 0) FROM word WHERE case_id = $1), $2, $3) \
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
    let rows = sqlx::query("SELECT key, body FROM word WHERE case_id = $1 ORDER BY number")
        .bind(case.as_str())
        .fetch_all(tx)
        .await?;
    let read = |row: &PgRow| {
        let (key, body): (String, String) = (row.try_get("key")?, row.try_get("body")?);
        let word = serde_json::from_str(&body)
            .map_err(|error| unreadable(format!("case {case}, the word `{key}`: {error}")))?;
        Ok(QueuedSignal { key, signal: word })
    };
    rows.iter().map(read).collect()
}
