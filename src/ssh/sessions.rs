//! How many sessions one connection may have at a time: as many as the server opens.
//!
//! The server says its limit (`MaxSessions`) by refusing a session. Then the connection keeps to the number that
//! is open, and whoever was refused waits for one of those. A session that has just ended may still count at
//! the server, so a refusal that follows an end proves nothing; it is tried again after a moment.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// For so long after its end, a session may still count at the server.
const LINGER: Duration = Duration::from_millis(500);
/// A server that opens not even one session is given up after this time.
const GIVEN_UP: Duration = Duration::from_secs(3);
/// So many refusals after an end of a session are doubted.
const DOUBTS: u32 = 3;
/// Between two requests for a session.
const PAUSE: Duration = Duration::from_millis(25);

/// The sessions of one connection.
pub(super) struct Sessions {
    permits: Arc<Semaphore>,
    open: AtomicUsize,
    /// When a session ended last.
    ended: Mutex<Option<Instant>>,
}

/// The right to ask for a session; the session itself, when it is open.
pub(super) struct Slot {
    permit: Option<OwnedSemaphorePermit>,
    sessions: Arc<Sessions>,
    is_open: bool,
}

/// What follows from a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Ask again.
    Busy,
    /// There is nothing to wait for.
    Final,
}

/// The refusals that one command has met.
#[derive(Default)]
pub(super) struct Refusals {
    /// Since when it is refused although no other session is open.
    alone: Option<Instant>,
    /// How often it was refused while others were open.
    among_others: u32,
}

impl Sessions {
    /// `most`: so many are asked for at a time, even if the server would open more.
    pub(super) fn new(most: usize) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(most.max(1)));
        Arc::new(Self { permits, open: AtomicUsize::new(0), ended: Mutex::default() })
    }

    /// Waits for a free one.
    pub(super) async fn slot(self: &Arc<Self>) -> Option<Slot> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
        Some(Slot { permit: Some(permit), sessions: Arc::clone(self), is_open: false })
    }

    fn has_just_ended(&self) -> bool {
        let ended = *self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.is_some_and(|ended| ended.elapsed() < LINGER)
    }
}

impl Slot {
    /// The server has opened it.
    pub(super) fn opened(&mut self) {
        self.is_open = true;
        self.sessions.open.fetch_add(1, Ordering::AcqRel);
    }

    /// The server has refused it. The connection has one slot less from now on if others are open, so that
    /// there is always one.
    pub(super) async fn refused(mut self, refusals: &mut Refusals) -> Refusal {
        let others_are_open = self.sessions.open.load(Ordering::Acquire) > 0;
        refusals.among_others += u32::from(others_are_open);
        let is_proven = refusals.among_others > DOUBTS || !self.sessions.has_just_ended();
        if others_are_open && is_proven {
            refusals.among_others = 0;
            if let Some(permit) = self.permit.take() {
                permit.forget();
            }
            return Refusal::Busy;
        }
        let now = Instant::now();
        match refusals.alone {
            _ if others_are_open => refusals.alone = None,
            None => refusals.alone = Some(now),
            Some(since) if now - since > GIVEN_UP => return Refusal::Final,
            Some(_) => {}
        }
        tokio::time::sleep(PAUSE).await;
        Refusal::Busy
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.is_open {
            *self.sessions.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            self.sessions.open.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_lowers_the_limit_to_what_is_open() {
        let sessions = Sessions::new(4);
        let mut refusals = Refusals::default();
        let mut first = sessions.slot().await.unwrap();
        first.opened();
        for _ in 0..3 {
            let slot = sessions.slot().await.unwrap();
            assert_eq!(slot.refused(&mut refusals).await, Refusal::Busy);
        }
        assert_eq!(sessions.permits.available_permits(), 0, "one is open, and no other is asked for");
        drop(first);
        assert_eq!(sessions.permits.available_permits(), 1);
        // It may still count at the server.
        let slot = sessions.slot().await.unwrap();
        assert_eq!(slot.refused(&mut refusals).await, Refusal::Busy);
        assert_eq!(sessions.permits.available_permits(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_opens_none_is_given_up_in_the_end() {
        let sessions = Sessions::new(4);
        let mut refusals = Refusals::default();
        let begun = Instant::now();
        while sessions.slot().await.unwrap().refused(&mut refusals).await == Refusal::Busy {}
        assert!((GIVEN_UP..GIVEN_UP * 2).contains(&begun.elapsed()));
    }
}
