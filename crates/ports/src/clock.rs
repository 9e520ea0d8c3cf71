//! [`Clock`]: time, so that tests can control it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// Time, so that tests can control it.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The current time. It may go back: the clock of a machine can be set.
    fn now(&self) -> DateTime<Utc>;

    /// Returns when the clock has reached `at`; at once if it has passed.
    async fn sleep_until(&self, at: DateTime<Utc>);
}
