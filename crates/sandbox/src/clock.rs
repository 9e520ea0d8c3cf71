//! A clock for simulation: time stands still while anybody works, and jumps when everybody sleeps.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fieldmedic_ports::Clock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// A clock that stands still while anybody works, and jumps when everybody sleeps.
///
/// It never guesses whether work is going on, say on another thread: it counts. While nobody has
/// [joined](VirtualClock::join), the first sleeper alone makes an [eager](VirtualClock::eager) clock jump, which is
/// right for one case after another. With players, it jumps when as many sleep as have joined; to the
/// earliest moment that one of them waits for. A [still](VirtualClock::still) clock moves by hand only.
///
/// Who waits for another player by other means than the clock must not count as a player meanwhile, or
/// time stands still. Who sleeps for ever in a loop needs a still clock, or time runs away.
#[derive(Debug)]
pub struct VirtualClock {
    now: watch::Sender<DateTime<Utc>>,
    cast: Mutex<Participants>,
}

#[derive(Debug)]
struct Participants {
    turning: Advance,
    players: usize,
    /// How many wait for each moment.
    sleepers: BTreeMap<DateTime<Utc>, usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Advance {
    ByItself,
    ByHand,
}

/// One who takes part in the play, until dropped.
#[derive(Debug)]
#[must_use = "it takes part only while it is kept"]
pub struct ParticipantGuard(Arc<VirtualClock>);

/// One who waits for a moment, until dropped: a sleep may be given up.
struct Sleeper<'a> {
    clock: &'a VirtualClock,
    at: DateTime<Utc>,
}

impl VirtualClock {
    /// Jumps by itself when all sleep.
    pub fn eager(start: DateTime<Utc>) -> Self {
        Self::new(start, Advance::ByItself)
    }

    /// Moves only by [`VirtualClock::advance`] and [`VirtualClock::set`].
    pub fn still(start: DateTime<Utc>) -> Self {
        Self::new(start, Advance::ByHand)
    }

    fn new(start: DateTime<Utc>, turning: Advance) -> Self {
        let cast = Participants { turning, players: 0, sleepers: BTreeMap::new() };
        Self { now: watch::Sender::new(start), cast: Mutex::new(cast) }
    }

    /// Adds a player. Join for a task before it is spawned, so that time cannot jump before it began.
    pub fn join(self: &Arc<Self>) -> ParticipantGuard {
        self.cast().players += 1;
        ParticipantGuard(Arc::clone(self))
    }

    /// Jumps to the earliest moment that somebody waits for, and gives it; `None` if nobody sleeps.
    pub fn advance(&self) -> Option<DateTime<Utc>> {
        self.jump(&self.cast())
    }

    /// Jumps to a moment; to an earlier one too, as machines' clocks do.
    pub fn set(&self, now: DateTime<Utc>) {
        let _cast = self.cast();
        self.now.send_replace(now);
    }

    /// How many wait for a moment that has not come.
    pub fn asleep(&self) -> usize {
        self.count_asleep(&self.cast())
    }

    fn count_asleep(&self, cast: &Participants) -> usize {
        let now = self.now();
        cast.sleepers.iter().filter(|(at, _)| **at > now).map(|(_, count)| count).sum()
    }

    fn jump(&self, cast: &Participants) -> Option<DateTime<Utc>> {
        let now = self.now();
        let at = *cast.sleepers.keys().find(|at| **at > now)?;
        self.now.send_replace(at);
        Some(at)
    }

    /// Whoever is the last to fall asleep, or to leave, turns the clock.
    fn jump_if_all_sleep(&self, cast: &Participants) {
        if cast.turning == Advance::ByItself && self.count_asleep(cast) >= cast.players.max(1) {
            self.jump(cast);
        }
    }

