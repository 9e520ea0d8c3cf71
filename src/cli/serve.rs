//! `fieldmedic serve`: the daemon.

use crate::app;
use crate::app::inbox::DeliveryInbox;
use crate::app::{Application, RunMode};
use crate::cli::progress::Screen;
use crate::cli::{ExitStatus, LoadedConfig, eprint};
use crate::core::case::event::CaseId;
use crate::engine::{
    Context, Dispatcher, DueCheck, ScheduledTask, Shutdown, check_recurrences, check_systems, sweep_tickets,
};
use crate::engine::{poll, redeliver, remind};
use crate::web;
use clap::Args;
use miette::{IntoDiagnostic, Result, WrapErr};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

/// How often it is asked whether something that was mended is due for another look, and whether people
/// are to be reminded.
const WATCH: Duration = Duration::from_secs(60);

/// How often GitHub is asked what it could not tell the webhook.
const REDELIVER: Duration = Duration::from_secs(300);

/// How often a schedule is asked, whatever it said: clocks are set, and machines sleep.
const LOOK: Duration = Duration::from_secs(30);

/// The pause after something that was due.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub struct Arguments {
    /// Cases at work at once.
    #[arg(long, default_value_t = 8)]
    cases: usize,
}

pub async fn run(setting: &LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    let mut app = Application::build(setting, RunMode::Live).await?;
    app.context.observer = Arc::new(Screen::for_many(std::io::stderr()));
    let agent = app.context.clone();
    let stop = app::stop_on_signal();
    let config = &setting.config;
    let mut door = None;
    // All that can fail comes before the first case is driven.
    if let Some(webhook) = &config.webhook {
        let secrets = app::webhook_secrets(webhook)?;
        let listener = TcpListener::bind(webhook.listen).await.into_diagnostic().wrap_err_with(|| {
            format!("[webhook] cannot listen on {}: is another fieldmedic running?", webhook.listen)
        })?;
        eprint(&format!("· webhook on http://{}/webhook", listener.local_addr().into_diagnostic()?));
        door = Some((listener, secrets));
    }
    let dispatch = Dispatcher::start(agent.clone(), arguments.cases.max(1), stop.clone());
    let mut tasks = JoinSet::new();
    let doors = DeliveryInbox::new(agent.clone(), dispatch.waker());
    if let Some((listener, secrets)) = door {
        let router = doors.router(secrets);
        let stop = stop.clone();
        tasks.spawn(async move {
            if let Err(error) = web::serve(listener, router, async move { stop.requested().await }).await {
                tracing::error!(%error, "the webhook's server ended");
            }
        });
    }
    let stopped = stop.clone();
    tasks.spawn(async move { doors.work(&stopped).await });
    let round = |work: Task, when: Trigger| PeriodicTask {
        work,
        when,
        agent: agent.clone(),
        wake: dispatch.waker(),
        stop: stop.clone(),
    };
    tasks.spawn(round(Task::Poll, Trigger::Every(config.github.poll_interval)).run());
    tasks.spawn(round(Task::WatchOver, Trigger::Every(WATCH)).run());
    tasks.spawn(round(Task::Remind, Trigger::Every(WATCH)).run());
    if config.webhook.is_some() {
        tasks.spawn(round(Task::Redeliver, Trigger::Every(REDELIVER)).run());
    }
    for (work, name, rhythm) in [
        (Task::SweepTickets, "sweep tickets", config.sweep.tickets()),
        (Task::SweepSystems, "sweep systems", config.sweep.systems()),
    ] {
        let schedule = ScheduledTask { name, schedule: rhythm.into_diagnostic()? };
        tasks.spawn(round(work, Trigger::On(schedule)).run());
    }
    let systems: Vec<&str> = agent.inventory.systems.keys().map(|name| name.as_str()).collect();
    eprint(&format!("· looking after {}; Ctrl-C stops at a safe point", systems.join(", ")));
    while tasks.join_next().await.is_some() {}
    dispatch.finish().await;
    eprint("· stopped");
    Ok(ExitStatus::Done)
}

/// Something that is done again and again.
struct PeriodicTask {
    work: Task,
    when: Trigger,
    agent: Context,
    wake: UnboundedSender<CaseId>,
    stop: Shutdown,
}

enum Trigger {
    /// Once at the start, and then with so much time between.
    Every(Duration),
    /// At its times, which the journal remembers.
    On(ScheduledTask),
}

#[derive(Debug, Clone, Copy)]
enum Task {
    Poll,
    Redeliver,
    SweepTickets,
    SweepSystems,
    WatchOver,
    Remind,
}

impl PeriodicTask {
    /// Does it until the stop is pulled. A round that fails is told, and made again.
    async fn run(self) {
        while !self.stop.is_requested() {
            let pause = match &self.when {
                Trigger::Every(every) => {
                    self.run_once().await;
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
        let begun = self.agent.clock.now();
        let done = match schedule.check_due(&self.agent).await {
            Ok(DueCheck::Later(at)) => return (at - begun).to_std().unwrap_or_default().min(LOOK),
            Ok(DueCheck::Due { missed }) => {
                if let Some(at) = missed {
                    let at = at.format("%Y-%m-%d %H:%M UTC");
                    eprint(&format!(
                        "· {} was due at {at}, when nobody was there; it is made up for",
                        self.work
                    ));
                }
                if self.run_once().await { schedule.mark_done(&self.agent, begun).await } else { Ok(()) }
            }
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            tracing::warn!(%error, "the journal cannot be used; {} is tried again", self.work);
        }
        PAUSE
    }

    /// `false` if it failed.
    async fn run_once(&self) -> bool {
        let opened = match self.work {
            Task::Poll => poll(&self.agent).await,
            Task::WatchOver => check_recurrences(&self.agent).await,
            Task::Remind => remind(&self.agent).await.map(|_| Vec::new()),
            Task::Redeliver => redeliver(&self.agent).await.map(|_| Vec::new()),
            Task::SweepTickets => sweep_tickets(&self.agent).await,
            Task::SweepSystems => check_systems(&self.agent)
                .await
                .map(|swept| swept.into_iter().filter_map(|swept| swept.opened).collect()),
        };
        match opened {
            Ok(cases) => {
                cases.into_iter().for_each(|case| drop(self.wake.send(case)));
                true
            }
            Err(error) => {
                tracing::warn!(%error, "{} failed; it is tried again", self.work);
                false
            }
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Task::Poll => "the poll",
            Task::Redeliver => "the look into GitHub's log of deliveries",
            Task::Remind => "the round of reminders",
            Task::SweepTickets => "the sweep of tickets",
            Task::SweepSystems => "the sweep of systems",
            Task::WatchOver => "the watch over what was mended",
        })
    }
}
