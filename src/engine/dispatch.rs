//! Dispatch: many cases side by side, each driven by one task.

use super::Agent;
use super::drive::{DriveError, Stop, drive};
use crate::core::event::CaseId;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};

/// The pause before a case is tried again that the journal stopped.
const PAUSE: Duration = Duration::from_secs(5);

/// A handle on the cases at work.
#[derive(Debug)]
pub struct Dispatch {
    wake: mpsc::UnboundedSender<CaseId>,
    task: JoinHandle<()>,
}

impl Dispatch {
    /// Starts to drive cases, at most `limit` at once. Those that are open in the journal come first.
    pub async fn start(agent: Agent, limit: usize, stop: Stop) -> Result<Self, DriveError> {
        let (wake, woken) = mpsc::unbounded_channel();
        for case in agent.journal.open_cases().await? {
            let _ = wake.send(case);
        }
        let limit = Arc::new(Semaphore::new(limit));
        Ok(Self { wake, task: tokio::spawn(run(agent, limit, stop, woken)) })
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

async fn run(agent: Agent, limit: Arc<Semaphore>, stop: Stop, mut woken: mpsc::UnboundedReceiver<CaseId>) {
    let mut at_work: BTreeSet<CaseId> = BTreeSet::new();
    let mut tasks: JoinSet<CaseId> = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.pulled() => break,
            Some(case) = woken.recv() => {
                if at_work.insert(case.clone()) {
                    tasks.spawn(drive_to_end(agent.clone(), Arc::clone(&limit), stop.clone(), case));
                }
            }
            Some(done) = tasks.join_next() => match done {
                Ok(case) => {
                    at_work.remove(&case);
                }
                Err(error) => tracing::error!(%error, "a case's task broke; a restart goes on with it"),
            },
            else => break,
        }
    }
    while tasks.join_next().await.is_some() {}
}

async fn drive_to_end(agent: Agent, limit: Arc<Semaphore>, stop: Stop, case: CaseId) -> CaseId {
    let Ok(_place) = limit.acquire().await else { return case };
    while !stop.is_pulled() {
        match drive(&agent, &case, &stop).await {
            Ok(_) => break,
            Err(DriveError::Claimed) => break,
            Err(DriveError::History(error)) => {
                tracing::error!(%case, %error, "this case's journal makes no sense; a person must look at it");
                break;
            }
            Err(DriveError::Journal(error)) => {
                tracing::error!(%case, %error, "nothing is done without the journal; trying again");
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    () = stop.pulled() => {}
                }
            }
        }
    }
    case
}
