//! What a daemon does periodically, and whether that is on time.

use crate::app::operations_log::OperationsLogFile;
use crate::app::reachability::Reachability;
use crate::core::case::event::CaseId;
use crate::core::case::scheduled_run::ScheduledRun;
use crate::core::playbook::Library;
use crate::core::text::redact::Redactor;
use crate::engine::{
    Context, DueCheck, IntakeError, LogUpdate, ScheduledTask, Shutdown, check_recurrences, check_systems,
    collect_thumbs, poll, redeliver, remind, start_run, sweep_tickets,
};
use crate::ports::{Cursor, JournalError, Store};
use crate::render::Prompts;
use crate::telemetry::spans;
use chrono::{DateTime, TimeDelta, Utc};
use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tracing::Instrument;

/// How often a schedule is asked, whatever it said: clocks are set, and machines sleep.
const SCHEDULE_CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// The pause after something that was due.
const PAUSE: Duration = Duration::from_secs(1);

/// A task that is later than this is overdue: it fails again and again, or hangs.
const OVERDUE_AFTER: TimeDelta = TimeDelta::minutes(10);

/// What is done periodically.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// Asks GitHub for events that the webhook missed.
    Poll,
    /// Asks GitHub to deliver again what it could not deliver.
    Redeliver,
    /// Takes tickets that were missed.
    SweepTickets,
    /// Probes all systems.
    SweepSystems,
    /// Probes what was fixed lately.
    CheckRecurrences,
    /// Asks GitHub for reactions to questions that reporters were asked.
    CollectThumbs,
    /// Reminds people of escalated tickets.
    Remind,
    /// Brings the operations log up to date.
    WriteLog(Arc<OperationsLogFile>),
    /// Runs a playbook that the configuration schedules.
    Run(Arc<ScheduledRun>),
}

/// When a task is done.
#[derive(Debug, Clone)]
pub enum Trigger {
    /// Once at the start, and then with so much time between.
    Every(Duration),
    /// At its times, which the journal remembers.
    On(ScheduledTask),
}

/// When a task of this process succeeded last.
#[derive(Debug)]
pub struct TaskTimes {
    /// The task that these times belong to.
    pub task: Task,
    trigger: Trigger,
    started: DateTime<Utc>,
    succeeded: Mutex<Option<DateTime<Utc>>>,
    reminders: AtomicU64,
}

impl TaskTimes {
    /// A task that starts now.
    pub fn new(task: Task, trigger: Trigger, now: DateTime<Utc>) -> Self {
        Self { task, trigger, started: now, succeeded: Mutex::default(), reminders: AtomicU64::new(0) }
    }

    /// When it was to be done, if that is so long ago that it is overdue. What another process did by a common
    /// schedule counts as done.
    ///
    /// # Errors
    /// If the journal cannot be used.
    pub async fn overdue_since(&self, context: &Context) -> Result<Option<DateTime<Utc>>, JournalError> {
        let now = context.clock.now();
        let here = self.succeeded().unwrap_or(self.started);
        let due = match &self.trigger {
            Trigger::Every(every) => TimeDelta::from_std(*every).ok().map(|every| here + every),
            Trigger::On(task) => {
                let anywhere = context.journal.cursor(&Cursor::Task(task.name.clone())).await?;
                task.schedule.due(Some(anywhere.unwrap_or(here).max(here)), now)
            }
        };
        Ok(due.filter(|due| now - *due > OVERDUE_AFTER))
    }

    /// When it succeeded last, here or in another process that shares its schedule. `None` if that is not known.
    ///
    /// # Errors
    /// If the journal cannot be used.
    pub async fn last_success(&self, context: &Context) -> Result<Option<DateTime<Utc>>, JournalError> {
        let anywhere = match &self.trigger {
            Trigger::Every(_) => None,
            Trigger::On(task) => context.journal.cursor(&Cursor::Task(task.name.clone())).await?,
        };
        Ok(self.succeeded().max(anywhere))
    }

    /// How many reminders the task has sent; always 0 for a task that sends none.
    pub fn reminders(&self) -> u64 {
        self.reminders.load(Ordering::Relaxed)
    }

    fn succeeded(&self) -> Option<DateTime<Utc>> {
        *self.succeeded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mark_succeeded(&self, at: DateTime<Utc>) {
        *self.succeeded.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }
}

/// A task with all that it needs.
pub struct PeriodicTask {
    /// The task, what triggers it, and when it succeeded last; `/readyz` reads the same value.
    pub times: Arc<TaskTimes>,
    /// The engine's context, which the task runs with.
    pub context: Context,
    /// Notes what a system sweep could read; shared by all tasks of the process.
    pub reachability: Arc<Reachability>,
    /// Receives each case that the task opened, so that it is driven at once.
    pub case_opened: UnboundedSender<CaseId>,
    /// The task ends when this shutdown is requested.
    pub stop: Shutdown,
}

impl PeriodicTask {
    /// Does it until the shutdown is requested. A run that fails is logged and repeated.
    pub async fn run(self) {
        while !self.stop.is_requested() {
            let pause = match &self.times.trigger {
                Trigger::Every(every) => {
                    self.run_once(self.context.clock.now()).await;
                    *every
                }
                Trigger::On(schedule) => self.run_if_due(schedule).await,
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.requested() => {}
            }
        }
    }

