//! Places: how many cases are at work at a time, and how many of them are about one system.
//!
//! A case that waits for another case, for a moment or for the forge gives its place up meanwhile. A system whose
//! hosts do not answer holds up its own cases, and no others.

use crate::core::ids::SystemName;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Of so many places one system has one at most.
const SHARE: usize = 4;

/// The places of a process.
#[derive(Debug)]
pub struct Places {
    all: Arc<Semaphore>,
    of_one_system: usize,
    systems: Mutex<BTreeMap<SystemName, Arc<Semaphore>>>,
}

/// The place of one case. Dropping it gives it up.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    places: &'a Places,
    system: Option<Arc<Semaphore>>,
    held: Option<Held>,
}

/// Never read: the places are free again when it is dropped.
#[derive(Debug)]
struct Held {
    _of_all: OwnedSemaphorePermit,
    _of_system: Option<OwnedSemaphorePermit>,
}

impl Default for Places {
    /// Room for 64 cases.
    fn default() -> Self {
        Self::new(64)
    }
}

impl Places {
    /// Room for so many cases, at least one; a quarter of them may be about one system.
    pub fn new(cases: usize) -> Self {
        let cases = cases.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            all: Arc::new(Semaphore::new(cases)),
            of_one_system: cases.div_ceil(SHARE),
            systems: Mutex::default(),
        }
    }

    /// Waits for a place. The case holds it until it leaves. What the case is about may not be known yet.
    pub(crate) async fn enter(&self, system: Option<&SystemName>) -> Place<'_> {
        let mut place = Place { places: self, system: system.map(|system| self.of(system)), held: None };
        place.take().await;
        place
    }

    fn of(&self, system: &SystemName) -> Arc<Semaphore> {
        let mut systems = self.systems.lock().unwrap_or_else(PoisonError::into_inner);
        let places = systems.entry(system.clone());
        Arc::clone(places.or_insert_with(|| Arc::new(Semaphore::new(self.of_one_system))))
    }
}

impl Place<'_> {
    /// From now on the case counts for this system.
    pub(crate) async fn move_to(&mut self, system: &SystemName) {
        let system = self.places.of(system);
        if self.system.as_ref().is_some_and(|held| Arc::ptr_eq(held, &system)) {
            return;
        }
        self.system = Some(system);
        self.held = None;
        self.take().await;
    }

    /// Gives the place up until [`enter_again`](Self::enter_again).
    pub(crate) fn leave(&mut self) {
        self.held = None;
    }

    /// Waits for a place, if it was given up.
    pub(crate) async fn enter_again(&mut self) {
        if self.held.is_none() {
            self.take().await;
        }
    }

    /// The place of the system comes first: who waits for it takes none from others.
    async fn take(&mut self) {
        let of_system = match &self.system {
            Some(system) => acquire(system).await,
            None => None,
        };
        let of_all = acquire(&self.places.all).await;
        self.held = of_all.map(|of_all| Held { _of_all: of_all, _of_system: of_system });
    }
}

/// The semaphores are never closed.
async fn acquire(semaphore: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(semaphore).acquire_owned().await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn system(name: &str) -> SystemName {
        SystemName::new(name).unwrap()
    }

    /// What it gives without waiting; it is given up else.
    fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn one_system_leaves_room_for_others() {
        let places = Places::new(8);
        let (down, well) = (system("down"), system("well"));
        let first = places.enter(Some(&down)).await;
        let _second = places.enter(Some(&down)).await;
        assert!(at_once(places.enter(Some(&down))).is_none(), "a quarter is taken");
        assert!(at_once(places.enter(Some(&well))).is_some());
        let mut unknown = at_once(places.enter(None)).expect("there is room");
        assert!(at_once(unknown.move_to(&down)).is_none(), "its system turns out to be the one that is down");
        drop((first, unknown));
        assert!(at_once(places.enter(Some(&down))).is_some());
    }

    #[tokio::test]
    async fn who_waits_takes_no_place() {
        let places = Places::new(1);
        let mut first = places.enter(None).await;
        assert!(at_once(places.enter(None)).is_none());
        first.leave();
        assert!(at_once(places.enter(None)).is_some());
        first.enter_again().await;
        assert!(at_once(places.enter(None)).is_none(), "it has its place again");
    }
}
