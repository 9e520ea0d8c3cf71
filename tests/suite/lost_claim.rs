//! A worker that is suspended for longer than its claim lasts, as a moved virtual machine is. When it
//! resumes, it believes that the case is still its own.

use crate::taps::{Broken, Deed, Tap, tapped};
use crate::test_agent::TestAgent;
use async_trait::async_trait;
use chrono::TimeDelta;
use fieldmedic::core::case::event::{CaseId, Event};
use fieldmedic::engine::{CLAIM_TTL, CaseError, Shutdown, run_case};
use fieldmedic::ports::{Clock, Store};
use fieldmedic::sandbox::clock::VirtualClock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Suspends the worker once, for longer than a claim lasts.
struct Suspended {
    clock: Arc<VirtualClock>,
    journal: Arc<dyn Store>,
    /// At which point, and what others do meanwhile.
    when: When,
    done: AtomicBool,
}

#[derive(Clone, Copy)]
enum When {
    /// It has leased the host; another worker claims the case meanwhile.
    Leased,
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
        if let (When::Leased, Deed::Append(case, Event::HostsLeased { .. })) = (self.when, deed) {
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

async fn suspended(when: When) -> (TestAgent, CaseId, Arc<Suspended>) {
    let mut agent = TestAgent::on("worker-down").build().await;
    let case = agent.opens_case().await;
    let (clock, journal) = (agent.clock().clone(), agent.journal().clone());
    let tap = Arc::new(Suspended { clock, journal, when, done: AtomicBool::new(false) });
    *agent.context_mut() = tapped(agent.context(), tap.clone());
    (agent, case, tap)
}

#[tokio::test]
async fn a_worker_that_lost_its_case_changes_nothing() {
    let (agent, case, tap) = suspended(When::Leased).await;
    let (stop, _request) = Shutdown::new();
    let result = run_case(agent.context(), &case, &stop).await;
    assert!(tap.done.load(Ordering::SeqCst));
    assert!(matches!(result, Err(CaseError::Claimed)), "{result:?}");
    assert_eq!(agent.changes(), 0);
    agent.sees(&["status"]);
}

#[tokio::test]
async fn a_change_is_not_started_on_an_expired_claim() {
    let (agent, case, tap) = suspended(When::AboutToChange).await;
    agent.works_without_waiting(&case).await;
    assert!(tap.done.load(Ordering::SeqCst));
    let records = agent.records(&case).await;
    let count = |kind: &str| records.iter().filter(|record| record.event.kind() == kind).count();
    assert_eq!((count("change_not_started"), count("change_started")), (1, 2));
    assert_eq!(agent.changes(), 1, "when its claim is renewed");
    agent.all_comments();
}
