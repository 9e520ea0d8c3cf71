//! Ctrl-C and SIGTERM.

#![expect(clippy::disallowed_methods, reason = "ends the process at a second signal")]

use crate::engine::Shutdown;
use crate::telemetry::announce::announce;

/// A shutdown that the first Ctrl-C or SIGTERM requests. The second one ends the process at once.
#[allow(clippy::exit, reason = "a person who asks twice does not want to wait for a safe point")]
pub fn stop_on_signal() -> Shutdown {
    let (stop, pull) = Shutdown::new();
    tokio::spawn(async move {
        wait_for_signal().await;
        announce("stopping at the next safe point; once more to stop at once");
        let _ = pull.send(true);
        wait_for_signal().await;
        std::process::exit(130);
    });
    stop
}

async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
