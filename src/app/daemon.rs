//! The daemon: webhook, periodic tasks, cases and health checks, from its start to its safe end.

use crate::app::alerts::alert_router;
use crate::app::dashboard::site;
use crate::app::heartbeat::Heartbeat;
use crate::app::inbox::DeliveryInbox;
use crate::app::listeners::Listeners;
use crate::app::metrics::Metrics;
use crate::app::notices::{Telling, notice_channels, notice_rules};
use crate::app::operations_log::OperationsLogFile;
use crate::app::reachability::{Reachability, WatchedShell};
use crate::app::readiness::Readiness;
use crate::app::settings::{LoadedConfig, read_config};
use crate::app::signals::stop_on_signal;
use crate::app::supervisor::Supervisor;
use crate::app::tasks::{PeriodicTask, Task, TaskTimes, Trigger};
use crate::app::traces::{Collector, TraceExporter};
use crate::app::wiring::{Application, RunMode, alert_sources, embedding_reader, webhook_secrets};
use crate::config::Config;
use crate::core::case::scheduled_run::ScheduledRun;
use crate::engine::{Context, Dispatcher, Observer, ScheduledTask, Shutdown};
use crate::store::worker_name;
use crate::telemetry::announce::{announce, fail};
use crate::web::{self, ReadinessCheck, ServerLimits, Sessions};
use chrono::{DateTime, Utc};
use miette::{IntoDiagnostic, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How often it is asked whether something that was fixed is due for another check, and whether people are to
/// be reminded.
const WATCH_INTERVAL: Duration = Duration::from_secs(60);

/// How often GitHub is asked for reactions to questions that reporters were asked: one or two requests a question.
const THUMBS_INTERVAL: Duration = Duration::from_secs(300);

/// How often GitHub is asked for deliveries that failed.
const REDELIVERY_INTERVAL: Duration = Duration::from_secs(300);

/// Runs until Ctrl-C or SIGTERM; every case is at a safe point then. SIGHUP reloads the configuration and the
/// playbooks. `cases` are worked at once; `observer` sees them. systemd is told of all this, if it started the
/// process.
///
/// # Errors
/// If the application cannot be built, or the webhook's address cannot be used. Later trouble is logged, and
/// what met it is tried again.
pub async fn run(mut settings: LoadedConfig, cases: usize, observer: Arc<dyn Observer>) -> Result<()> {
    let stop = stop_on_signal();
    let mut hangups = signal(SignalKind::hangup()).into_diagnostic()?;
    let mut supervisor = Supervisor::from_environment();
    let mut number = 0;
    let start = Start { cases: cases.max(1), observer, sessions: Arc::default() };
    // All that can fail comes before the first case is driven.
    let mut generation = start.generation(&settings, number, Listeners::default()).await?;
    let mut ending = JoinSet::new();
    supervisor.ready(&counted(generation.systems, "system"));
    loop {
        tokio::select! {
            biased;
            () = stop.requested() => break,
            Some(()) = hangups.recv() => {}
            () = supervisor.pass_on_sign_of_life(generation.status()) => continue,
        }
        supervisor.reloading();
        number += 1;
        match reload(&start, &settings, number, &generation.listeners).await {
            Ok((read, next)) => {
                settings = read;
                // Its cases go on to their next safe point, where the next generation takes them over.
                ending.spawn(std::mem::replace(&mut generation, next).end());
                announce(&format!("configuration and playbooks reloaded from {}", settings.path.display()));
            }
            Err(error) => fail(&error.wrap_err("not reloaded; the configuration of before stays in force")),
        }
        supervisor.ready(&counted(generation.systems, "system"));
    }
    supervisor.stopping();
    generation.end().await;
    while ending.join_next().await.is_some() {}
    announce("stopped");
    Ok(())
}

/// Reads everything anew, and starts the next generation if all of it can be used.
async fn reload(
    start: &Start,
    settings: &LoadedConfig,
    number: u32,
    listeners: &Listeners,
) -> Result<(LoadedConfig, Generation)> {
    let read = read_config(Some(settings.path.clone()))?;
    let next = start.generation(&read, number, listeners.share().into_diagnostic()?).await?;
    Ok((read, next))
}

/// What all generations have in common.
struct Start {
    cases: usize,
    observer: Arc<dyn Observer>,
    /// Nobody has to log in again because the configuration was reloaded.
    sessions: Arc<Sessions>,
}

/// Everything that works by one reading of the configuration.
struct Generation {
    /// How many systems it manages.
    systems: usize,
    dispatcher: Dispatcher,
    tasks: JoinSet<()>,
    listeners: Listeners,
    stop: watch::Sender<bool>,
}

impl Start {
    /// Starts a generation. It takes over the sockets of the one before, if their addresses are the same, so that
    /// no delivery is refused meanwhile.
    async fn generation(
        &self,
        settings: &LoadedConfig,
        number: u32,
        before: Listeners,
    ) -> Result<Generation> {
        let config = &settings.config;
        let Application { mut context, github, schedules } =
            Application::build(settings, RunMode::Live).await?;
        // It learns in the background, for which a command that works one ticket has no time.
        if let Some(reader) = embedding_reader(config)? {
            context.reader = Arc::new(reader);
        }
        // Each generation claims cases for itself, so that no two work on one.
        context.worker = worker_name(number);
        let reachability = Arc::new(Reachability::new(context.inventory.clone()));
        context.shell = Arc::new(WatchedShell::new(context.shell, reachability.clone()));
        context.observer = self.observer.clone();
        let secrets = config.webhook.as_ref().map(webhook_secrets).transpose()?;
        let alerts = alert_sources(config)?;
        let channels = notice_channels(config)?;
        let listeners = before.open(config).await?;
        let times = task_times(config, schedules, context.clock.now())?;

        let readiness: Arc<dyn ReadinessCheck> =
            Arc::new(Readiness { context: context.clone(), github: github.clone(), tasks: times.clone() });
        let heartbeat = config.heartbeat.as_ref();
        let heartbeat = heartbeat
            .map(|entry| Heartbeat::new(entry, readiness.clone(), context.redactor.clone()))
            .transpose()?;

        let collector = config.traces.as_ref().map(Collector::new).transpose()?;

        let (stop, pull) = Shutdown::new();
        let dispatcher = Dispatcher::start(context.clone(), self.cases, stop.clone());
        let mut tasks = JoinSet::new();
        if let Some(listener) = Listeners::accepting(listeners.monitor.as_ref()) {
            let readiness = readiness.clone();
            let metrics =
                Arc::new(Metrics::new(context.clone(), github, times.clone(), reachability.clone()));
            let stop = stop.clone();
            tasks.spawn(async move {
                web::serve_health(listener, readiness, metrics, stop.requested()).await;
            });
        }
        if let Some(opened) = &listeners.dashboard
            && let Some(site) = site(&context, &dispatcher, config, opened.address(), &self.sessions)?
            && let Some(listener) = Listeners::accepting(Some(opened))
        {
            let stop = stop.clone();
            tasks.spawn(async move { web::serve_dashboard(listener, site, stop.requested()).await });
        }
        let inbox = DeliveryInbox::new(context.clone(), dispatcher.waker());
        if let (Some(listener), Some(secrets)) = (Listeners::accepting(listeners.webhook.as_ref()), secrets) {
            let router = inbox.router(secrets).merge(alert_router(&inbox, alerts));
            let stop = stop.clone();
            tasks.spawn(async move {
                web::serve(listener, router, ServerLimits::default(), stop.requested()).await;
            });
        }
        let stopped = stop.clone();
        tasks.spawn(async move { inbox.work(&stopped).await });
        if let Some(heartbeat) = heartbeat {
            tasks.spawn(heartbeat.run(stop.clone()));
        }
        if let Some(collector) = collector {
            tasks.spawn(TraceExporter::new(collector, context.clone()).run(stop.clone()));
        }
        let telling = Telling {
            context: context.clone(),
            rules: notice_rules(config),
            channels,
            reachability: reachability.clone(),
            readiness,
        };
        telling.start(&mut tasks, &stop);
        announce_systems(&context);
        for times in times {
            let task = PeriodicTask {
                times,
                context: context.clone(),
                reachability: reachability.clone(),
                case_opened: dispatcher.waker(),
                stop: stop.clone(),
            };
            tasks.spawn(task.run());
        }
        let systems = context.inventory.systems.len();
        Ok(Generation { systems, dispatcher, tasks, listeners, stop: pull })
    }
}

impl Generation {
    /// What it does now, in words. The dispatcher answers, so that this is a sign of life: all cases wait for it.
    /// The periodic tasks are not asked. They wait for GitHub and for hosts, and a restart would not help them;
    /// `/readyz` tells if they are late.
    async fn status(&self) -> String {
        let cases = self.dispatcher.cases_at_work().await;
        format!("{}, {} at work", counted(self.systems, "system"), counted(cases, "case"))
    }

    /// Ends it: nothing new is begun, and every case goes to its next safe point.
    async fn end(mut self) {
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
        self.dispatcher.finish().await;
    }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn task_times(
    config: &Config,
    schedules: Vec<ScheduledRun>,
    now: DateTime<Utc>,
) -> Result<Vec<Arc<TaskTimes>>> {
    let mut tasks = vec![
        (Task::Poll, Trigger::Every(config.github.poll_interval)),
        (Task::CheckRecurrences, Trigger::Every(WATCH_INTERVAL)),
        (Task::CollectThumbs, Trigger::Every(THUMBS_INTERVAL)),
        (Task::Remind, Trigger::Every(WATCH_INTERVAL)),
    ];
    if let Some(entry) = &config.operations_log {
        let file = OperationsLogFile { path: entry.path.clone(), retention: entry.retention() };
        tasks.push((Task::WriteLog(Arc::new(file)), Trigger::Every(WATCH_INTERVAL)));
    }
    if config.webhook.is_some() {
        tasks.push((Task::Redeliver, Trigger::Every(REDELIVERY_INTERVAL)));
    }
    for (task, name, schedule) in [
        (Task::SweepTickets, "sweep tickets", config.sweep.tickets()),
        (Task::SweepSystems, "sweep systems", config.sweep.systems()),
    ] {
        let schedule = schedule.into_diagnostic()?;
        tasks.push((task, Trigger::On(ScheduledTask { name: name.into(), schedule })));
    }
    for run in schedules {
        let schedule = run.schedule.clone();
        let task = Task::Run(Arc::new(run));
        let name = task.name();
        tasks.push((task, Trigger::On(ScheduledTask { name, schedule })));
    }
    Ok(tasks.into_iter().map(|(task, trigger)| Arc::new(TaskTimes::new(task, trigger, now))).collect())
}

fn announce_systems(context: &Context) {
    let systems: Vec<&str> = context.inventory.systems.keys().map(|name| name.as_str()).collect();
    announce(&format!(
        "managing {}; Ctrl-C stops at a safe point, SIGHUP reloads the configuration",
        systems.join(", ")
    ));
}
