//! The outcome of the last request to GitHub, and what its answers say of the rate limits.

use crate::github::error::ApiError;
use crate::ports::ForgeError;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// When GitHub was asked last, and what came of it.
#[derive(Debug, Default)]
pub(super) struct ContactLog {
    last: Mutex<Option<Contact>>,
    budgets: Mutex<BTreeMap<String, RateBudget>>,
}

/// GitHub has about a dozen of them; more are not kept.
const MOST_BUDGETS: usize = 16;

/// What GitHub lets its client ask within an hour, as the last answer said. Installations of an App have a budget
/// each; this is that of the one that was asked last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateBudget {
    /// Requests within the period.
    pub limit: u64,
    /// Those that are left of it.
    pub remaining: u64,
    /// When the period ends and all are there again.
    pub reset: DateTime<Utc>,
}

#[derive(Debug, Clone)]
struct Contact {
    at: Instant,
    result: Result<(), ForgeError>,
}

impl ContactLog {
    /// Records the outcome of a request. Any answer shows that GitHub is there, a refusal of one thing too. Not
    /// being let in is no such answer: nothing can be done then.
    pub(super) fn record<T>(&self, outcome: &Result<T, ApiError>) {
        let result = match outcome {
            Err(ApiError::Error(error)) if prevents_all_work(error) => Err(error.clone()),
            _ => Ok(()),
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Contact { at: Instant::now(), result });
    }

    /// Notes what the head of an answer says of its rate limit. A server without limits says nothing.
    pub(super) fn note_budget(&self, headers: &HeaderMap) {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let number = |name: &str| text(name).and_then(|value| value.trim().parse::<u64>().ok());
        let reset = number("x-ratelimit-reset").and_then(|at| i64::try_from(at).ok());
        let reset = reset.and_then(|at| DateTime::from_timestamp(at, 0));
        let (Some(limit), Some(remaining), Some(reset)) =
            (number("x-ratelimit-limit"), number("x-ratelimit-remaining"), reset)
        else {
            return;
        };
        let resource = text("x-ratelimit-resource").unwrap_or("core").to_owned();
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        if budgets.contains_key(&resource) || budgets.len() < MOST_BUDGETS {
            budgets.insert(resource, RateBudget { limit, remaining, reset });
        }
    }

    /// The budgets by the name that GitHub gives them, such as `core`; empty before the first answer.
    pub(super) fn budgets(&self) -> BTreeMap<String, RateBudget> {
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last outcome, if it is not older.
    pub(super) fn last(&self, max_age: Duration) -> Option<Result<(), ForgeError>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        (last.at.elapsed() <= max_age).then_some(last.result)
    }
}

/// Nothing can be done while this lasts, whatever is asked.
pub(super) fn prevents_all_work(error: &ForgeError) -> bool {
    matches!(error, ForgeError::Unreachable(_) | ForgeError::Unauthorized(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_as_the_last_answer_said() {
        let log = ContactLog::default();
        let note = |fields: &[(&'static str, &'static str)]| {
            log.note_budget(
                &fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect(),
            );
        };
        let (limit, left, reset) = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset");
        note(&[("date", "today")]);
        note(&[(limit, "5000"), (left, "many"), (reset, "1772359260")]);
        note(&[(limit, "5000"), (left, "10"), (reset, "99999999999999999")]);
        assert_eq!(log.budgets(), BTreeMap::new(), "what cannot be read is no budget");
        note(&[(limit, "5000"), (left, "4999"), (reset, "1772359260")]);
        note(&[(limit, "5000"), (left, "4998"), (reset, "1772359260"), ("x-ratelimit-resource", "core")]);
        note(&[(limit, "30"), (left, "0"), (reset, "1772359000"), ("x-ratelimit-resource", "search")]);
        let told =
            log.budgets().into_iter().map(|(name, it)| (name, it.limit, it.remaining, it.reset.timestamp()));
        let expect = [("core".to_owned(), 5000, 4998, 1772359260), ("search".to_owned(), 30, 0, 1772359000)];
        assert_eq!(told.collect::<Vec<_>>(), expect);
    }
}
