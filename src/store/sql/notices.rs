//! Notices that wait for their channels, and those that were settled lately.

use crate::core::ids::ChannelName;
use crate::ports::{Enqueued, MAX_IN_MESSAGE, MAX_WAITING, QueuedMessage, QueuedNotice};
use crate::store::codec::{after, name};
use crate::store::error::{StoreError, unreadable};
use crate::store::sql::connection::Value::{Boolean, Integer, Moment, Text};
use crate::store::sql::connection::{Connection, Row};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long the keys of settled notices are remembered.
const REMEMBERED: TimeDelta = TimeDelta::days(8);

/// What has waited for so long is for a channel that is not there any more.
const LONGEST: TimeDelta = TimeDelta::days(30);

/// The length of the name of a message.
const ID_LENGTH: usize = 32;

/// Queues notices, without those whose keys are known. Of too many for a channel, the oldest are given up.
pub(in crate::store) async fn enqueue<C: Connection>(
    tx: &mut C,
    notices: &[QueuedNotice],
    now: DateTime<Utc>,
) -> Result<Enqueued, StoreError> {
    tx.lock("notices").await?;
    let mut enqueued = Enqueued::default();
    let mut grown = BTreeSet::new();
    for QueuedNotice { channel, key, body, due, is_bundled } in notices {
        let statement = "INSERT INTO notice (channel, key, number, body, queued_at, due_at, bundled) \
             VALUES ($1, $2, (SELECT coalesce(max(number) + 1, 0) FROM notice WHERE channel = $1), $3, $4, $5, $6) \
             ON CONFLICT (channel, key) DO NOTHING";
        let body = body.to_string();
        let values =
            [Text(channel.as_str()), Text(key), Text(&body), Moment(now), Moment(*due), Boolean(*is_bundled)];
        if tx.execute(statement, &values).await? == 1 {
            enqueued.new += 1;
            grown.insert(channel.as_str());
        }
    }
    for channel in grown {
        let statement = "UPDATE notice SET settled_at = $2 \
             WHERE channel = $1 AND settled_at IS NULL AND message IS NULL AND number <= \
             (SELECT number FROM notice WHERE channel = $1 AND settled_at IS NULL AND message IS NULL \
              ORDER BY number DESC LIMIT 1 OFFSET $3)";
        let values = [Text(channel), Moment(now), Integer(i64::from(MAX_WAITING))];
        enqueued.dropped += tx.execute(statement, &values).await?;
    }
    Ok(enqueued)
}

/// Takes the message that a channel is to send, and keeps it from others for a time.
pub(in crate::store) async fn next<C: Connection>(
    tx: &mut C,
    channel: &ChannelName,
    now: DateTime<Utc>,
    ttl: Duration,
    bundle_from: usize,
) -> Result<Option<QueuedMessage>, StoreError> {
    tx.lock("notices").await?;
    let shared = tx.clock(now).await?;
    let of_channel = Text(channel.as_str());
    let begun = "SELECT message, held_until FROM notice \
         WHERE channel = $1 AND settled_at IS NULL AND message IS NOT NULL ORDER BY number LIMIT 1";
    let id = match tx.fetch_optional(begun, &[of_channel]).await? {
        Some(row) => {
            if row.optional_moment("held_until")?.is_some_and(|until| until > shared) {
                return Ok(None);
            }
            row.text("message")?
        }
        None => match begin(tx, channel, now, bundle_from).await? {
            Some(id) => id,
            None => return Ok(None),
        },
    };
    let hold = "UPDATE notice SET held_until = $3 WHERE channel = $1 AND message = $2 AND settled_at IS NULL";
    tx.execute(hold, &[of_channel, Text(&id), Moment(after(shared, ttl))]).await?;
    let statement = "SELECT body, tries, queued_at FROM notice \
         WHERE channel = $1 AND message = $2 AND settled_at IS NULL ORDER BY number";
    let rows = tx.fetch_all(statement, &[of_channel, Text(&id)]).await?;
    let mut message = QueuedMessage { id, notices: Vec::new(), tries: 0, queued_at: now };
    for row in rows {
        let body = serde_json::from_str(&row.text("body")?)
            .map_err(|error| unreadable(format!("a notice: {error}")))?;
        message.notices.push(body);
        message.tries = message.tries.max(u32::try_from(row.count("tries")?).unwrap_or(u32::MAX));
        message.queued_at = message.queued_at.min(row.moment("queued_at")?);
    }
    Ok(Some(message))
}

