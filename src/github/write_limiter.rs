//! The one writer: calls that change something on GitHub go one at a time and not too fast, the most urgent first.
//!
//! GitHub asks for a second between such calls and counts at most 80 a minute as polite. A case makes
//! a handful of them close together and then none for minutes, so a few may go at once; only a burst
//! is slowed down.

use crate::ports::{ForgeError, Urgency};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

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

/// What passes by itself is not worth a longer wait.
const PATIENCE: Duration = Duration::from_secs(2);

/// Hands out turns to write.
#[derive(Debug)]
pub(super) struct WriteLimiter {
    pace: Pace,
    queue: Mutex<Queue>,
}

#[derive(Debug)]
struct Queue {
    /// When the gaps of all writes so far will have passed.
    paid_until: Instant,
    is_taken: bool,
    waiting: Vec<Waiting>,
    /// How many have waited so far.
    count: u64,
}

#[derive(Debug)]
struct Waiting {
    /// The most urgent is first, and among those the first to come.
    order: (Urgency, u64),
    granted: oneshot::Sender<()>,
}

/// The exclusive right to write. Whoever looks before writing (is there such a comment?) holds it over
/// both, so that two cases of one process cannot both see nothing and both create.
#[derive(Debug)]
pub(super) struct WriteSlot<'a>(&'a WriteLimiter);

/// A place in the queue; it is given up when this is dropped.
struct Place<'a> {
    limiter: &'a WriteLimiter,
    granted: oneshot::Receiver<()>,
}

impl WriteLimiter {
    /// A limiter whose free writes are all left.
    pub(super) fn new(pace: Pace) -> Self {
        let queue = Queue { paid_until: Instant::now(), is_taken: false, waiting: Vec::new(), count: 0 };
        Self { pace, queue: Mutex::new(queue) }
    }

    /// Waits until no more urgent write waits and none is under way.
    ///
    /// # Errors
    /// [`ForgeError::Busy`], only for [`Urgency::Passing`]: other writes would hold it up for more than two seconds.
    pub(super) async fn slot(&self, urgency: Urgency) -> Result<WriteSlot<'_>, ForgeError> {
        if urgency != Urgency::Passing {
            return Ok(self.enter(urgency).await);
        }
        let by = Instant::now() + PATIENCE;
        let slot = timeout(PATIENCE, self.enter(urgency)).await.map_err(|_| ForgeError::Busy)?;
        if self.polite_at().is_some_and(|polite| polite > by) { Err(ForgeError::Busy) } else { Ok(slot) }
    }

    async fn enter(&self, urgency: Urgency) -> WriteSlot<'_> {
        let mut place = {
            let mut queue = self.queue();
            if !queue.is_taken {
                queue.is_taken = true;
                return WriteSlot(self);
            }
            let (granted, is_granted) = oneshot::channel();
            queue.count += 1;
            let order = (urgency, queue.count);
            queue.waiting.push(Waiting { order, granted });
            Place { limiter: self, granted: is_granted }
        };
        // The sender is dropped only with the limiter.
        let _ = (&mut place.granted).await;
        WriteSlot(self)
    }

    /// Gives the turn to the next that waits.
    fn pass_on(&self) {
        let mut queue = self.queue();
        loop {
            let next = (0..queue.waiting.len()).min_by_key(|at| queue.waiting.get(*at).map(|it| it.order));
            let Some(next) = next else {
                queue.is_taken = false;
                return;
            };
            // Whoever has given up is passed over.
            if queue.waiting.swap_remove(next).granted.send(()).is_ok() {
                return;
            }
        }
    }

    /// When one more write is polite.
    fn polite_at(&self) -> Option<Instant> {
        let credit = self.pace.gap * self.pace.free.saturating_sub(1);
        self.queue().paid_until.checked_sub(credit)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.granted.close();
        // The turn may have come just when the place was given up.
        if self.granted.try_recv().is_ok() {
            self.limiter.pass_on();
        }
    }
}

impl Drop for WriteSlot<'_> {
    fn drop(&mut self) {
        self.0.pass_on();
    }
}

impl WriteSlot<'_> {
    /// Waits until one more write is polite, and counts it.
    pub(super) async fn pause(&mut self) {
        if let Some(polite) = self.0.polite_at() {
            sleep_until(polite).await;
        }
        let mut queue = self.0.queue();
        queue.paid_until = queue.paid_until.max(Instant::now()) + self.0.pace.gap;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn only_a_burst_is_slowed_down() {
        let gap = Duration::from_millis(250);
        let writer = WriteLimiter::new(Pace { gap, free: 3 });
        let start = Instant::now();
        for _ in 0..3 {
            writer.slot(Urgency::Report).await.unwrap().pause().await;
        }
        assert!(start.elapsed() < gap, "three are free");
        for _ in 0..2 {
            writer.slot(Urgency::Report).await.unwrap().pause().await;
        }
        assert!(start.elapsed() >= gap * 2, "two more wait for their gap");
    }

    #[tokio::test]
    async fn without_free_writes_each_waits_for_the_one_before() {
        let writer = WriteLimiter::new(Pace { gap: Duration::from_millis(20), free: 0 });
        let start = Instant::now();
        for _ in 0..3 {
            writer.slot(Urgency::Report).await.unwrap().pause().await;
        }
        assert!(start.elapsed() >= Duration::from_millis(40));
    }

    #[tokio::test]
    async fn the_most_urgent_goes_first() {
        let writer = Arc::new(WriteLimiter::new(Pace { gap: Duration::from_millis(1), free: 0 }));
        let order = Arc::new(Mutex::new(Vec::new()));
        let first = writer.slot(Urgency::Status).await.unwrap();
        let mut tasks = Vec::new();
        for urgency in [Urgency::Status, Urgency::Report, Urgency::Status, Urgency::Answer, Urgency::HandOver]
        {
            let (writer, order) = (Arc::clone(&writer), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let _slot = writer.slot(urgency).await.unwrap();
                order.lock().unwrap().push(urgency);
            }));
            tokio::task::yield_now().await;
        }
        drop(first);
        for task in tasks {
            task.await.unwrap();
        }
        use Urgency::{Answer, HandOver, Report, Status};
        assert_eq!(*order.lock().unwrap(), [Answer, HandOver, Report, Status, Status]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_left_out_when_others_write() {
        let writer = WriteLimiter::new(Pace { gap: Duration::from_secs(5), free: 1 });
        let slot = writer.slot(Urgency::Report).await.unwrap();
        assert_eq!(writer.slot(Urgency::Passing).await.unwrap_err(), ForgeError::Busy, "another is writing");
        drop(slot);
        let mut slot = writer.slot(Urgency::Passing).await.unwrap();
        slot.pause().await;
        drop(slot);
        assert_eq!(
            writer.slot(Urgency::Passing).await.unwrap_err(),
            ForgeError::Busy,
            "it would not be polite"
        );
        assert!(writer.slot(Urgency::Status).await.is_ok(), "what stays is waited for");
    }

    #[tokio::test]
    async fn a_turn_that_nobody_takes_is_passed_on() {
        let writer = WriteLimiter::new(Pace::default());
        let slot = writer.slot(Urgency::Report).await.unwrap();
        let mut given_up = Box::pin(writer.slot(Urgency::Answer));
        assert!(timeout(Duration::ZERO, &mut given_up).await.is_err());
        // It has the turn, and does not know it yet.
        drop(slot);
        drop(given_up);
        assert!(timeout(Duration::from_secs(5), writer.slot(Urgency::Status)).await.is_ok());
    }
}
