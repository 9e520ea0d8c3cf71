//! A worker that stands still while the world goes on: a process that was suspended, a machine that was
//! moved. When it wakes it believes that the case is still its own.

use crate::scenarios::scene;
use crate::taps::{Broken, Deed, Tap, tapped};
use async_trait::async_trait;
use chrono::TimeDelta;
use fieldmedic::core::case::event::{CaseId, Event};
use fieldmedic::engine::{CLAIM_TTL, CaseError, Shutdown, run_case};
use fieldmedic::ports::{Clock, Store};
use fieldmedic::sandbox::clock::VirtualClock;
use fieldmedic::scenario::ScenarioRun;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Suspends the worker once, for longer than a claim lasts.
struct Suspended {
    clock: Arc<VirtualClock>,
    journal: Arc<dyn Store>,
    /// When, and what others do meanwhile.
    when: When,
    done: AtomicBool,
}

#[derive(Clone, Copy)]
enum When {
    /// It holds the host; another worker takes the case meanwhile.
    Held,
    /// The intent is recorded, and the host is about to be asked.
    AboutToChange,
}

#[async_trait]
impl Tap for Suspended {
    async fn before(&self, deed: Deed<'_>) -> Result<(), Broken> {
        if matches!((self.when, deed), (When::AboutToChange, Deed::Change(..))) {
            self.suspend(None).await;
        }
        Ok(())
    }

    async fn after(&self, deed: Deed<'_>) -> Result<(), Broken> {
        if let (When::Held, Deed::Append(case, Event::HostsLeased { .. })) = (self.when, deed) {
            self.suspend(Some(case)).await;
        }
        Ok(())
    }
}

impl Suspended {
    async fn suspend(&self, taken: Option<&CaseId>) {
        if self.done.swap(true, Ordering::SeqCst) {
            return;
        }
        self.clock.set(self.clock.now() + CLAIM_TTL + TimeDelta::seconds(1));
        if let Some(case) = taken {
            let claimed = self.journal.claim(case, "elsewhere:1:1", self.clock.now(), CLAIM_TTL).await;
            assert_eq!(claimed, Ok(true), "the claim had run out");
        }
    }
}

async fn suspended(when: When) -> (ScenarioRun, CaseId, Arc<Suspended>) {
    let mut scene = scene("worker-down").await;
    let case = scene.take_in().await.expect("the ticket is taken in");
    let (clock, journal) = (scene.clock.clone(), scene.agent.journal.clone());
    let tap = Arc::new(Suspended { clock, journal, when, done: AtomicBool::new(false) });
    scene.agent = tapped(&scene.agent, tap.clone());
    (scene, case, tap)
}

fn changes(scene: &ScenarioRun) -> usize {
    scene.host.lock().log().iter().filter(|logged| logged.line.contains("up -d")).count()
}

#[tokio::test]
async fn a_worker_that_lost_its_case_changes_nothing() {
    let (scene, case, tap) = suspended(When::Held).await;
    let (stop, _pull) = Shutdown::new();
    let driven = run_case(&scene.agent, &case, &stop).await;
    assert!(tap.done.load(Ordering::SeqCst));
    assert!(matches!(driven, Err(CaseError::Claimed)), "{driven:?}");
    assert_eq!(changes(&scene), 0);
}

#[tokio::test]
async fn a_change_is_not_begun_on_a_claim_that_has_run_out() {
    let (scene, case, tap) = suspended(When::AboutToChange).await;
    let (stop, _pull) = Shutdown::new();
    run_case(&scene.agent, &case, &stop).await.expect("it goes on");
    assert!(tap.done.load(Ordering::SeqCst));
    let records = scene.agent.journal.load(&case).await.expect("it can be read");
    let count = |kind: &str| records.iter().filter(|record| record.event.kind() == kind).count();
    assert_eq!((count("change_not_started"), count("change_started")), (1, 2));
    assert_eq!(changes(&scene), 1, "when its claim is fresh again");
}
