//! The outcome of the last request to GitHub.

use crate::github::error::ApiError;
use crate::ports::ForgeError;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// When GitHub was asked last, and what came of it.
#[derive(Debug, Default)]
pub(super) struct ContactLog(Mutex<Option<Contact>>);

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
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Contact { at: Instant::now(), result });
    }

    /// The last outcome, if it is not older.
    pub(super) fn last(&self, max_age: Duration) -> Option<Result<(), ForgeError>> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        (last.at.elapsed() <= max_age).then_some(last.result)
    }
}

/// Nothing can be done while this lasts, whatever is asked.
pub(super) fn prevents_all_work(error: &ForgeError) -> bool {
    matches!(error, ForgeError::Unreachable(_) | ForgeError::Unauthorized(_))
}