    /// Does it if it is due. Gives the time until it is asked again.
    async fn run_if_due(&self, schedule: &ScheduledTask) -> Duration {
        let context = &self.context;
        let begun = context.clock.now();
        let done = match schedule.check_due(context).await {
            Ok(DueCheck::Later(at)) => {
                return (at - begun).to_std().unwrap_or_default().min(SCHEDULE_CHECK_INTERVAL);
            }
            Ok(DueCheck::Due { at, missed }) => {
                if missed {
                    let at = at.format("%Y-%m-%d %H:%M UTC");
                    tracing::warn!("running the {} that was missed at {at}", self.times.task);
                }
                if self.run_once(at).await { schedule.mark_done(context, begun).await } else { Ok(()) }
            }
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            tracing::warn!(%error, "the journal cannot be used; the {} is tried again", self.times.task);
        }
        PAUSE
    }

    /// Does what was due at a moment. `false` if it failed.
    async fn run_once(&self, due: DateTime<Utc>) -> bool {
        let span = spans::task(&self.times.task.name());
        async {
            match self.perform(due).await {
                Ok(cases) => {
                    tracing::debug!(opened = cases.len(), "task done");
                    cases.into_iter().for_each(|case| drop(self.case_opened.send(case)));
                    self.times.mark_succeeded(self.context.clock.now());
                    true
                }
                Err(error) => {
                    tracing::warn!(%error, "the {} failed; it is tried again", self.times.task);
                    false
                }
            }
        }
        .instrument(span)
        .await
    }

    /// A log that cannot be written is told and tried again. It holds nothing that the journal does not hold.
    async fn write_log(&self, file: &OperationsLogFile) {
        let context = &self.context;
        let from: (&dyn Store, &Library) = (&*context.journal, &context.library);
        let words: (&Prompts, &Redactor) = (&context.prompts, &context.redactor);
        if let Err(error) = file.write(from, words, LogUpdate::Newer, context.clock.now()).await {
            tracing::warn!(%error, "the operations log was not written; it is tried again in a minute");
        }
    }

    /// Gives the cases that it opened.
    async fn perform(&self, due: DateTime<Utc>) -> Result<Vec<CaseId>, IntakeError> {
        let context = &self.context;
        match &self.times.task {
            Task::Poll => poll(context).await,
            Task::CheckRecurrences => check_recurrences(context).await,
            Task::CollectThumbs => collect_thumbs(context).await,
            Task::Remind => {
                let reminded = remind(context).await?;
                self.times.reminders.fetch_add(reminded.len() as u64, Ordering::Relaxed);
                Ok(Vec::new())
            }
            Task::Redeliver => redeliver(context).await.map(|_| Vec::new()),
            Task::SweepTickets => sweep_tickets(context).await,
            Task::SweepSystems => {
                let results = check_systems(context).await?;
                self.reachability.note_sweep(&results);
                Ok(results.into_iter().filter_map(|result| result.opened).collect())
            }
            Task::WriteLog(file) => {
                self.write_log(file).await;
                Ok(Vec::new())
            }
            Task::Run(run) => Ok(start_run(context, run, due).await?.into_iter().collect()),
        }
    }
}

impl Task {
    /// A stable name, for logs and for the readiness check.
    pub fn name(&self) -> Cow<'static, str> {
        let name = match self {
            Task::Poll => "poll",
            Task::Redeliver => "redeliver",
            Task::SweepTickets => "sweep-tickets",
            Task::SweepSystems => "sweep-systems",
            Task::CheckRecurrences => "check-recurrences",
            Task::CollectThumbs => "collect-thumbs",
            Task::Remind => "remind",
            Task::WriteLog(_) => "operations-log",
            Task::Run(run) => return format!("schedule {}", run.name).into(),
        };
        Cow::Borrowed(name)
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Task::Poll => "poll",
            Task::Redeliver => "check for failed deliveries",
            Task::SweepTickets => "ticket sweep",
            Task::SweepSystems => "system sweep",
            Task::CheckRecurrences => "recurrence check",
            Task::CollectThumbs => "check for reactions",
            Task::Remind => "reminder check",
            Task::WriteLog(_) => "operations log",
            Task::Run(run) => return write!(f, "schedule {}", run.name),
        };
        f.write_str(name)
    }
}
