//! Work on all cores, in threads of its own: each run of the boxes has one thread for itself.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Works through a list with one thread for each core, and keeps the order.
pub fn on_all_cores<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
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
