//! The breaker of a channel: when a channel that fails is tried again, and when that is worth a line in the log.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// The pause after the first failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(15);
/// The longest pause, whatever a server asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);
/// After so many failures in a row the channel counts as broken.
const THRESHOLD: u32 = 3;

/// How a channel did lately.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breaker {
    failures: u32,
    until: Option<DateTime<Utc>>,
}

/// A change of a channel that people who run it should hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerChange {
    /// It has failed so often that it counts as broken.
    Opened,
    /// It works again.
    Closed,
}

impl Breaker {
    /// Whether it may be tried now. While it is open, that is one try after each pause.
    pub fn allows(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| until <= now)
    }

    /// Notes a failure. Gives the pause until the next try: longer each time, and as long as the server asks for.
    pub fn fail(
        &mut self,
        now: DateTime<Utc>,
        retry_after: Option<Duration>,
    ) -> (Duration, Option<BreakerChange>) {
        self.failures = self.failures.saturating_add(1);
        let doubled = FIRST_PAUSE.saturating_mul(1 << (self.failures - 1).min(16));
        let pause = doubled.max(retry_after.unwrap_or_default()).min(LONGEST_PAUSE);
        self.until = Some(now + TimeDelta::from_std(pause).unwrap_or(TimeDelta::minutes(30)));
        (pause, (self.failures == THRESHOLD).then_some(BreakerChange::Opened))
    }

    /// Notes a success.
    pub fn succeed(&mut self) -> Option<BreakerChange> {
        let was_open = self.failures >= THRESHOLD;
        *self = Self::default();
        was_open.then_some(BreakerChange::Closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_changes_are_told_once() {
        let now: DateTime<Utc> = "2026-01-09T12:00:00Z".parse().unwrap();
        let mut breaker = Breaker::default();
        assert!(breaker.allows(now) && breaker.succeed().is_none());
        let failed: Vec<(u64, Option<BreakerChange>)> = (0..9)
            .map(|_| breaker.fail(now, None))
            .map(|(pause, change)| (pause.as_secs(), change))
            .collect();
        let pauses: Vec<u64> = failed.iter().map(|(pause, _)| *pause).collect();
        assert_eq!(pauses, [15, 30, 60, 120, 240, 480, 960, 1800, 1800]);
        let told: Vec<usize> = (0..9).filter(|number| failed[*number].1.is_some()).collect();
        assert_eq!((told, failed[2].1), (vec![2], Some(BreakerChange::Opened)));
        assert!(!breaker.allows(now + TimeDelta::seconds(1799)));
        assert!(breaker.allows(now + TimeDelta::seconds(1800)));
        assert_eq!(breaker.succeed(), Some(BreakerChange::Closed));
        assert!(breaker.allows(now));
    }

    #[test]
    fn a_server_is_obeyed_within_reason() {
        let now: DateTime<Utc> = "2026-01-09T12:00:00Z".parse().unwrap();
        for (asked, expect) in [(0, 15), (90, 90), (86_400, 1800)] {
            let mut breaker = Breaker::default();
            assert_eq!(breaker.fail(now, Some(Duration::from_secs(asked))).0.as_secs(), expect);
        }
    }
}
