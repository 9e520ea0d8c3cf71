//! The clock of a simulation. It is the runtime's paused clock, which jumps when every task waits. So all
//! timers follow it, not only those that use the port.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use fieldmedic::ports::Clock;
use tokio::time::Instant;

pub struct PausedClock {
    start: DateTime<Utc>,
    origin: Instant,
}

impl PausedClock {
    /// It must be called inside a runtime whose time is paused.
    pub fn new() -> Self {
        let start = DateTime::from_timestamp(1_790_000_000, 0).expect("a moment");
        Self { start, origin: Instant::now() }
    }
}

#[async_trait]
impl Clock for PausedClock {
    fn now(&self) -> DateTime<Utc> {
        let passed = self.origin.elapsed();
        self.start + TimeDelta::milliseconds(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        while let Ok(left) = (at - self.now()).to_std()
            && !left.is_zero()
        {
            tokio::time::sleep(left).await;
        }
    }
}
