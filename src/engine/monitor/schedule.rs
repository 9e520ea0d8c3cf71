//! Schedules: what is done again and again, by whichever process is up, and made up for if none was.

use crate::core::policy::schedule::Schedule;
use crate::engine::Context;
use crate::ports::{Cursor, JournalError};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// What is begun so long after it was due was missed.
const LATE: TimeDelta = TimeDelta::minutes(2);

/// Of several processes that find the same thing due, one has it for so long.
const TURN: Duration = Duration::from_secs(30);

/// Something that has its times.
#[derive(Debug, Clone)]
pub struct ScheduledTask {
    /// What it is; the journal remembers under this name when it was done last.
    pub name: &'static str,
    pub schedule: Schedule,
}

/// What a schedule says at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DueCheck {
    /// It is to be done now, and was to be done at this moment, if that was missed.
    Due { missed: Option<DateTime<Utc>> },
    /// Not before then.
    Later(DateTime<Utc>),
}

impl ScheduledTask {
    /// Whether it is to be done now, by this process.
    ///
    /// # Errors
    /// If the journal cannot be used; nothing is due then.
    pub async fn check_due(&self, agent: &Context) -> Result<DueCheck, JournalError> {
        let now = agent.clock.now();
        let last = agent.journal.cursor(&Cursor::Task(self.name)).await?;
        let due = self.schedule.due(last, now);
        match due {
            None => Ok(DueCheck::Later(DateTime::<Utc>::MAX_UTC)),
            Some(due) if due > now => Ok(DueCheck::Later(due)),
            Some(due) => {
                let turn = match self.schedule {
                    Schedule::Interval(every) => TURN.min(every / 2),
                    Schedule::Cron { .. } => TURN,
                };
                if !agent.journal.try_once_every(self.name, now, turn).await? {
                    return Ok(DueCheck::Later(now + turn));
                }
                Ok(DueCheck::Due { missed: (now - due > LATE).then_some(due) })
            }
        }
    }

    /// Remembers that it was done, having been begun at a moment. However often it was missed, it is made
    /// up for once.
    ///
    /// # Errors
    /// If the journal cannot be used; then it is done again.
    pub async fn mark_done(&self, agent: &Context, begun: DateTime<Utc>) -> Result<(), JournalError> {
        agent.journal.set_cursor(&Cursor::Task(self.name), begun).await
    }
}
