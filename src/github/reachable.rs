//! Whether GitHub can be used now.

use crate::github::adapter::GitHub;
use crate::github::contact::{RateBudget, prevents_all_work};
use crate::github::installations::Clients;
use crate::ports::ForgeError;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::time::Duration;

impl GitHub {
    /// Whether the last request found GitHub there and the credentials accepted. Nothing is asked for it: `None`
    /// before the first request.
    pub fn last_contact(&self) -> Option<bool> {
        self.clients.own().contact().last(Duration::MAX).map(|result| result.is_ok())
    }

    /// The budgets of requests by the name that GitHub gives them, such as `core`. Nothing is asked for it.
    pub fn budgets(&self) -> BTreeMap<String, RateBudget> {
        self.clients.own().contact().budgets()
    }

    /// Whether GitHub answers and accepts the credentials, by the outcome of the last request. GitHub is asked
    /// only if that is older than `max_age`, so at most once in that time. A rate limit is an answer.
    ///
    /// # Errors
    /// [`ForgeError::Unreachable`] or [`ForgeError::Unauthorized`], as the last request met it.
    pub async fn check_reachable(&self, max_age: Duration) -> Result<(), ForgeError> {
        // One request for all who ask at once.
        let _turn = self.contact_check.lock().await;
        let own = self.clients.own();
        if let Some(result) = own.contact().last(max_age) {
            return result;
        }
        let route = match &self.clients {
            Clients::Token(_) => "/user",
            Clients::App(_) => "/app",
        };
        match own.get::<IgnoredAny>(route, &"the account of the agent").await {
            Err(error) if prevents_all_work(&error) => Err(error),
            _ => Ok(()),
        }
    }
}