/// Puts what is due into a message. Gives its name, which follows from its notices.
async fn begin<C: Connection>(
    tx: &mut C,
    channel: &ChannelName,
    now: DateTime<Utc>,
    bundle_from: usize,
) -> Result<Option<String>, StoreError> {
    let of_channel = Text(channel.as_str());
    let statement = "SELECT key, bundled FROM notice \
         WHERE channel = $1 AND settled_at IS NULL AND message IS NULL AND due_at <= $2 ORDER BY number LIMIT $3";
    let due = tx.fetch_all(statement, &[of_channel, Moment(now), Integer(i64::from(MAX_IN_MESSAGE))]).await?;
    let due: Result<Vec<(String, bool)>, StoreError> =
        due.iter().map(|row| Ok((row.text("key")?, row.boolean("bundled")?))).collect();
    let due = due?;
    let Some((first, is_bundled)) = due.first() else { return Ok(None) };
    let keys: Vec<&str> = match (due.len() > bundle_from, is_bundled) {
        (true, _) => due.iter().map(|(key, _)| key.as_str()).collect(),
        (false, true) => due.iter().filter(|(_, bundled)| *bundled).map(|(key, _)| key.as_str()).collect(),
        (false, false) => vec![first],
    };
    let mut hash = Sha256::new();
    hash.update(channel.as_str());
    for key in &keys {
        hash.update(format!("\0{key}"));
    }
    let id: String = hex::encode(hash.finalize()).chars().take(ID_LENGTH).collect();
    for key in keys {
        let statement = "UPDATE notice SET message = $3 WHERE channel = $1 AND key = $2";
        tx.execute(statement, &[of_channel, Text(key), Text(&id)]).await?;
    }
    Ok(Some(id))
}

/// Gives a message back for a time.
pub(in crate::store) async fn postpone<C: Connection>(
    tx: &mut C,
    channel: &ChannelName,
    message: &str,
    now: DateTime<Utc>,
    pause: Duration,
) -> Result<(), StoreError> {
    let until = after(tx.clock(now).await?, pause);
    let statement = "UPDATE notice SET held_until = $3, tries = tries + 1 \
         WHERE channel = $1 AND message = $2 AND settled_at IS NULL";
    tx.execute(statement, &[Text(channel.as_str()), Text(message), Moment(until)]).await?;
    Ok(())
}

/// Settles the notices of a message, and forgets those that were settled long ago.
pub(in crate::store) async fn settle<C: Connection>(
    tx: &mut C,
    channel: &ChannelName,
    message: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let statement =
        "UPDATE notice SET settled_at = $3 WHERE channel = $1 AND message = $2 AND settled_at IS NULL";
    tx.execute(statement, &[Text(channel.as_str()), Text(message), Moment(now)]).await?;
    let forget = "DELETE FROM notice WHERE settled_at < $1 OR queued_at < $2";
    tx.execute(forget, &[Moment(now - REMEMBERED), Moment(now - LONGEST)]).await?;
    Ok(())
}

/// How many wait for each channel.
pub(in crate::store) async fn waiting<C: Connection>(
    tx: &mut C,
) -> Result<Vec<(ChannelName, u64)>, StoreError> {
    let statement = "SELECT channel, count(*) AS waiting FROM notice WHERE settled_at IS NULL \
         GROUP BY channel ORDER BY channel";
    let rows = tx.fetch_all(statement, &[]).await?;
    rows.iter().map(|row| Ok((name(row.text("channel")?)?, row.count("waiting")?))).collect()
}
