//! `fieldmedic serve`: the daemon.

use super::{Ending, Setting, screen::Screen, tell};
use crate::app::{self, App, Manner};
use crate::core::event::CaseId;
use crate::doors::Doors;
use crate::engine::{Agent, Dispatch, Stop, poll, remind, sweep_systems, sweep_tickets, watch_over};
use crate::web;
use clap::Args;
use miette::{IntoDiagnostic, Result, WrapErr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

/// How often it is asked whether something that was mended is due for another look, and whether people are to be reminded.
const WATCH: Duration = Duration::from_secs(60);

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
        let secret = app::webhook_secret(webhook)?;
        let listener = TcpListener::bind(webhook.listen).await.into_diagnostic().wrap_err_with(|| {
            format!("[webhook] cannot listen on {}: is another fieldmedic running?", webhook.listen)
        })?;
        tell(&format!("· webhook on http://{}/webhook", listener.local_addr().into_diagnostic()?));
        door = Some((listener, secret));
    }
    let dispatch = Dispatch::start(agent.clone(), arguments.cases.max(1), stop.clone());
    let mut tasks = JoinSet::new();
    if let Some((listener, secret)) = door {
        let router = Doors { agent: agent.clone(), wake: dispatch.waker() }.router([secret]);
        let stop = stop.clone();
        tasks.spawn(async move {
            if let Err(error) = web::serve(listener, router, async move { stop.pulled().await }).await {
                tracing::error!(%error, "the webhook's server ended");
            }
        });
    }
    let round = |name: &'static str, every: Duration| Round {
        name,
        every,
        agent: agent.clone(),
        wake: dispatch.waker(),
        stop: stop.clone(),
    };
    tasks.spawn(round("poll", config.github.poll).run(Work::Poll));
    tasks.spawn(round("sweep of tickets", config.sweep.tickets).run(Work::SweepTickets));
    tasks.spawn(round("sweep of systems", config.sweep.systems).run(Work::SweepSystems));
    tasks.spawn(round("watch over what was mended", WATCH).run(Work::WatchOver));
    tasks.spawn(round("reminders", WATCH).run(Work::Remind));
    let systems: Vec<&str> = agent.inventory.systems.keys().map(|name| name.as_str()).collect();
    tell(&format!("· looking after {}; Ctrl-C stops at a safe point", systems.join(", ")));
    while tasks.join_next().await.is_some() {}
    dispatch.finish().await;
    tell("· stopped");
    Ok(Ending::Done)
}

/// Something that is done again and again.
struct Round {
    name: &'static str,
    every: Duration,
    agent: Agent,
    wake: UnboundedSender<CaseId>,
    stop: Stop,
}

#[derive(Debug, Clone, Copy)]
enum Work {
    Poll,
    SweepTickets,
    SweepSystems,
    WatchOver,
    Remind,
}

impl Round {
    /// Does it until the stop is pulled. A round that fails is told, and the next one tries again.
    async fn run(self, work: Work) {
        while !self.stop.is_pulled() {
            let opened = match work {
                Work::Poll => poll(&self.agent).await,
                Work::WatchOver => watch_over(&self.agent).await,
                Work::Remind => remind(&self.agent).await.map(|_| Vec::new()),
                Work::SweepTickets => sweep_tickets(&self.agent).await,
                Work::SweepSystems => sweep_systems(&self.agent)
                    .await
                    .map(|swept| swept.into_iter().filter_map(|swept| swept.opened).collect()),
            };
            match opened {
                Ok(cases) => cases.into_iter().for_each(|case| {
                    let _ = self.wake.send(case);
                }),
                Err(error) => {
                    tracing::warn!(%error, "the {} failed; it is tried again in {:?}", self.name, self.every)
                }
            }
            tokio::select! {
                () = tokio::time::sleep(self.every) => {}
                () = self.stop.pulled() => {}
            }
        }
    }
}
