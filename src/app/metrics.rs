//! The figures behind `/metrics`. What is about cases comes from the journal, so a restart changes nothing, and
//! every replica tells the same. A figure that cannot be had now is left out.

mod cases;

use crate::app::metrics::cases::{ReadCases, open_cases};
use crate::app::reachability::Reachability;
use crate::app::readiness::CURSOR;
use crate::app::tasks::TaskTimes;
use crate::core::policy::run_history::RunHistory;
use crate::engine::Context;
use crate::github::GitHub;
use crate::ports::{Counts, JournalError};
use crate::web::MetricKind::{Counter, Gauge};
use crate::web::{Metric, MetricSource, number};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// The journal has less time than that to answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// The figures of one process.
pub struct Metrics {
    /// The engine's context; a scrape writes a cursor to its journal, as a readiness check does.
    pub context: Context,
    /// What its last requests said is told. Nothing is asked.
    pub github: Arc<GitHub>,
    /// The times of every periodic task of the process.
    pub tasks: Vec<Arc<TaskTimes>>,
    /// What can be reached and read.
    pub reachability: Arc<Reachability>,
    /// What is known of open cases, so that each is read once after a change. Scrapes go one at a time.
    pub read: Mutex<ReadCases>,
}

impl Metrics {
    /// The figures of a process that has just started.
    pub fn new(
        context: Context,
        github: Arc<GitHub>,
        tasks: Vec<Arc<TaskTimes>>,
        reachability: Arc<Reachability>,
    ) -> Self {
        Self { context, github, tasks, reachability, read: Mutex::default() }
    }
}

#[async_trait]
impl MetricSource for Metrics {
    async fn collect(&self) -> Vec<Metric> {
        let mut read = self.read.lock().await;
        let mut metrics = self.of_process();
        let journal = async {
            let written = self.context.journal.set_cursor(&CURSOR, self.context.clock.now()).await;
            (written, self.of_journal(&mut read).await)
        };
        let writable = match tokio::time::timeout(DEADLINE, journal).await {
            Ok((written, of_journal)) => {
                match of_journal {
                    Ok(of_journal) => metrics.extend(of_journal),
                    Err(error) => tracing::warn!(%error, "the figures of the journal are left out"),
                }
                written.is_ok()
            }
            Err(_) => false,
        };
        let help = "Whether the journal can be written.";
        metrics.push(Metric::new(Gauge, "fieldmedic_journal_writable", help).with(&[], flag(writable)));
        metrics
    }
}

impl Metrics {
    /// What this process knows by itself.
    fn of_process(&self) -> Vec<Metric> {
        let gauge = |name, help| Metric::new(Gauge, name, help);
        let mut lost = gauge(
            "fieldmedic_system_unreachable",
            "Whether a system cannot be reached or its checks cannot be read.",
        );
        for system in self.context.inventory.systems.keys() {
            if let Some(is_lost) = self.reachability.is_lost(system) {
                lost = lost.with(&[("system", system.as_str())], flag(is_lost));
            }
        }
        let mut reachable = gauge(
            "fieldmedic_github_reachable",
            "Whether the last request found GitHub there and was let in.",
        );
        if let Some(is_reachable) = self.github.last_contact() {
            reachable = reachable.with(&[], flag(is_reachable));
        }
        let mut limit =
            gauge("fieldmedic_github_requests_limit", "Requests that GitHub allows within its period.");
        let mut remaining =
            gauge("fieldmedic_github_requests_remaining", "Requests that are left of the period.");
        let mut reset = gauge("fieldmedic_github_reset_timestamp_seconds", "When GitHub's period ends.");
        for (resource, budget) in self.github.budgets() {
            let labels = [("resource", resource.as_str())];
            limit = limit.with(&labels, number(budget.limit));
            remaining = remaining.with(&labels, number(budget.remaining));
            reset = reset.with(&labels, seconds(budget.reset));
        }
        let reminders = self.tasks.iter().map(|task| task.reminders()).sum();
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        vec![
            gauge("fieldmedic_build_info", "The version of the program.").with(&version, 1.0),
            lost,
            reachable,
            limit,
            remaining,
            reset,
            Metric::new(
                Counter,
                "fieldmedic_escalation_reminders_total",
                "Reminders of escalated tickets that nobody had taken, sent by this process.",
            )
            .with(&[], number(reminders)),
        ]
    }

    /// What the journal knows.
    async fn of_journal(&self, read: &mut ReadCases) -> Result<Vec<Metric>, JournalError> {
        let journal = &self.context.journal;
        let since = self.context.clock.now() - RunHistory::LOOKBACK;
        let counts = journal.statistics(since).await?;
        let paused = journal.pause_state().await?.is_some();
        let gauge = |name, help| Metric::new(Gauge, name, help);
        let mut last = gauge(
            "fieldmedic_task_last_success_timestamp_seconds",
            "When a periodic task succeeded last, here or in another process by the same schedule.",
        );
        let mut overdue = gauge("fieldmedic_task_overdue", "Whether a periodic task is overdue.");
        for task in &self.tasks {
            let name = task.task.name();
            let labels = [("task", &*name)];
            if let Some(at) = task.last_success(&self.context).await? {
                last = last.with(&labels, seconds(at));
            }
            let is_overdue = task.overdue_since(&self.context).await?.is_some();
            overdue = overdue.with(&labels, flag(is_overdue));
        }
        // The series without a channel is always there, so that a rule about all of them has something to look at.
        let mut waiting = gauge("fieldmedic_notices_waiting", "Notices that a channel has not sent yet.")
            .with(&[("channel", "")], 0.0);
        for (channel, count) in journal.waiting_notices().await? {
            waiting = waiting.with(&[("channel", channel.as_str())], number(count));
        }
        let mut metrics = vec![
            gauge("fieldmedic_paused", "Whether all changes are paused.").with(&[], flag(paused)),
            gauge("fieldmedic_inbox_deliveries", "Deliveries of the webhook that are not processed yet.")
                .with(&[], number(counts.deliveries)),
            waiting,
            last,
            overdue,
            runs(&counts),
            cases::disputes(&self.context, &counts),
            cases::ended(&self.context, &counts),
            cases::durations(&counts),
        ];
        metrics.push(open_cases(&self.context, &counts, read).await?);
        Ok(metrics)
    }
}

fn runs(counts: &Counts) -> Metric {
    let help = "Remediations that began in the last 7 days.";
    counts.runs.iter().fold(Metric::new(Gauge, "fieldmedic_remediations", help), |metric, count| {
        let result = match count.fixed {
            Some(true) => "fixed",
            Some(false) => "failed",
            None => "running",
        };
        metric.with(&[("playbook", count.playbook.as_str()), ("result", result)], number(count.runs))
    })
}

fn flag(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}

/// A moment as the format has it, to the second.
fn seconds(at: DateTime<Utc>) -> f64 {
    u64::try_from(at.timestamp()).map_or(f64::NAN, number)
}
