//! Panics that a runtime would swallow, such as one in a task that nobody awaits.

use std::panic;
use std::sync::{Mutex, Once, PoisonError};
use std::thread::{self, ThreadId};
use tokio::runtime::{Handle, RuntimeFlavor};

/// Every panic of this process, with the thread and its name.
static PANICS: Mutex<Vec<(ThreadId, String, String)>> = Mutex::new(Vec::new());
static HOOK: Once = Once::new();

/// Watches for panics from its start on.
pub struct PanicWatch {
    thread: ThreadId,
    /// How many panics the process had seen before.
    before: usize,
    /// With a runtime of several threads, a panic of any runtime's worker counts.
    counts_workers: bool,
}

impl PanicWatch {
    /// Watches this thread, and the workers of its runtime.
    pub fn start() -> Self {
        HOOK.call_once(|| {
            let next = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                let current = thread::current();
                let name = current.name().unwrap_or_default().to_owned();
                let mut panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
                panics.push((current.id(), name, info.to_string()));
                drop(panics);
                next(info);
            }));
        });
        let before = PANICS.lock().unwrap_or_else(PoisonError::into_inner).len();
        let flavor = Handle::current().runtime_flavor();
        let counts_workers = !matches!(flavor, RuntimeFlavor::CurrentThread);
        Self { thread: thread::current().id(), before, counts_workers }
    }

    /// What has panicked since the start.
    pub fn found(&self) -> Vec<String> {
        let panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ours = |thread: &ThreadId, name: &str| {
            *thread == self.thread || (self.counts_workers && name.starts_with("tokio"))
        };
        let ours = panics[self.before..].iter().filter(|(thread, name, _)| is_ours(thread, name));
        ours.map(|(_, _, text)| text.clone()).collect()
    }
}
