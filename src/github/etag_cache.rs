//! What GitHub answered last to the lists that are read again and again.
//!
//! GitHub marks an answer with an `ETag`. Who names that the next time is told "304 Not Modified" if
//! nothing has changed, which is quick and is not counted against the hour's requests:
//! <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api>.
//! octocrab can cache too, but keeps every answer for ever, and one that broke off as if it were whole.

use http::HeaderValue;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One page of a list.
#[derive(Debug)]
pub(super) struct CachedPage {
    pub etag: Option<HeaderValue>,
    pub items: Vec<Value>,
    /// The address of the page behind it.
    pub next: Option<String>,
}

/// The pages of one list by their addresses.
pub(super) type CachedList = BTreeMap<String, CachedPage>;

/// The lists by their routes, each as it was read the last time and no older.
#[derive(Debug, Default)]
pub(super) struct EtagCache(Mutex<BTreeMap<String, CachedList>>);

impl EtagCache {
    /// What is known of a list. It is forgotten until it is kept again: a reading that fails leaves nothing
    /// behind to be believed.
    pub(super) fn take(&self, route: &str) -> CachedList {
        self.lists().remove(route).unwrap_or_default()
    }

    /// Replaces what is known of a list by the pages that were just read.
    pub(super) fn keep(&self, route: &str, leaves: CachedList) {
        self.lists().insert(route.to_owned(), leaves);
    }

    fn lists(&self) -> MutexGuard<'_, BTreeMap<String, CachedList>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
