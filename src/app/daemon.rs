//! The daemon: webhook, periodic tasks, cases and health checks, from its start to its safe end.

use crate::app::inbox::DeliveryInbox;
use crate::app::reachability::{Reachability, WatchedShell};
use crate::app::readiness::Readiness;
use crate::app::settings::LoadedConfig;
use crate::app::signals::stop_on_signal;
use crate::app::tasks::{PeriodicTask, Task, TaskTimes, Trigger};
use crate::app::wiring::{Application, RunMode, webhook_secrets};
use crate::config::{Config, MonitorEntry};
use crate::engine::{Context, Dispatcher, Observer, ScheduledTask, Shutdown};
use crate::telemetry::announce::announce;
use crate::web::ReadinessCheck;
use crate::web::{self, ServerLimits};
use chrono::{DateTime, Utc};
use miette::{IntoDiagnostic, Result, WrapErr};
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// How often it is asked whether something that was fixed is due for another check, and whether people are to
/// be reminded.
const WATCH_INTERVAL: Duration = Duration::from_secs(60);

/// How often GitHub is asked for deliveries that failed.
const REDELIVERY_INTERVAL: Duration = Duration::from_secs(300);

/// Runs until Ctrl-C or SIGTERM; every case is at a safe point then. `cases` are worked at once; `observer`
/// sees them.
///
/// # Errors
/// If the application cannot be built, or the webhook's address cannot be used. Later trouble is logged, and
/// what met it is tried again.
pub async fn run(settings: &LoadedConfig, cases: usize, observer: Arc<dyn Observer>) -> Result<()> {
    let config = &settings.config;
    let Application { mut context, github } = Application::build(settings, RunMode::Live).await?;
    let reachability = Arc::new(Reachability::new(context.inventory.clone()));
    context.shell = Arc::new(WatchedShell::new(context.shell, reachability.clone()));
    context.observer = observer;
    let stop = stop_on_signal();
    // All that can fail comes before the first case is driven.
    let webhook = open_webhook(config).await?;
    let times = task_times(config, context.clock.now())?;
    let dispatcher = Dispatcher::start(context.clone(), cases.max(1), stop.clone());
    let mut running = JoinSet::new();
    if let Some(monitor) = &config.monitor {
        let readiness = Readiness { context: context.clone(), github, tasks: times.clone() };
        serve_health(&mut running, monitor, Arc::new(readiness), &stop).await;
    }
    let inbox = DeliveryInbox::new(context.clone(), dispatcher.waker());
    if let Some((listener, secrets)) = webhook {
        let router = inbox.router(secrets);
        let stop = stop.clone();
        running.spawn(async move {
            web::serve(listener, router, ServerLimits::default(), stop.requested()).await;
        });
    }
    let stopped = stop.clone();
    running.spawn(async move { inbox.work(&stopped).await });
    announce_systems(&context);
    for times in times {
        let task = PeriodicTask {
            times,
            context: context.clone(),
            reachability: reachability.clone(),
            case_opened: dispatcher.waker(),
            stop: stop.clone(),
        };
        running.spawn(task.run());
    }
    while running.join_next().await.is_some() {}
    dispatcher.finish().await;
    announce("stopped");
    Ok(())
}

async fn open_webhook(config: &Config) -> Result<Option<(TcpListener, Vec<SecretString>)>> {
    let Some(webhook) = &config.webhook else { return Ok(None) };
    let secrets = webhook_secrets(webhook)?;
    let listener = TcpListener::bind(webhook.listen).await.into_diagnostic().wrap_err_with(|| {
        format!("[webhook] cannot listen on {}: is another fieldmedic running?", webhook.listen)
    })?;
    announce(&format!("webhook on http://{}/webhook", listener.local_addr().into_diagnostic()?));
    Ok(Some((listener, secrets)))
}

/// Health checks are no reason not to work: a port that is taken is told, and the daemon goes on.
async fn serve_health(
    running: &mut JoinSet<()>,
    monitor: &MonitorEntry,
    checks: Arc<dyn ReadinessCheck>,
    stop: &Shutdown,
) {
    let listener = match TcpListener::bind(monitor.listen).await {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(
                %error,
                "[monitor] cannot listen on {}: there are no health checks; choose another port",
                monitor.listen
            );
            return;
        }
    };
    if let Ok(address) = listener.local_addr() {
        announce(&format!("health checks on http://{address}/healthz and /readyz"));
    }
    let stop = stop.clone();
    running.spawn(async move { web::serve_health(listener, checks, stop.requested()).await });
}

fn task_times(config: &Config, now: DateTime<Utc>) -> Result<Vec<Arc<TaskTimes>>> {
    let mut tasks = vec![
        (Task::Poll, Trigger::Every(config.github.poll_interval)),
        (Task::CheckRecurrences, Trigger::Every(WATCH_INTERVAL)),
        (Task::Remind, Trigger::Every(WATCH_INTERVAL)),
    ];
    if config.webhook.is_some() {
        tasks.push((Task::Redeliver, Trigger::Every(REDELIVERY_INTERVAL)));
    }
    for (task, name, schedule) in [
        (Task::SweepTickets, "sweep tickets", config.sweep.tickets()),
        (Task::SweepSystems, "sweep systems", config.sweep.systems()),
    ] {
        let schedule = schedule.into_diagnostic()?;
        tasks.push((task, Trigger::On(ScheduledTask { name, schedule })));
    }
    Ok(tasks.into_iter().map(|(task, trigger)| Arc::new(TaskTimes::new(task, trigger, now))).collect())
}

fn announce_systems(context: &Context) {
    let systems: Vec<&str> = context.inventory.systems.keys().map(|name| name.as_str()).collect();
    announce(&format!("managing {}; Ctrl-C stops at a safe point", systems.join(", ")));
}
