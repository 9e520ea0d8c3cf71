//! Dispatch: many cases side by side, each driven by one task.

use crate::core::ids::CaseId;
use crate::engine::case::driver::run_case;
use crate::engine::case::places::Places;
use crate::engine::case::writer::CaseError;
use crate::engine::context::Context;
use crate::engine::shutdown::Shutdown;
use crate::ports::{DueCases, JournalError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{Id, JoinHandle, JoinSet};
use tokio::time::Instant;

/// The pause before a case is tried again that the journal stopped; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How often the journal is asked for cases that are due: another process may have let go of one, or signalled to one.
const SCAN_INTERVAL: Duration = Duration::from_secs(5);

/// The pause before the journal is asked again after a case was let go of; many may be at the same time.
const SCAN_PAUSE: Duration = Duration::from_millis(20);

/// A handle on the cases at work.
#[derive(Debug)]
pub struct Dispatcher {
    wake: mpsc::UnboundedSender<CaseId>,
    ask: mpsc::Sender<oneshot::Sender<usize>>,
    task: JoinHandle<()>,
}

impl Dispatcher {
    /// Starts to drive cases, at most `limit` at once: all that have not ended, then those that are due, and those that
    /// are woken.
    pub fn start(mut context: Context, limit: usize, stop: Shutdown) -> Self {
        let (wake, woken) = mpsc::unbounded_channel();
        let (ask, asked) = mpsc::channel(1);
        context.places = Arc::new(Places::new(limit));
        Self { wake, ask, task: tokio::spawn(run(Workers { context, stop }, woken, asked)) }
    }

    /// A sender for those who open cases.
    pub fn waker(&self) -> mpsc::UnboundedSender<CaseId> {
        self.wake.clone()
    }

    /// The number of cases at work. The dispatcher itself answers as soon as it comes round, so an answer shows that
    /// it works; it never comes from one that hangs or has ended.
    pub async fn cases_at_work(&self) -> usize {
        let (answer, answered) = oneshot::channel();
        if self.ask.send(answer).await.is_ok()
            && let Ok(cases) = answered.await
        {
            return cases;
        }
        std::future::pending().await
    }

    /// Waits until a shutdown was requested and every case stands at a safe point.
    pub async fn finish(self) {
        drop((self.wake, self.ask));
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the dispatcher broke");
        }
    }
}

/// What the tasks of all cases share.
#[derive(Clone)]
struct Workers {
    context: Context,
    stop: Shutdown,
}

async fn run(
    workers: Workers,
    mut woken: mpsc::UnboundedReceiver<CaseId>,
    mut asked: mpsc::Receiver<oneshot::Sender<usize>>,
) {
    let mut tasks: JoinSet<()> = JoinSet::new();
    let mut at_work: BTreeMap<Id, CaseId> = BTreeMap::new();
    let mut cases: BTreeSet<CaseId> = BTreeSet::new();
    // What a configuration of before put off may be allowed by this one, so every case is looked at once.
    let mut is_first = true;
    let mut next_scan = Instant::now();
    loop {
        let mut found = Vec::new();
        tokio::select! {
            biased;
            () = workers.stop.requested() => break,
            Some(case) = woken.recv() => found.push(case),
            Some(answer) = asked.recv() => drop(answer.send(cases.len())),
            Some(done) = tasks.join_next_with_id() => {
                let id = match done {
                    Ok((id, ())) => {
                        // A signal may have come after its last decision.
                        next_scan = next_scan.min(Instant::now() + SCAN_PAUSE);
                        id
                    }
                    // What broke by itself may break again, so it is begun again no sooner than by the next scan.
                    Err(error) => {
                        tracing::error!(%error, "a case's task broke; it is begun again from its journal");
                        error.id()
                    }
                };
                if let Some(case) = at_work.remove(&id) {
                    cases.remove(&case);
                }
            }
            () = tokio::time::sleep_until(next_scan) => {
                next_scan = Instant::now() + SCAN_INTERVAL;
                match workers.scan(is_first).await {
                    Ok(due) => {
                        is_first = false;
                        found = due.cases;
                        let wait = due.next_at.map(|at| at - workers.context.clock.now());
                        let wait = wait.map(|wait| wait.to_std().unwrap_or_default());
                        next_scan = Instant::now() + wait.map_or(SCAN_INTERVAL, |wait| wait.min(SCAN_INTERVAL));
                    }
                    Err(error) => tracing::error!(%error, "the open cases cannot be listed; trying again"),
                }
            }
        }
        for case in found {
            if !cases.contains(&case) && !workers.context.set_aside.holds(&case) {
                at_work.insert(tasks.spawn(work(workers.clone(), case.clone())).id(), case.clone());
                cases.insert(case);
            }
        }
    }
    while tasks.join_next().await.is_some() {}
}

impl Workers {
    /// The cases to look at now.
    async fn scan(&self, is_first: bool) -> Result<DueCases, JournalError> {
        let Context { journal, worker, clock, .. } = &self.context;
        let due = journal.due_cases(worker, clock.now()).await?;
        match is_first {
            true => Ok(DueCases { cases: journal.open_cases().await?, ..due }),
            false => Ok(due),
        }
    }
}

/// Works one case until it is parked, ends or is set aside.
async fn work(workers: Workers, case: CaseId) {
    let Workers { context, stop } = workers;
    let mut pause = FIRST_PAUSE;
    while !stop.is_requested() {
        match run_case(&context, &case, &stop).await {
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
