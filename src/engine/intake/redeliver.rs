//! Redelivery: GitHub is asked to deliver again what the webhook did not get.

use crate::engine::context::Context;
use crate::engine::intake::open::IntakeError;
use crate::ports::Cursor;
use chrono::TimeDelta;
use std::time::Duration;

/// A delivery that failed so often is given up; the poll has seen its content meanwhile.
const MAX_ATTEMPTS: u32 = 5;

/// How far back the first round looks. GitHub keeps its log for three days.
const FIRST_LOOKBACK: TimeDelta = TimeDelta::days(1);

/// The least time between two attempts of one delivery.
const MIN_REDELIVERY_GAP: TimeDelta = TimeDelta::minutes(2);

/// Of several replicas, one asks in this time.
const ROUND: Duration = Duration::from_secs(60);

/// Reads GitHub's log of every repository. Gives how many deliveries were asked for.
///
/// # Errors
/// If GitHub or the journal cannot be used; the next round finds what was not asked for.
pub async fn redeliver(context: &Context) -> Result<usize, IntakeError> {
    let mut asked = 0;
    for repo in &context.forge_settings.repos {
        let lock = format!("deliveries {repo}");
        let cursor = Cursor::Deliveries(repo.clone());
        let now = context.clock.now();
        if !context.journal.try_once_every(&lock, now, ROUND).await? {
            continue;
        }
        let since = context.journal.cursor(&cursor).await?.unwrap_or(now - FIRST_LOOKBACK);
        let failed = match context.forge.failed_deliveries(repo, since).await {
            Ok(failed) => failed,
            // The poll works without it; `doctor` names the permission that is missing.
            Err(error) if error.is_permanent() => {
                tracing::info!(%repo, %error, "cannot read the log of webhook deliveries");
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let mut oldest = now - MIN_REDELIVERY_GAP;
        for delivery in failed {
            if delivery.attempts >= MAX_ATTEMPTS {
                tracing::warn!(%repo, guid = delivery.guid, "delivery given up after {MAX_ATTEMPTS} attempts");
                continue;
            }
            // The next rounds read it again until it has come through.
            oldest = oldest.min(delivery.delivered_at);
            if now - delivery.delivered_at < MIN_REDELIVERY_GAP {
                continue;
            }
            tracing::info!(%repo, guid = delivery.guid, event = delivery.event, "asking for a redelivery");
            context.forge.redeliver(repo, delivery.id).await?;
            asked += 1;
        }
        context.journal.set_cursor(&cursor, oldest).await?;
    }
    Ok(asked)
}
