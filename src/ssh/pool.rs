//! The shared way to one host with one login: at most one usable connection, opened when it is needed.

#![expect(clippy::disallowed_methods, reason = "measures how long a connection takes")]

use crate::core::diagnosis::evidence::RawObservation;
use crate::ssh::connection::Connection;
use crate::ssh::error::SshError;
use crate::ssh::exec;
use crate::ssh::exec::Order;
use crate::ssh::route::{Remote, SessionLimits};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// What came of opening a connection. Everybody who waited for it gets the same answer, so that thirty
/// probes of a host that is down take one timeout, not thirty.
type Opened = Arc<OnceCell<Result<Arc<Connection>, SshError>>>;

pub(super) struct ConnectionPool {
    remote: Remote,
    limits: SessionLimits,
    opened: Mutex<Opened>,
}

impl ConnectionPool {
    /// Nothing is contacted yet.
    pub(super) fn new(remote: Remote, limits: SessionLimits) -> Self {
        Self { remote, limits, opened: Mutex::default() }
    }

    /// The connection, and how long it took to open; zero if it was open, or if somebody else opened it.
    ///
    /// # Errors
    /// [`SshError`] if the host cannot be reached, its key is not trusted, or it does not accept the login.
    pub(super) async fn connection(&self) -> Result<(Arc<Connection>, Duration), SshError> {
        let mut took = Duration::ZERO;
        let opened = self.current();
        let connection = opened
            .get_or_init(|| async {
                let begun = Instant::now();
                let connection = self.open().await;
                took = begun.elapsed();
                connection
            })
            .await
            .clone()?;
        Ok((connection, took))
    }

    async fn open(&self) -> Result<Arc<Connection>, SshError> {
        let connection = Arc::new(Connection::open(&self.remote, &self.limits).await?);
        let gate = exec::ask_gate(&connection, &self.limits).await?;
        connection.note_gate(gate);
        Ok(connection)
    }

    /// Runs a command. A connection that turns out to be dead before the command was asked for is
    /// replaced, once.
    ///
    /// # Errors
    /// [`SshError`]; [`SshError::may_have_run`] says whether the command may have been started.
    pub(super) async fn run(&self, order: &Order) -> Result<RawObservation, SshError> {
        let (connection, _) = self.connection().await?;
        match exec::run(connection, order, &self.limits).await {
            Err(SshError::Disconnected { .. }) => {
                let (connection, _) = self.connection().await?;
                exec::run(connection, order, &self.limits).await
            }
            result => result,
        }
    }

    /// What is open, or is being opened; something new in place of what failed or broke.
    fn current(&self) -> Opened {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let is_spent = match opened.get() {
            None => false,
            Some(Ok(connection)) => !connection.is_usable(),
            Some(Err(_)) => true,
        };
        if is_spent {
            *opened = Opened::default();
        }
        Arc::clone(&opened)
    }
}
