//! The sockets of the daemon. They outlive a reload of the configuration.

use crate::config::Config;
use crate::telemetry::announce::announce;
use miette::{IntoDiagnostic, Result, WrapErr};
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// A socket that listens, and the address that the configuration gives it.
#[derive(Debug)]
pub(super) struct Listener {
    configured: SocketAddr,
    socket: std::net::TcpListener,
}

/// The sockets of the daemon, as far as they are configured.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    pub webhook: Option<Listener>,
    pub monitor: Option<Listener>,
    pub dashboard: Option<Listener>,
}

impl Listeners {
    /// The sockets that a configuration asks for: those that are open already, and new ones.
    ///
    /// # Errors
    /// If the webhook's address cannot be used. Health checks and the dashboard are no reason not to work: a port
    /// that is taken is told, and the daemon goes on.
    pub(super) async fn open(self, config: &Config) -> Result<Self> {
        let webhook = match &config.webhook {
            Some(webhook) => {
                let listener = Listener::open(self.webhook, webhook.listen).await;
                let listener = listener.into_diagnostic().wrap_err_with(|| {
                    format!("[webhook] cannot listen on {}: is another fieldmedic running?", webhook.listen)
                })?;
                announce(&format!("webhook on http://{}/webhook", listener.address()));
                for source in config.alerts.keys() {
                    announce(&format!("alerts on http://{}/alerts/{source}", listener.address()));
                }
                Some(listener)
            }
            None => None,
        };
        let monitor = match &config.monitor {
            Some(monitor) => match Listener::open(self.monitor, monitor.listen).await {
                Ok(listener) => {
                    announce(&format!(
                        "health checks on http://{}/healthz and /readyz, metrics on /metrics",
                        listener.address()
                    ));
                    Some(listener)
                }
                Err(error) => {
                    tracing::warn!(
                        %error,
                        "[monitor] cannot listen on {}: there are no health checks and no metrics; choose another port",
                        monitor.listen
                    );
                    None
                }
            },
            None => None,
        };
        let dashboard = match &config.dashboard {
            entry if entry.enabled => match Listener::open(self.dashboard, entry.listen).await {
                Ok(listener) => Some(listener),
                Err(error) => {
                    tracing::warn!(
                        %error,
                        "[dashboard] cannot listen on {}: there is no dashboard; choose another port, or set \
                         enabled = false",
                        entry.listen
                    );
                    None
                }
            },
            _ => None,
        };
        Ok(Self { webhook, monitor, dashboard })
    }

    /// The same sockets, for the next generation.
    ///
    /// # Errors
    /// If this process may open no more files.
    pub(super) fn share(&self) -> io::Result<Self> {
        let share = |listener: &Option<Listener>| listener.as_ref().map(Listener::share).transpose();
        Ok(Self {
            webhook: share(&self.webhook)?,
            monitor: share(&self.monitor)?,
            dashboard: share(&self.dashboard)?,
        })
    }

    /// A socket as a server takes it. `None` if there is none, or this process may open no more files, which is
    /// told.
    pub(super) fn accepting(listener: Option<&Listener>) -> Option<TcpListener> {
        let socket = listener?.share().and_then(|listener| TcpListener::from_std(listener.socket));
        socket.map_err(|error| tracing::error!(%error, "a port cannot be served")).ok()
    }
}

impl Listener {
    async fn open(before: Option<Self>, address: SocketAddr) -> io::Result<Self> {
        match before {
            Some(listener) if listener.configured == address => Ok(listener),
            _ => {
                let socket = TcpListener::bind(address).await?.into_std()?;
                Ok(Self { configured: address, socket })
            }
        }
    }

    fn share(&self) -> io::Result<Self> {
        Ok(Self { configured: self.configured, socket: self.socket.try_clone()? })
    }

    /// The address with the port that the system chose, if none was configured.
    pub(super) fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap_or(self.configured)
    }
}
