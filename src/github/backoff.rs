//! Rate-limit back-off, shared by all cases. GitHub may ban clients that keep sending, so one case that meets
//! a limit holds back all of them.

use crate::ports::ForgeError;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// GitHub does not always say how long to wait. It then wants a minute at least, and more each time.
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(960);

#[derive(Debug, Default)]
pub(super) struct RateLimitGate(Mutex<BackoffState>);

#[derive(Debug, Default)]
struct BackoffState {
    until: Option<Instant>,
    /// How long the last limit was waited for that did not say how long.
    guessed: Option<Duration>,
}

impl RateLimitGate {
    /// # Errors
    /// [`ForgeError::Limited`] while it lasts.
    pub(super) fn check(&self) -> Result<(), ForgeError> {
        match self.state().left() {
            Some(wait) => Err(ForgeError::Limited {
                why: "the rate limit of an earlier request is still in force".into(),
                wait: Some(wait),
            }),
            None => Ok(()),
        }
    }

    /// Learns from the outcome of a request, and completes a limit that does not say how long.
    ///
    /// # Errors
    /// The error of `outcome`; a [`ForgeError::Limited`] names the wait then.
    pub(super) fn record<T>(&self, outcome: Result<T, ForgeError>) -> Result<T, ForgeError> {
        let mut state = self.state();
        match outcome {
            Ok(answer) => {
                state.guessed = None;
                Ok(answer)
            }
            Err(ForgeError::Limited { why, wait }) => {
                let wait = wait.unwrap_or_else(|| state.guess());
                state.until = state.until.max(Some(Instant::now() + wait));
                Err(ForgeError::Limited { why, wait: Some(wait) })
            }
            Err(other) => Err(other),
        }
    }

    fn state(&self) -> MutexGuard<'_, BackoffState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BackoffState {
    fn left(&self) -> Option<Duration> {
        let left = self.until?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Requests that were under way together meet one limit, which counts once.
    fn guess(&mut self) -> Duration {
        if let (Some(left), Some(_)) = (self.left(), self.guessed) {
            return left;
        }
        let next = self.guessed.map_or(FIRST, |last| (last * 2).min(LONGEST));
        self.guessed = Some(next);
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(wait: Option<u64>) -> Result<(), ForgeError> {
        Err(ForgeError::Limited { why: "too much".into(), wait: wait.map(Duration::from_secs) })
    }

    fn wait_of(outcome: Result<(), ForgeError>) -> Option<u64> {
        match outcome {
            Err(ForgeError::Limited { wait, .. }) => wait.map(|wait| wait.as_secs()),
            _ => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_said_is_a_minute_and_more_each_time() {
        let quiet = RateLimitGate::default();
        for expect in [60, 120, 240, 480, 960, 960] {
            assert_eq!(wait_of(quiet.record(limited(None))), Some(expect));
            assert_eq!(wait_of(quiet.record(limited(None))), Some(expect), "it was under way meanwhile");
            assert_eq!(wait_of(quiet.check()), Some(expect));
            tokio::time::advance(Duration::from_secs(expect)).await;
            assert_eq!(quiet.check(), Ok(()));
        }
        assert_eq!(quiet.record(Ok(())), Ok(()));
        assert_eq!(wait_of(quiet.record(limited(None))), Some(60), "after an answer it begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn the_longer_of_two_silences_is_kept() {
        let quiet = RateLimitGate::default();
        for (asked, left) in [(30, 30), (5, 30), (90, 90)] {
            assert_eq!(wait_of(quiet.record(limited(Some(asked)))), Some(asked));
            assert_eq!(wait_of(quiet.check()), Some(left));
        }
        let lost: Result<(), ForgeError> = Err(ForgeError::Unreachable("x".into()));
        assert_eq!(quiet.record(lost.clone()), lost);
        assert_eq!(wait_of(quiet.check()), Some(90));
    }
}
