//! Outages between the agent, its hosts and its journal, each for a limited time.

use super::rng::Rng;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Mutex;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// The host refuses connections.
    Unreachable,
    /// The command runs; the connection breaks before the answer.
    Dropped,
    /// No answer until the command's deadline.
    Hung,
    /// The same, and the command does not stop when told to.
    Stuck,
    /// The output is not text.
    Garbage,
    /// The journal fails.
    Journal,
    /// The journal writes, and cannot confirm it.
    JournalNoReply,
}

const ALL: [Outage; 7] = [
    Outage::Unreachable,
    Outage::Dropped,
    Outage::Hung,
    Outage::Stuck,
    Outage::Garbage,
    Outage::Journal,
    Outage::JournalNoReply,
];

struct Window {
    outage: Outage,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    percent: u64,
}

pub struct Outages {
    windows: Vec<Window>,
    rng: Mutex<Rng>,
}

impl Outages {
    /// Outages within the first so many minutes.
    pub fn generate(rng: &mut Rng, start: DateTime<Utc>, minutes: i64) -> Self {
        let count = if rng.percent(35) { 0 } else { 1 + rng.below(4) };
        let windows = (0..count).map(|_| {
            let from = start + TimeDelta::seconds(rng.below(minutes as u64 * 60) as i64);
            let length = TimeDelta::seconds(5 + rng.below(240) as i64);
            let until = (from + length).min(start + TimeDelta::minutes(minutes));
            Window { outage: *rng.pick(&ALL), from, until, percent: *rng.pick(&[15, 50, 100]) }
        });
        Self { windows: windows.collect(), rng: Mutex::new(rng.fork()) }
    }

    /// Whether this outage affects a call that is made now.
    pub fn occurs(&self, outage: Outage, now: DateTime<Utc>) -> bool {
        self.windows.iter().any(|window| {
            window.outage == outage
                && (window.from..window.until).contains(&now)
                && self.rng.lock().expect("no thread panicked").percent(window.percent)
        })
    }
}
