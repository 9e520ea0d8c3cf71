//! Cases whose journals cannot be read, beside one that is whole: they must not hold it up.

use crate::scenarios::scene;
use crate::taps::{Broken, Deed, Tap, tapped};
use async_trait::async_trait;
use fieldmedic::core::case::event::{CaseId, Event, Source};
use fieldmedic::core::case::record::Record;
use fieldmedic::engine::{Dispatcher, Observer, Progress, Shutdown};
use fieldmedic::ports::{Clock, JournalError, NewCase};
use fieldmedic::scenario::ScenarioRun;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// What is wrong with the journals of some cases, and how often each was read.
#[derive(Default)]
struct Damage {
    unreadable: BTreeSet<CaseId>,
    unavailable: BTreeSet<CaseId>,
    loads: Mutex<BTreeMap<CaseId, usize>>,
}

#[async_trait]
impl Tap for Damage {
    async fn before(&self, _: Deed<'_>) -> Result<(), Broken> {
        Ok(())
    }

    fn loaded(
        &self,
        case: &CaseId,
        answer: Result<Vec<Record>, JournalError>,
    ) -> Result<Vec<Record>, JournalError> {
        *self.loads.lock().expect("nobody panicked").entry(case.clone()).or_default() += 1;
        if self.unreadable.contains(case) {
            return Err(JournalError::Unreadable("record 3: written by a later version".into()));
        }
        if self.unavailable.contains(case) {
            return Err(JournalError::Unavailable("disk full".into()));
        }
        answer
    }
}

/// Says when a case has ended.
#[derive(Default)]
struct Ended(Notify);

impl Observer for Ended {
    fn on_progress(&self, progress: Progress<'_>) {
        if let Progress::Recorded { event: Event::Ended, .. } = progress {
            self.0.notify_one();
        }
    }
}

/// A case of another ticket that has only been opened.
async fn other_case(scene: &ScenarioRun, number: u64) -> CaseId {
    let mut ticket = scene.agent.forge.ticket(&scene.ticket).await.expect("the ticket");
    ticket.id.number += 100 + number;
    let (case, at) = (CaseId::derive(&ticket.id, "other"), scene.clock.now());
    let id = ticket.id.clone();
    let first = Event::Opened { ticket, source: Source::Poll, library: scene.agent.library.hash.clone() };
    let key = format!("other {number}");
    let opening = NewCase { case: case.clone(), ticket: id, key, also: Vec::new(), at, first };
    scene.agent.journal.open_case(&opening).await.expect("the journal works");
    case
}

#[tokio::test]
async fn damaged_cases_hold_up_no_other_and_are_not_tried_again() {
    let mut scene = scene("worker-down").await;
    let mut damage = Damage::default();
    for number in 0..3 {
        damage.unreadable.insert(other_case(&scene, number).await);
    }
    // Its records cannot follow each other.
    let contradictory = other_case(&scene, 3).await;
    let at = scene.clock.now();
    scene.agent.journal.append(&contradictory, 1, at, &Event::StepsCompleted).await.expect("it is taken");
    damage.unavailable.insert(other_case(&scene, 4).await);
    let healthy = scene.take_in().await.expect("the ticket is taken in");

    let (damage, ended) = (Arc::new(damage), Arc::new(Ended::default()));
    scene.agent = tapped(&scene.agent, damage.clone());
    scene.agent.observer = ended.clone();
    let (stop, pull) = Shutdown::new();
    let dispatcher = Dispatcher::start(scene.agent.clone(), 1, stop);
    let waker = dispatcher.waker();
    let worked = tokio::time::timeout(Duration::from_secs(60), ended.0.notified()).await;
    assert!(worked.is_ok(), "the healthy case was not worked");

    // Woken again, a case that was set aside is left alone. Another one shows that the calls were read.
    let aside = || damage.unreadable.iter().chain([&contradictory]);
    aside().for_each(|case| waker.send(case.clone()).expect("the dispatcher runs"));
    waker.send(other_case(&scene, 5).await).expect("the dispatcher runs");
    let worked = tokio::time::timeout(Duration::from_secs(60), ended.0.notified()).await;
    assert!(worked.is_ok(), "the later case was not worked");
    pull.send(true).expect("the dispatcher listens");
    drop(waker);
    dispatcher.finish().await;
    let loads = damage.loads.lock().expect("nobody panicked").clone();
    for case in aside() {
        assert_eq!(loads.get(case), Some(&1), "{case} was tried again");
        let claimed = scene.agent.journal.claim(case, "elsewhere:1:1", at, Duration::from_secs(60)).await;
        assert_eq!(claimed, Ok(true), "{case} is still claimed");
    }
    assert!(loads.contains_key(&healthy));
}
