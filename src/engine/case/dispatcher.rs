//! Dispatch: many cases side by side, each driven by one task.

use crate::core::ids::CaseId;
use crate::engine::case::driver::run_case;
use crate::engine::case::writer::CaseError;
use crate::engine::context::Context;
use crate::engine::shutdown::Shutdown;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{Id, JoinHandle, JoinSet};

/// The pause before a case is tried again that the journal stopped; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

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
    pub fn start(context: Context, limit: usize, stop: Shutdown) -> Self {
        let (wake, woken) = mpsc::unbounded_channel();
        let workers = Workers { context, limit: Arc::new(Semaphore::new(limit)), stop };
        Self { wake, task: tokio::spawn(run(workers, woken)) }
    }

    /// A sender for those who open cases.
    pub fn waker(&self) -> mpsc::UnboundedSender<CaseId> {
        self.wake.clone()
    }

    /// Waits until a shutdown was requested and every case stands at a safe point.
    pub async fn finish(self) {
        drop(self.wake);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the dispatcher broke");
        }
    }
}

/// What the tasks of all cases share.
#[derive(Clone)]
struct Workers {
    context: Context,
    /// One permit for each case that is worked at a time.
    limit: Arc<Semaphore>,
    stop: Shutdown,
}

async fn run(workers: Workers, mut woken: mpsc::UnboundedReceiver<CaseId>) {
    let mut at_work: BTreeMap<Id, CaseId> = BTreeMap::new();
    let mut tasks: JoinSet<()> = JoinSet::new();
    let mut rescan = tokio::time::interval(DISPATCH_INTERVAL);
    loop {
        let mut found = Vec::new();
        tokio::select! {
            biased;
            () = workers.stop.requested() => break,
            Some(case) = woken.recv() => found.push(case),
            // Whoever opened a case may have failed before it could wake it, and another process may
            // have let go of one: the journal knows them all.
            _ = rescan.tick() => match workers.context.journal.open_cases().await {
                Ok(cases) => found = cases,
                Err(error) => tracing::error!(%error, "the open cases cannot be listed; trying again"),
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
            let is_at_work = at_work.values().any(|other| *other == case);
            if !is_at_work && !workers.context.set_aside.holds(&case) {
                at_work.insert(tasks.spawn(work(workers.clone(), case.clone())).id(), case);
            }
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// Works one case until it rests, ends or is set aside. While it waits for the journal, the place is free
/// for others.
async fn work(workers: Workers, case: CaseId) {
    let Workers { context, limit, stop } = workers;
    let mut pause = FIRST_PAUSE;
    while !stop.is_requested() {
        let result = {
            let Ok(_place) = limit.acquire().await else { return };
            run_case(&context, &case, &stop).await
        };
        match result {
            Ok(_) | Err(CaseError::Claimed) => return,
            Err(error) if error.is_permanent() => return context.set_aside.add(&case, &error),
            Err(error) => {
                tracing::error!(%case, %error, ?pause, "nothing is done without the journal; trying again");
                tokio::select! {
                    biased;
                    () = tokio::time::sleep(pause) => {}
                    () = stop.requested() => {}
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}
