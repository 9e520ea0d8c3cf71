//! What all connections of the fake SSH server share.

use crate::host::fake_host::SharedHost;
use fieldmedic_ports::Clock;
use russh::keys::PublicKey;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// Counters that tests read.
#[derive(Default)]
pub(super) struct Counts {
    pub connections: AtomicUsize,
    /// Open now.
    pub channels: AtomicUsize,
    /// The most at a time.
    pub peak: AtomicUsize,
}

/// What all connections share.
#[derive(Clone)]
pub(super) struct ServerContext {
    pub host: SharedHost,
    /// The one key that is accepted; `None` accepts any.
    pub authorized: Option<PublicKey>,
    pub clock: Arc<dyn Clock>,
    pub counts: Arc<Counts>,
}

impl ServerContext {
    /// Whether the host refuses connections now.
    pub(super) fn is_unreachable(&self) -> bool {
        self.host.lock().is_unreachable(self.clock.now())
    }
}
