//! Dispatch: many cases side by side, each driven by one task.

use crate::core::case::event::CaseId;
use crate::engine::Context;
use crate::engine::case::driver::{CaseError, Shutdown, run_case};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{Id, JoinHandle, JoinSet};

/// The pause before a case is tried again that the journal stopped.
const PAUSE: Duration = Duration::from_secs(5);

/// How often the journal is asked for open cases that nobody works on.
const DISPATCH_INTERVAL: Duration = Duration::from_secs(5);

/// A handle on the cases at work.
#[derive(Debug)]
pub struct Dispatcher {
    wake: mpsc::UnboundedSender<CaseId>,
    task: JoinHandle<()>,
}

impl Dispatcher {
    /// Starts to drive cases, at most `limit` at once: those that are open in the journal, and those
    /// that are woken.
    pub fn start(agent: Context, limit: usize, stop: Shutdown) -> Self {
        let (wake, woken) = mpsc::unbounded_channel();
        let limit = Arc::new(Semaphore::new(limit));
        Self { wake, task: tokio::spawn(run(agent, limit, stop, woken)) }
    }

    /// A sender for those who open cases.
    pub fn waker(&self) -> mpsc::UnboundedSender<CaseId> {
        self.wake.clone()
    }

    /// Waits until the stop was pulled and every case stands at a safe point.
    pub async fn finish(self) {
        drop(self.wake);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the dispatcher broke");
        }
    }
}

async fn run(
    agent: Context,
    limit: Arc<Semaphore>,
    stop: Shutdown,
    mut woken: mpsc::UnboundedReceiver<CaseId>,
) {
    let mut at_work: BTreeMap<Id, CaseId> = BTreeMap::new();
    let mut tasks: JoinSet<()> = JoinSet::new();
    let mut rescan = tokio::time::interval(DISPATCH_INTERVAL);
    loop {
        let mut found = Vec::new();
        tokio::select! {
            biased;
            () = stop.requested() => break,
            Some(case) = woken.recv() => found.push(case),
            // Whoever opened a case may have failed before it could wake it, and another process may
            // have let go of one: the journal knows them all.
            _ = rescan.tick() => match agent.journal.open_cases().await {
                Ok(cases) => found = cases,
                Err(error) => tracing::error!(%error, "the journal cannot be read; trying again"),
            },
            Some(done) = tasks.join_next_with_id() => match done {
                Ok((id, ())) => drop(at_work.remove(&id)),
                Err(error) => {
                    tracing::error!(%error, "a case's task broke; it is begun again from its journal");
                    at_work.remove(&error.id());
                }
            },
        }
        for case in found {
            if !at_work.values().any(|other| *other == case) {
                let work = drive_to_end(agent.clone(), Arc::clone(&limit), stop.clone(), case.clone());
                at_work.insert(tasks.spawn(work).id(), case);
            }
        }
    }
    while tasks.join_next().await.is_some() {}
}

async fn drive_to_end(agent: Context, limit: Arc<Semaphore>, stop: Shutdown, case: CaseId) {
    let Ok(_place) = limit.acquire().await else { return };
    while !stop.is_requested() {
        match run_case(&agent, &case, &stop).await {
            Ok(_) => break,
            Err(CaseError::Claimed) => break,
            Err(CaseError::Invalid(error)) => {
                tracing::error!(%case, %error, "this case's journal makes no sense; a person must look at it");
                break;
            }
            Err(CaseError::Journal(error)) => {
                tracing::error!(%case, %error, "nothing is done without the journal; trying again");
                tokio::select! {
                    biased;
                    () = tokio::time::sleep(PAUSE) => {}
                    () = stop.requested() => {}
                }
            }
        }
    }
}
