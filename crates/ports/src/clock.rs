//! [`Clock`]: time, so that tests can control it.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// Time, so that tests can control it.
#[async_trait]
pub trait Clock: Send + Sync {
    fn now(&self) -> DateTime<Utc>;

    async fn sleep_until(&self, at: DateTime<Utc>);
}
