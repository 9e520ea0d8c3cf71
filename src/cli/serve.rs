//! `fieldmedic serve`: the daemon.

use super::{Ending, Setting, screen::Screen, tell};
use crate::app::{self, App, Manner};
use crate::core::event::CaseId;
use crate::doors::Doors;
use crate::engine::{
    Agent, Dispatch, Schedule, Stop, Turn, poll, redeliver, remind, sweep_systems, sweep_tickets, watch_over,
};
use crate::web;
use clap::Args;
use miette::{IntoDiagnostic, Result, WrapErr};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

/// How often it is asked whether something that was mended is due for another look, and whether people are to be reminded.
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

pub async fn run(setting: &Setting, arguments: Arguments) -> Result<Ending> {
    let mut app = App::build(setting, Manner::Work).await?;
    app.agent.watch = Arc::new(Screen::for_many(std::io::stderr()));
    let agent = app.agent.clone();
    let stop = app::stop_on_signal();
    let config = &setting.config;
    let mut door = None;
    // All that can fail comes before the first case is driven.
    if let Some(webhook) = &config.webhook {
        let secrets = app::webhook_secrets(webhook)?;
        let listener = TcpListener::bind(webhook.listen).await.into_diagnostic().wrap_err_with(|| {
            format!("[webhook] cannot listen on {}: is another fieldmedic running?", webhook.listen)
        })?;
        tell(&format!("· webhook on http://{}/webhook", listener.local_addr().into_diagnostic()?));
        door = Some((listener, secrets));
    }
    let dispatch = Dispatch::start(agent.clone(), arguments.cases.max(1), stop.clone());
    let mut tasks = JoinSet::new();
    let doors = Doors::new(agent.clone(), dispatch.waker());
    if let Some((listener, secrets)) = door {
        let router = doors.router(secrets);
        let stop = stop.clone();
        tasks.spawn(async move {
            if let Err(error) = web::serve(listener, router, async move { stop.pulled().await }).await {
                tracing::error!(%error, "the webhook's server ended");
            }
        });
    }
    let stopped = stop.clone();
    tasks.spawn(async move { doors.work(&stopped).await });
    let round = |work: Work, when: When| Round {
        work,
        when,
        agent: agent.clone(),
        wake: dispatch.waker(),
        stop: stop.clone(),
    };
    tasks.spawn(round(Work::Poll, When::Every(config.github.poll)).run());
    tasks.spawn(round(Work::WatchOver, When::Every(WATCH)).run());
    tasks.spawn(round(Work::Remind, When::Every(WATCH)).run());
    if config.webhook.is_some() {
        tasks.spawn(round(Work::Redeliver, When::Every(REDELIVER)).run());
    }
    for (work, name, rhythm) in [
        (Work::SweepTickets, "sweep tickets", config.sweep.tickets()),
        (Work::SweepSystems, "sweep systems", config.sweep.systems()),
    ] {
        let schedule = Schedule { name, rhythm: rhythm.into_diagnostic()? };
        tasks.spawn(round(work, When::On(schedule)).run());
    }
    let systems: Vec<&str> = agent.inventory.systems.keys().map(|name| name.as_str()).collect();
    tell(&format!("· looking after {}; Ctrl-C stops at a safe point", systems.join(", ")));
    while tasks.join_next().await.is_some() {}
    dispatch.finish().await;
    tell("· stopped");
    Ok(Ending::Done)
}

/// Something that is done again and again.
struct Round {
    work: Work,
    when: When,
    agent: Agent,
    wake: UnboundedSender<CaseId>,
    stop: Stop,
}

enum When {
    /// Once at the start, and then with so much time between.
    Every(Duration),
    /// At its times, which the journal remembers.
    On(Schedule),
}

#[derive(Debug, Clone, Copy)]
enum Work {
    Poll,
    Redeliver,
    SweepTickets,
    SweepSystems,
    WatchOver,
    Remind,
}

impl Round {
    /// Does it until the stop is pulled. A round that fails is told, and made again.
    async fn run(self) {
        while !self.stop.is_pulled() {
            let pause = match &self.when {
                When::Every(every) => {
                    self.make().await;
                    *every
                }
                When::On(schedule) => self.keep_to(schedule).await,
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.pulled() => {}
            }
        }
    }

    /// Does it if it is due. Gives the time until it is asked again.
    async fn keep_to(&self, schedule: &Schedule) -> Duration {
        let begun = self.agent.clock.now();
        let done = match schedule.turn(&self.agent).await {
            Ok(Turn::Later(at)) => return (at - begun).to_std().unwrap_or_default().min(LOOK),
            Ok(Turn::Due { missed }) => {
                if let Some(at) = missed {
                    let at = at.format("%Y-%m-%d %H:%M UTC");
                    tell(&format!(
                        "· {} was due at {at}, when nobody was there; it is made up for",
                        self.work
                    ));
                }
                if self.make().await { schedule.done(&self.agent, begun).await } else { Ok(()) }
            }
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            tracing::warn!(%error, "the journal cannot be used; {} is tried again", self.work);
        }
        PAUSE
    }

    /// `false` if it failed.
    async fn make(&self) -> bool {
        let opened = match self.work {
            Work::Poll => poll(&self.agent).await,
            Work::WatchOver => watch_over(&self.agent).await,
            Work::Remind => remind(&self.agent).await.map(|_| Vec::new()),
            Work::Redeliver => redeliver(&self.agent).await.map(|_| Vec::new()),
            Work::SweepTickets => sweep_tickets(&self.agent).await,
            Work::SweepSystems => sweep_systems(&self.agent)
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

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Work::Poll => "the poll",
            Work::Redeliver => "the look into GitHub's log of deliveries",
            Work::Remind => "the round of reminders",
            Work::SweepTickets => "the sweep of tickets",
            Work::SweepSystems => "the sweep of systems",
            Work::WatchOver => "the watch over what was mended",
        })
    }
}
