//! The one writer: calls that change something on GitHub go one at a time and not too fast.
//!
//! GitHub asks for a second between such calls and counts at most 80 a minute as polite. A case makes
//! a handful of them close together and then none for minutes, so a few may go at once; only a burst
//! is slowed down.

use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

/// How fast the agent may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The time between two writes once the free ones are used up.
    pub gap: Duration,
    /// How many writes may follow each other without a pause after a quiet time.
    pub free: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { gap: Duration::from_secs(1), free: 10 }
    }
}

/// Hands out turns to write.
#[derive(Debug)]
pub(super) struct WriteLimiter {
    pace: Pace,
    /// When the gaps of all writes so far will have passed.
    paid_until: Mutex<Instant>,
}

/// The exclusive right to write. Whoever looks before writing (is there such a comment?) holds it over
/// both, so that two cases of one process cannot both see nothing and both create.
#[derive(Debug)]
pub(super) struct WriteSlot<'a> {
    pace: Pace,
    paid_until: MutexGuard<'a, Instant>,
}

impl WriteLimiter {
    /// A limiter whose free writes are all left.
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, paid_until: Mutex::new(Instant::now()) }
    }

    /// Waits for those before; first come, first served.
    pub(super) async fn slot(&self) -> WriteSlot<'_> {
        WriteSlot { pace: self.pace, paid_until: self.paid_until.lock().await }
    }
}

impl WriteSlot<'_> {
    /// Waits until one more write is polite, and counts it.
    pub(super) async fn pause(&mut self) {
        let credit = self.pace.gap * self.pace.free.saturating_sub(1);
        if let Some(polite) = self.paid_until.checked_sub(credit) {
            tokio::time::sleep_until(polite).await;
        }
        *self.paid_until = (*self.paid_until).max(Instant::now()) + self.pace.gap;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_burst_is_slowed_down() {
        let gap = Duration::from_millis(250);
        let writer = WriteLimiter::new(Pace { gap, free: 3 });
        let start = Instant::now();
        for _ in 0..3 {
            writer.slot().await.pause().await;
        }
        assert!(start.elapsed() < gap, "three are free");
        for _ in 0..2 {
            writer.slot().await.pause().await;
        }
        assert!(start.elapsed() >= gap * 2, "two more wait for their gap");
    }

    #[tokio::test]
    async fn without_free_writes_each_waits_for_the_one_before() {
        let writer = WriteLimiter::new(Pace { gap: Duration::from_millis(20), free: 0 });
        let start = Instant::now();
        for _ in 0..3 {
            writer.slot().await.pause().await;
        }
        assert!(start.elapsed() >= Duration::from_millis(40));
    }
}
