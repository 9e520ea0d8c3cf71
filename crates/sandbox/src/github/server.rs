//! What the server and every clone of `FakeGitHub` share.

use crate::github::faults::RequestLog;
use crate::github::operations::WebhookEvent;
use crate::github::state::GitHubState;
use crate::github::webhooks::WebhookSender;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The state of GitHub, its log of requests and its webhooks.
pub(super) struct Server {
    pub url: String,
    pub github: Mutex<GitHubState>,
    pub requests: RequestLog,
    pub webhooks: WebhookSender,
}

impl Server {
    /// The state, locked. A test that panics while it holds the lock has failed; the state is still whole.
    pub(super) fn state(&self) -> MutexGuard<'_, GitHubState> {
        self.github.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends webhooks about what happened.
    pub(super) fn send(&self, events: Vec<WebhookEvent>) {
        if events.is_empty() {
            return;
        }
        let now = self.state().now();
        for event in events {
            self.webhooks.put(&event, now);
        }
    }
}
