//! The shutdown signal. Whoever works stops between two actions, at a point that is safe.

use crate::ports::Clock;
use chrono::{DateTime, Utc};
use tokio::sync::watch;

/// Tells the engine to stop between two actions.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// The signal, and the sender that requests a shutdown by sending `true`.
    pub fn new() -> (Self, watch::Sender<bool>) {
        let (send, receive) = watch::channel(false);
        (Self(receive), send)
    }

    /// Whether a shutdown was requested.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when a shutdown is requested; never, if nobody can request one any more.
    pub async fn requested(&self) {
        let mut receive = self.0.clone();
        if receive.wait_for(|requested| *requested).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until a moment, or until a shutdown is requested.
    pub(crate) async fn wait_until(&self, clock: &dyn Clock, until: DateTime<Utc>) {
        tokio::select! {
            biased;
            () = clock.sleep_until(until) => {}
            () = self.requested() => {}
        }
    }
}
