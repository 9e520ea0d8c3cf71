//! What is kept beside the records: libraries of playbooks, the pause, and signals to cases.

use crate::core::case::event::CaseId;
use crate::core::case::payload::{decode_pause_order, decode_signal, encode_pause_order, encode_signal};
use crate::core::case::signal::{QueuedSignal, Signal};
use crate::core::playbook::LibraryHash;
use crate::core::policy::pause_order::PauseOrder;
use crate::store::error::{StoreError, unreadable};
use crate::store::sql::connection::Value::Text;
use crate::store::sql::connection::{Connection, Row};
use std::collections::BTreeMap;

/// Keeps the files of a library. They are written in one transaction and the hash is over them, so where one
/// is kept, all are.
pub(in crate::store) async fn keep_library<C: Connection>(
    tx: &mut C,
    hash: &LibraryHash,
    files: &BTreeMap<String, String>,
) -> Result<(), StoreError> {
    let kept =
        tx.fetch_optional("SELECT path FROM library WHERE hash = $1 LIMIT 1", &[Text(&hash.0)]).await?;
    if kept.is_some() {
        return Ok(());
    }
    for (path, text) in files {
        tx.execute(
            "INSERT INTO library (hash, path, text) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            &[Text(&hash.0), Text(path), Text(text)],
        )
        .await?;
    }
    Ok(())
}

/// The files of a library; `None` if it was never kept, or kept without any file.
pub(in crate::store) async fn library<C: Connection>(
    tx: &mut C,
    hash: &LibraryHash,
) -> Result<Option<BTreeMap<String, String>>, StoreError> {
    let rows = tx.fetch_all("SELECT path, text FROM library WHERE hash = $1", &[Text(&hash.0)]).await?;
    let mut files = BTreeMap::new();
    for row in rows {
        files.insert(row.text("path")?, row.text("text")?);
    }
    Ok((!files.is_empty()).then_some(files))
}

/// The newest order to pause or resume that took effect.
pub(in crate::store) async fn pause_order<C: Connection>(
    tx: &mut C,
) -> Result<Option<PauseOrder>, StoreError> {
    let Some(row) = tx.fetch_optional("SELECT body FROM pause", &[]).await? else { return Ok(None) };
    let order = decode_pause_order(&row.text("body")?);
    Ok(Some(order.map_err(|error| unreadable(format!("the pause: {error}")))?))
}

/// Has an order take effect, if it supersedes the one that stands.
pub(in crate::store) async fn order_pause<C: Connection>(
    tx: &mut C,
    order: &PauseOrder,
) -> Result<bool, StoreError> {
    // Of two at once, the second waits here, and is compared with the first.
    tx.lock("pause").await?;
    if pause_order(tx).await?.is_some_and(|standing| !order.supersedes(&standing)) {
        return Ok(false);
    }
    let body = encode_pause_order(order).map_err(|error| unreadable(format!("the pause: {error}")))?;
    tx.execute(
        "INSERT INTO pause (one, body) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET body = excluded.body",
        &[Text(&body)],
    )
    .await?;
    Ok(true)
}

/// Leaves a signal, unless its key was used for this case.
pub(in crate::store) async fn post<C: Connection>(
    tx: &mut C,
    case: &CaseId,
    key: &str,
    signal: &Signal,
) -> Result<bool, StoreError> {
    let body = encode_signal(signal).map_err(|error| unreadable(format!("a signal: {error}")))?;
    // The numbers of a case are given one at a time, so that their order is the order of posting. The name
    // of the lock is that of earlier versions, which may still run beside this one.
    tx.lock(&format!("words {case}")).await?;
    let posted = tx
        .execute(
            "INSERT INTO signal (case_id, number, key, body) \
         VALUES ($1, (SELECT coalesce(max(number) + 1, 0) FROM signal WHERE case_id = $1), $2, $3) \
         ON CONFLICT (case_id, key) DO NOTHING",
            &[Text(case.as_str()), Text(key), Text(&body)],
        )
        .await?;
    Ok(posted == 1)
}

pub(in crate::store) async fn posted<C: Connection>(
    tx: &mut C,
    case: &CaseId,
) -> Result<Vec<QueuedSignal>, StoreError> {
    let statement = "SELECT key, body FROM signal WHERE case_id = $1 ORDER BY number";
    let rows = tx.fetch_all(statement, &[Text(case.as_str())]).await?;
    let read = |row: &C::Row| {
        let (key, body) = (row.text("key")?, row.text("body")?);
        let signal = decode_signal(&body)
            .map_err(|error| unreadable(format!("case {case}, the signal `{key}`: {error}")))?;
        Ok(QueuedSignal { key, signal })
    };
    rows.iter().map(read).collect()
}
