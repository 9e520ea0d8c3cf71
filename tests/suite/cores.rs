//! Work on all cores, in threads of its own: each run of the boxes has one thread for itself.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Works through a list with one thread for each core, and keeps the order.
pub fn on_all_cores<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for core in 0..thread::available_parallelism().map_or(2, usize::from) {
            let (next, done, work) = (&next, &done, &work);
            scope.spawn(move || {
                stay_on(core);
                while let Some(item) = {
                    let index = next.fetch_add(1, Ordering::SeqCst);
                    items.get(index).map(|item| (index, item))
                } {
                    let result = work(item.1);
                    done.lock().expect("no worker panics while it holds this").push((item.0, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("whole");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Keeps this thread, and those that it starts, on one core: SQLite works in a thread of its own, and the
/// two hand on to each other all the time. Where that is not allowed, it only takes longer.
#[cfg(target_os = "linux")]
fn stay_on(core: usize) {
    use rustix::thread::{CpuSet, sched_setaffinity};
    let mut cores = CpuSet::new();
    cores.set(core);
    let _ = sched_setaffinity(None, &cores);
}

#[cfg(not(target_os = "linux"))]
fn stay_on(_: usize) {}