    /// Nothing here can panic half-way, so a poisoned lock still guards a whole cast.
    fn cast(&self) -> MutexGuard<'_, Participants> {
        self.cast.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fall_asleep(&self, at: DateTime<Utc>) -> Sleeper<'_> {
        let mut cast = self.cast();
        *cast.sleepers.entry(at).or_default() += 1;
        if at > self.now() {
            self.jump_if_all_sleep(&cast);
        }
        Sleeper { clock: self, at }
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.borrow()
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        let mut now = self.now.subscribe();
        let _sleeper = self.fall_asleep(at);
        // A loop of sleeps that never has to wait would starve the others of its thread.
        tokio::task::yield_now().await;
        // It fails only when the clock is gone, and this borrows it.
        let _ = now.wait_for(|now| *now >= at).await;
    }
}

impl Drop for ParticipantGuard {
    fn drop(&mut self) {
        let mut cast = self.0.cast();
        cast.players -= 1;
        if cast.players > 0 {
            self.0.jump_if_all_sleep(&cast);
        }
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let mut cast = self.clock.cast();
        if let Some(count) = cast.sleepers.get_mut(&self.at) {
            *count -= 1;
            if *count == 0 {
                cast.sleepers.remove(&self.at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn start() -> DateTime<Utc> {
        "2026-03-01T08:00:00Z".parse().unwrap()
    }

    const QUARTER: Duration = Duration::from_secs(15 * 60);

    #[tokio::test]
    async fn an_eager_clock_makes_long_waits_short() {
        let clock = VirtualClock::eager(start());
        for _ in 0..100 {
            clock.sleep_until(clock.now() + QUARTER).await;
        }
        assert_eq!(clock.now(), start() + QUARTER * 100);
        clock.sleep_until(start()).await;
        assert_eq!(clock.now(), start() + QUARTER * 100, "it never runs back by itself");
        assert_eq!(clock.asleep(), 0);
    }

    #[tokio::test]
    async fn time_stands_still_while_a_player_works_elsewhere() {
        let clock = Arc::new(VirtualClock::eager(start()));
        let sleeping = {
            let (player, clock) = (clock.join(), Arc::clone(&clock));
            tokio::spawn(async move {
                clock.sleep_until(start() + QUARTER).await;
                drop(player);
                clock.now()
            })
        };
        let working = {
            let (player, clock) = (clock.join(), Arc::clone(&clock));
            tokio::spawn(async move {
                tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(30))).await.unwrap();
                let seen = clock.now();
                drop(player);
                seen
            })
        };
        assert_eq!(working.await.unwrap(), start());
        assert_eq!(sleeping.await.unwrap(), start() + QUARTER, "the last one that worked has left");
    }

    #[tokio::test]
    async fn players_take_turns_in_the_order_of_their_moments() {
        let clock = Arc::new(VirtualClock::eager(start()));
        let log = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = [3u32, 2]
            .into_iter()
            .map(|minutes| {
                let (player, clock, log) = (clock.join(), Arc::clone(&clock), Arc::clone(&log));
                tokio::spawn(async move {
                    for round in 1..=3 {
                        clock.sleep_until(start() + Duration::from_secs(60) * minutes * round).await;
                        log.lock().unwrap().push(minutes * round);
                    }
                    drop(player);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let mut log = log.lock().unwrap().clone();
        assert_eq!((log[0], log[1]), (2, 3));
        assert!(log.is_sorted(), "{log:?}");
        log.dedup();
        assert_eq!(log, [2, 3, 4, 6, 9]);
    }

    #[tokio::test]
    async fn a_still_clock_moves_by_hand() {
        let clock = Arc::new(VirtualClock::still(start()));
        assert_eq!(clock.advance(), None);
        let task = {
            let clock = Arc::clone(&clock);
            tokio::spawn(async move { clock.sleep_until(start() + QUARTER).await })
        };
        while clock.asleep() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(clock.now(), start());
        assert_eq!(clock.advance(), Some(start() + QUARTER));
        assert_eq!(clock.advance(), None, "who is due does not sleep any more");
        task.await.unwrap();
        clock.set(start());
        assert_eq!(clock.now(), start());
    }

    #[tokio::test]
    async fn a_sleep_that_is_given_up_leaves_nothing() {
        let clock = VirtualClock::still(start());
        tokio::select! {
            biased;
            () = clock.sleep_until(start() + QUARTER) => panic!("it is still"),
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
        assert_eq!(clock.asleep(), 0);
        assert_eq!(clock.advance(), None);
    }
}
