//! Scheduled tasks: one replica runs each when it is due. A missed run is made up for once.

use crate::core::policy::schedule::Schedule;
use crate::engine::context::Context;
use crate::ports::{Cursor, JournalError};
use chrono::{DateTime, TimeDelta, Utc};
use std::borrow::Cow;
use std::time::Duration;

/// A run that begins so long after it was due was missed.
const MAX_LATENESS: TimeDelta = TimeDelta::minutes(2);

/// Of several replicas that find the same task due, one has it for so long.
const ONCE_LOCK_TTL: Duration = Duration::from_secs(30);

/// A task with a schedule.
#[derive(Debug, Clone)]
pub struct ScheduledTask {
    /// What it is; the journal remembers under this name when it was done last.
    pub name: Cow<'static, str>,
    /// When it is due: at an interval, or at the times of a cron expression.
    pub schedule: Schedule,
}

/// What a schedule says at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DueCheck {
    /// It is to be done now.
    Due {
        /// When it was due.
        at: DateTime<Utc>,
        /// Whether that was more than two minutes ago.
        missed: bool,
    },
    /// Not before then.
    Later(DateTime<Utc>),
}

impl ScheduledTask {
    /// Whether it is to be done now, by this process.
    ///
    /// # Errors
    /// If the journal cannot be used; nothing is due then.
    pub async fn check_due(&self, context: &Context) -> Result<DueCheck, JournalError> {
        let now = context.clock.now();
        let last = match (context.journal.cursor(&Cursor::Task(self.name.clone())).await?, &self.schedule) {
            // A process that wakes too late for the first time of an expression must not wait for the second.
            (None, Schedule::Cron { .. }) => {
                self.mark_done(context, now).await?;
                Some(now)
            }
            (last, _) => last,
        };
        let due = self.schedule.due(last, now);
        match due {
            None => Ok(DueCheck::Later(DateTime::<Utc>::MAX_UTC)),
            Some(due) if due > now => Ok(DueCheck::Later(due)),
            Some(due) => {
                let ttl = match self.schedule {
                    Schedule::Interval(every) => ONCE_LOCK_TTL.min(every / 2),
                    Schedule::Cron { .. } => ONCE_LOCK_TTL,
                };
                if !context.journal.try_once_every(&self.name, now, ttl).await? {
                    return Ok(DueCheck::Later(now + ttl));
                }
                Ok(DueCheck::Due { at: due, missed: now - due > MAX_LATENESS })
            }
        }
    }

    /// Remembers that it was done, having been begun at a moment. However often it was missed, it is made
    /// up for once.
    ///
    /// # Errors
    /// If the journal cannot be used; then it is done again.
    pub async fn mark_done(&self, context: &Context, begun: DateTime<Utc>) -> Result<(), JournalError> {
        context.journal.set_cursor(&Cursor::Task(self.name.clone()), begun).await
    }
}
