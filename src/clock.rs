//! The clock of this machine.

#![expect(clippy::disallowed_methods, reason = "this is the clock of the machine")]

use crate::ports::Clock;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// The time of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl SystemClock {
    /// How late a sleeper may wake after the machine was suspended: the runtime's timer stands still
    /// meanwhile, so a long sleep is made of short ones and each looks at the wall again.
    const SLICE: Duration = Duration::from_secs(15);
}

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        while let Ok(left) = (at - Utc::now()).to_std()
            && !left.is_zero()
        {
            tokio::time::sleep(left.min(Self::SLICE)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    const QUARTER: Duration = Duration::from_secs(15 * 60);

    #[tokio::test]
    async fn a_sleep_ends_at_its_moment_and_not_before() {
        let at = SystemClock.now() + Duration::from_millis(30);
        SystemClock.sleep_until(at).await;
        assert!(SystemClock.now() >= at);
        let began = Instant::now();
        SystemClock.sleep_until(at - QUARTER).await;
        assert!(began.elapsed() < Duration::from_secs(1));
    }
}
