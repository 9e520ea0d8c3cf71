//! The checks behind `/readyz`: the journal can be written, GitHub can be reached, the periodic tasks are on
//! time.

use crate::app::tasks::TaskTimes;
use crate::engine::Context;
use crate::github::GitHub;
use crate::ports::Cursor;
use crate::web::{CheckResult, ReadinessCheck};
use async_trait::async_trait;
use std::borrow::Cow;
use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// A check that takes longer has failed. All checks run side by side.
const DEADLINE: Duration = Duration::from_secs(5);

/// The outcome of a request to GitHub is believed for so long. So an idle process asks once a minute at most.
const GITHUB_MAX_AGE: Duration = Duration::from_secs(60);

/// The cursor that a check of the journal writes. Replicas share it, and nobody reads it.
pub(super) const CURSOR: Cursor = Cursor::Task(Cow::Borrowed("readiness"));

/// Checks one process.
pub struct Readiness {
    /// The engine's context; the check of the journal writes a cursor to its journal.
    pub context: Context,
    /// Asked whether it answers and accepts the credentials, once a minute at most.
    pub github: Arc<GitHub>,
    /// The times of every periodic task of the process; none of them may be overdue.
    pub tasks: Vec<Arc<TaskTimes>>,
}

#[async_trait]
impl ReadinessCheck for Readiness {
    async fn run(&self) -> Vec<CheckResult> {
        let journal = self.context.journal.set_cursor(&CURSOR, self.context.clock.now());
        let github = self.github.check_reachable(GITHUB_MAX_AGE);
        let (journal, github, tasks) =
            tokio::join!(within_deadline(journal), within_deadline(github), within_deadline(self.overdue()));
        [("journal", journal), ("github", github), ("tasks", tasks)]
            .into_iter()
            .map(|(name, result)| {
                let redacted = |why: String| self.context.redactor.text(&why).as_str().to_owned();
                CheckResult::new(name, result.map_err(redacted))
            })
            .collect()
    }
}

impl Readiness {
    /// # Errors
    /// The tasks that are overdue, in words.
    async fn overdue(&self) -> Result<(), String> {
        let mut overdue = Vec::new();
        for times in &self.tasks {
            if let Some(due) = times.overdue_since(&self.context).await.map_err(|error| error.to_string())? {
                let due = due.format("%Y-%m-%d %H:%M UTC");
                overdue.push(format!("{} was due at {due}", times.task.name()));
            }
        }
        if overdue.is_empty() { Ok(()) } else { Err(format!("overdue: {}", overdue.join(", "))) }
    }
}

async fn within_deadline<E: Display>(check: impl Future<Output = Result<(), E>>) -> Result<(), String> {
    match tokio::time::timeout(DEADLINE, check).await {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} seconds", DEADLINE.as_secs())),
    }
}
