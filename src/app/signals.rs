//! Ctrl-C, SIGTERM, and the end of the terminal.

use crate::engine::Shutdown;
use crate::telemetry::announce::announce;
use std::sync::LazyLock;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// Somebody asked twice.
static STOP_AT_ONCE: LazyLock<Notify> = LazyLock::new(Notify::new);

/// A shutdown that the first Ctrl-C or SIGTERM requests. A second one ends [`stopped_at_once`].
pub fn stop_on_signal() -> Shutdown {
    let (stop, pull) = Shutdown::new();
    tokio::spawn(async move {
        wait_for_signal().await;
        announce("stopping at the next safe point; once more to stop at once");
        let _ = pull.send(true);
        wait_for_signal().await;
        STOP_AT_ONCE.notify_one();
    });
    stop
}

/// The same, and the end of the terminal stops at the next safe point too: for commands that a person waits for.
pub fn stop_with_terminal() -> Shutdown {
    let (stop, pull) = Shutdown::new();
    let own = stop_on_signal();
    tokio::spawn(async move {
        tokio::select! {
            () = own.requested() => {}
            () = hangup() => {}
        }
        let _ = pull.send(true);
    });
    stop
}

/// Ends when somebody has asked to stop for a second time. The command is dropped then, and with it what it
/// made for a while.
pub async fn stopped_at_once() {
    STOP_AT_ONCE.notified().await;
}

async fn hangup() {
    match signal(SignalKind::hangup()) {
        Ok(mut hangups) => drop(hangups.recv().await),
        Err(_) => std::future::pending().await,
    }
}

async fn wait_for_signal() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
