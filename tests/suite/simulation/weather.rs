//! Weather: what goes wrong between the agent, its hosts and its journal, for a while.

use super::dice::Dice;
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Mutex;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The host lets nobody in.
    Unreachable,
    /// The host does it; the connection breaks before the answer.
    Dropped,
    /// No answer, until the command's time is over.
    Hung,
    /// The same, and it does not end when it is told to.
    Stuck,
    /// Bytes that are no text.
    Garbage,
    /// The journal cannot be used.
    Journal,
    /// The journal has written it, and cannot say so.
    JournalMute,
}

const ALL: [Trouble; 7] = [
    Trouble::Unreachable,
    Trouble::Dropped,
    Trouble::Hung,
    Trouble::Stuck,
    Trouble::Garbage,
    Trouble::Journal,
    Trouble::JournalMute,
];

struct Storm {
    trouble: Trouble,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    percent: u64,
}

pub struct Weather {
    storms: Vec<Storm>,
    dice: Mutex<Dice>,
}

impl Weather {
    /// Storms within the first so many minutes.
    pub fn forecast(dice: &mut Dice, start: DateTime<Utc>, minutes: i64) -> Self {
        let count = if dice.percent(35) { 0 } else { 1 + dice.below(4) };
        let storms = (0..count).map(|_| {
            let from = start + TimeDelta::seconds(dice.below(minutes as u64 * 60) as i64);
            let length = TimeDelta::seconds(5 + dice.below(240) as i64);
            let until = (from + length).min(start + TimeDelta::minutes(minutes));
            Storm { trouble: *dice.pick(&ALL), from, until, percent: *dice.pick(&[15, 50, 100]) }
        });
        Self { storms: storms.collect(), dice: Mutex::new(dice.others()) }
    }

    /// Whether this trouble meets a call that is made now.
    pub fn strikes(&self, trouble: Trouble, now: DateTime<Utc>) -> bool {
        self.storms.iter().any(|storm| {
            storm.trouble == trouble
                && (storm.from..storm.until).contains(&now)
                && self.dice.lock().expect("no thrower panics").percent(storm.percent)
        })
    }
}
