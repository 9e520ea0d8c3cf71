//! Redelivery: what GitHub could not tell the webhook is asked for again.

use crate::engine::Context;
use crate::engine::intake::open::IntakeError;
use chrono::TimeDelta;
use std::time::Duration;

/// What came to nothing so often stays so; the poll has seen it meanwhile.
const ATTEMPTS: u32 = 5;

/// How far back the first look goes. GitHub keeps its log for three days.
const FIRST: TimeDelta = TimeDelta::days(1);

/// Attempts of one delivery are so far apart, at least.
const APART: TimeDelta = TimeDelta::minutes(2);

/// Of several processes one asks.
const TURN: Duration = Duration::from_secs(60);

/// Looks into GitHub's log of every repository. Gives how many deliveries were asked for.
///
/// # Errors
/// If GitHub or the journal cannot be used; what was not asked for is found the next time.
pub async fn redeliver(agent: &Context) -> Result<usize, IntakeError> {
    let mut asked = 0;
    for repo in &agent.forge_settings.repos {
        let name = format!("deliveries {repo}");
        let now = agent.clock.now();
        if !agent.journal.try_once_every(&name, now, TURN).await? {
            continue;
        }
        let since = agent.journal.cursor(&name).await?.unwrap_or(now - FIRST);
        let failed = match agent.forge.failed_deliveries(repo, since).await {
            Ok(failed) => failed,
            // The poll does without; `doctor` says which right is missing.
            Err(error) if error.is_permanent() => {
                tracing::info!(%repo, %error, "the log of deliveries cannot be read");
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let mut oldest = now - APART;
        for delivery in failed {
            if delivery.attempts >= ATTEMPTS {
                tracing::warn!(%repo, guid = delivery.guid, "a delivery failed {ATTEMPTS} times, and is let go");
                continue;
            }
            // It is found again until it has come through.
            oldest = oldest.min(delivery.delivered_at);
            if now - delivery.delivered_at < APART {
                continue;
            }
            tracing::info!(%repo, guid = delivery.guid, event = delivery.event, "asking for a delivery again");
            agent.forge.redeliver(repo, delivery.id).await?;
            asked += 1;
        }
        agent.journal.set_cursor(&name, oldest).await?;
    }
    Ok(asked)
}
