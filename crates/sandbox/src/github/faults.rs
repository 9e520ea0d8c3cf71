//! Faults that a test injects into the API, and the log of its requests.

use http::{Method, StatusCode};
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// A fault of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InjectedFault {
    /// 502 without an effect.
    BadGateway,
    /// 200 with a page of HTML, as from a proxy, without an effect.
    Garbage,
    /// No answer and no effect.
    Hang,
    /// The connection breaks before the effect.
    DropBefore,
    /// The effect happens; the connection breaks before the answer.
    DropAfter,
    /// The effect happens; there is no answer.
    HangAfter,
    /// A refusal with this status and GitHub's words for it, without an effect: 403, 404 or 422.
    Refusal(StatusCode),
    /// 403 for too many requests at once, with or without the seconds to wait.
    SecondaryLimit {
        /// The seconds in the header `Retry-After`; `None` leaves the header out.
        retry_after: Option<u64>,
    },
    /// 403 because the hourly limit is reached. It resets after so many seconds.
    PrimaryLimit {
        /// The seconds until the limit resets, in real time.
        reset_in: u64,
    },
    /// The same with the status 429, which GitHub uses as well.
    TooMany {
        /// The seconds until the limit resets, in real time.
        reset_in: u64,
    },
}

/// The requests that a fault applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultPoint {
    /// Every request.
    Any,
    /// Every request but a GET.
    Write,
    /// This method, on a path that contains this text.
    Call(Method, String),
}

/// One request to the API.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedRequest {
    /// The HTTP method.
    pub method: Method,
    /// With the query.
    pub path: String,
    /// The login; `None` without a valid token.
    pub actor: Option<String>,
    /// `None`: no answer yet.
    pub status: Option<u16>,
    /// `Null` without a body.
    pub body: Value,
}

/// The requests so far, and the faults that wait for the next ones.
pub(super) struct RequestLog {
    faults: Mutex<Vec<(InjectedFault, FaultPoint, u32)>>,
    log: Mutex<Vec<RecordedRequest>>,
    used: AtomicU64,
    /// Ends hanging requests when the server stops.
    stopped: watch::Receiver<()>,
}

impl RequestLog {
    /// An empty log without faults. When the sender of `stopped` is dropped, hanging requests end.
    pub(super) fn new(stopped: watch::Receiver<()>) -> Self {
        Self { faults: Mutex::default(), log: Mutex::default(), used: AtomicU64::new(0), stopped }
    }

    /// Injects a fault into the next `times` requests that `at` matches, after the faults that already wait.
    pub(super) fn inject(&self, fault: InjectedFault, at: FaultPoint, times: u32) {
        lock(&self.faults).push((fault, at, times));
    }

    /// Every request so far, oldest first.
    pub(super) fn log(&self) -> Vec<RecordedRequest> {
        lock(&self.log).clone()
    }

    /// Adds a request without an answer. Returns its place in the log.
    pub(super) fn record(&self, request: RecordedRequest) -> usize {
        let mut log = lock(&self.log);
        log.push(request);
        log.len() - 1
    }

    /// Records the answer to the request at this place.
    pub(super) fn answered(&self, place: usize, status: u16) {
        if let Some(request) = lock(&self.log).get_mut(place) {
            request.status = Some(status);
        }
    }

    /// Counts a request against the rate limit. Returns how many count so far.
    pub(super) fn count(&self, cost: u64) -> u64 {
        self.used.fetch_add(cost, Ordering::Relaxed) + cost
    }

    /// The first fault that matches this request. One occurrence of it is used up.
    pub(super) fn next_fault(&self, method: &Method, path: &str) -> Option<InjectedFault> {
        let mut faults = lock(&self.faults);
        let (fault, _, times) =
            faults.iter_mut().find(|(_, at, times)| *times > 0 && at.matches(method, path))?;
        *times -= 1;
        Some(fault.clone())
    }

    /// Waits until the server stops.
    pub(super) async fn hang(&self) {
        let mut stopped = self.stopped.clone();
        while stopped.changed().await.is_ok() {}
    }
}

impl FaultPoint {
    fn matches(&self, method: &Method, path: &str) -> bool {
        match self {
            FaultPoint::Any => true,
            FaultPoint::Write => method != Method::GET,
            FaultPoint::Call(wanted, part) => method == wanted && path.contains(part.as_str()),
        }
    }
}

/// A test that panics while it holds the lock has failed; the value is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
