//! Schedules: what is done again and again, by whichever process is up, and made up for if none was.

use super::Agent;
use crate::core::rhythm::Rhythm;
use crate::ports::JournalError;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// What is begun so long after it was due was missed.
const LATE: TimeDelta = TimeDelta::minutes(2);

/// Of several processes that find the same thing due, one has it for so long.
const TURN: Duration = Duration::from_secs(30);

/// Something that has its times.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// What it is; the journal remembers under this name when it was done last.
    pub name: &'static str,
    pub rhythm: Rhythm,
}

/// What a schedule says at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It is to be done now, and was to be done at this moment, if that was missed.
    Due { missed: Option<DateTime<Utc>> },
    /// Not before then.
    Later(DateTime<Utc>),
}

impl Schedule {
    /// Whether it is to be done now, by this process.
    ///
    /// # Errors
    /// If the journal cannot be used; nothing is due then.
    pub async fn turn(&self, agent: &Agent) -> Result<Turn, JournalError> {
        let now = agent.clock.now();
        let last = agent.journal.bookmark(self.name).await?;
        let due = self.rhythm.due(last, now);
        match due {
            None => Ok(Turn::Later(DateTime::<Utc>::MAX_UTC)),
            Some(due) if due > now => Ok(Turn::Later(due)),
            Some(due) => {
                let turn = match self.rhythm {
                    Rhythm::Every(every) => TURN.min(every / 2),
                    Rhythm::At { .. } => TURN,
                };
                if !agent.journal.take_turn(self.name, now, turn).await? {
                    return Ok(Turn::Later(now + turn));
                }
                Ok(Turn::Due { missed: (now - due > LATE).then_some(due) })
            }
        }
    }

    /// Remembers that it was done, having been begun at a moment. However often it was missed, it is made
    /// up for once.
    ///
    /// # Errors
    /// If the journal cannot be used; then it is done again.
    pub async fn done(&self, agent: &Agent, begun: DateTime<Utc>) -> Result<(), JournalError> {
        agent.journal.set_bookmark(self.name, begun).await
    }
}
