//! One SSH connection to one host: opened, checked against its pinned key, logged in.

use crate::ssh::error::SshError;
use crate::ssh::known_hosts::HostKeys;
use crate::ssh::route::{Remote, SessionLimits};
use crate::ssh::verifier::{Broken, HostKeyVerifier, Lost};
use russh::client::{self, Handle};
use russh::{Channel, Preferred};
use std::borrow::Cow;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// An open connection. It closes when the last command on it has ended and nobody holds it.
pub(super) struct Connection {
    handle: Handle<HostKeyVerifier>,
    /// One permit for each session that the host may be asked for.
    slots: Arc<Semaphore>,
    /// Sessions may be left over on the host, so that nothing new is begun here.
    retired: AtomicBool,
    lost: Lost,
    pub at: String,
}

impl Connection {
    /// Opens it and logs in, in [`SessionLimits::connect`] at most.
    pub async fn open(remote: &Remote, limits: &SessionLimits) -> Result<Self, SshError> {
        let at = name(remote);
        match timeout(limits.connect, Self::establish(remote, limits, &at)).await {
            Ok(result) => result,
            Err(_) => Err(SshError::NoAnswer { at, after: limits.connect }),
        }
    }

    async fn establish(remote: &Remote, limits: &SessionLimits, at: &str) -> Result<Self, SshError> {
        let keys = remote.probe.read_keys()?;
        let pinned = HostKeys::read(&remote.known_hosts, &remote.address, remote.port)?;
        let config = configure(&pinned);
        let socket = TcpStream::connect((remote.address.as_str(), remote.port))
            .await
            .map_err(|error| SshError::Unreachable { at: at.to_owned(), cause: explain(&error, remote) })?;
        // Otherwise each command waits for the host's delayed acknowledgement, twice.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, at, "TCP_NODELAY could not be set");
        }
        let lost = Lost::default();
        let client = HostKeyVerifier::new(pinned, Arc::clone(&lost));
        let mut handle =
            client::connect_stream(Arc::new(config), socket, client).await.map_err(|error| match error {
                Broken::HostKey(trouble) => trouble,
                Broken::Protocol(error) => {
                    SshError::Handshake { at: at.to_owned(), cause: error.to_string() }
                }
            })?;
        remote.probe.authenticate(&mut handle, keys, at).await?;
        let slots = Arc::new(Semaphore::new(limits.sessions.max(1)));
        Ok(Self { handle, slots, retired: AtomicBool::new(false), lost, at: at.to_owned() })
    }

    /// Whether a new command may be begun on it.
    pub fn is_usable(&self) -> bool {
        !self.handle.is_closed() && !self.retired.load(Ordering::Relaxed)
    }

    /// Lets the commands on it end, and begins no new one. A session that was closed from this side may
    /// go on at the host, where it counts against `MaxSessions` and nobody can tell for how long.
    pub fn drain(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// Waits for a free session. `None` if the connection will have none.
    pub async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).acquire_owned().await.ok()
    }

    /// Opens a channel. The caller holds a slot, and lets this finish: a channel that is abandoned while
    /// it opens stays open at the host.
    pub async fn channel(&self, limit: Duration) -> Result<Channel<client::Msg>, SshError> {
        match timeout(limit, self.handle.channel_open_session()).await {
            Ok(Ok(channel)) => Ok(channel),
            Ok(Err(russh::Error::ChannelOpenFailure(reason))) => {
                let cause = reason.description().to_owned();
                Err(SshError::NoSession { at: self.at.clone(), cause })
            }
            Ok(Err(_)) => Err(self.gone()),
            Err(_) => {
                self.drain();
                let cause = "it no longer answers".to_owned();
                Err(SshError::Disconnected { at: self.at.clone(), cause })
            }
        }
    }

    /// It broke before the command was asked for.
    pub fn gone(&self) -> SshError {
        SshError::Disconnected { at: self.at.clone(), cause: self.cause() }
    }

    /// It broke after that.
    pub fn broke(&self) -> SshError {
        SshError::Lost { at: self.at.clone(), cause: self.cause() }
    }

    fn cause(&self) -> String {
        self.lost.get().cloned().unwrap_or_else(|| "the host closed it".to_owned())
    }
}

fn name(remote: &Remote) -> String {
    match remote.port {
        22 => remote.address.clone(),
        port => format!("{}:{port}", remote.address),
    }
}

fn configure(pinned: &HostKeys) -> client::Config {
    client::Config {
        preferred: Preferred { key: Cow::Owned(pinned.algorithms()), ..Preferred::DEFAULT },
        nodelay: true,
        // A dead peer is noticed after a minute, and a firewall sees traffic before it forgets us.
        keepalive_interval: Some(Duration::from_secs(15)),
        keepalive_max: 3,
        // Bounds what a fast host can make us hold for one command: the window, and as many packets.
        window_size: 1024 * 1024,
        maximum_packet_size: 32 * 1024,
        channel_buffer_size: 32,
        ..client::Config::default()
    }
}

fn explain(error: &std::io::Error, remote: &Remote) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            format!("nothing listens on port {} (connection refused)", remote.port)
        }
        _ => error.to_string(),
    }
}
