//! One SSH connection to one host: opened, checked against its pinned key, logged in.

use crate::ssh::error::SshError;
use crate::ssh::known_hosts::{HostKeys, entry_name};
use crate::ssh::route::{Remote, SessionLimits};
use crate::ssh::sessions::{Refusal, Refusals, Sessions, Slot};
use crate::ssh::ssh_config;
use crate::ssh::ssh_config::{Hop, Via};
use crate::ssh::transport;
use crate::ssh::transport::Transport;
use crate::ssh::verifier::{Broken, HostKeyVerifier, Lost};
use russh::client::{self, Handle};
use russh::{AlgorithmKind, Channel, Preferred};
use std::borrow::Cow;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::process::Child;
use tokio::time::{Instant, timeout};

/// The first pause before a server that closed the connection before the login is asked again. Each is
/// twice as long as the one before; all end with [`SessionLimits::connect`].
const PAUSE: Duration = Duration::from_millis(200);

/// An open connection. It closes when the last command on it has ended and nobody holds it.
pub(super) struct Connection {
    handle: Handle<HostKeyVerifier>,
    sessions: Arc<Sessions>,
    /// What the gate said of itself; inside, `None` if there is none. It holds for the whole connection,
    /// because the server reads the options of a key when it lets somebody in.
    gate: OnceLock<Option<String>>,
    /// The login shell is a restricted one.
    forbids_exec: AtomicBool,
    /// Sessions may be left over on the host, so that nothing new is begun here.
    retired: AtomicBool,
    lost: Lost,
    pub at: String,
    /// What the connection runs through, the nearest first.
    _carriers: Vec<Carrier>,
}

/// What has to live as long as a connection through it.
enum Carrier {
    Jump { _handle: Handle<HostKeyVerifier> },
    Command { _child: Child },
}

/// A session that the server has opened.
pub(super) struct OpenedChannel {
    pub channel: Channel<client::Msg>,
    /// Dropped when the session has ended.
    pub slot: Slot,
}

/// A server that let somebody in.
struct Reached {
    handle: Handle<HostKeyVerifier>,
    lost: Lost,
    carriers: Vec<Carrier>,
}

impl Connection {
    /// Opens it and logs in. A server that closes the connection before the login may have too many of them
    /// under way, so it is asked again for a while.
    ///
    /// # Errors
    /// [`SshError`] if the host cannot be reached, its key is not trusted, or it does not accept the login.
    pub(super) async fn open(remote: &Remote, limits: &SessionLimits) -> Result<Self, SshError> {
        let until = Instant::now() + limits.connect;
        let hop = ssh_config::resolve(remote).await?;
        let mut pause = PAUSE;
        loop {
            match reach(&hop, limits).await {
                Err(SshError::Dropped { at, cause }) if Instant::now() + pause < until => {
                    tracing::debug!(
                        at,
                        cause,
                        "the server closed the connection before the login; it is asked again"
                    );
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                reached => {
                    let Reached { handle, lost, carriers } = reached?;
                    return Ok(Self {
                        handle,
                        sessions: Sessions::new(limits.sessions),
                        gate: OnceLock::new(),
                        forbids_exec: AtomicBool::new(false),
                        retired: AtomicBool::new(false),
                        lost,
                        at: hop.at,
                        _carriers: carriers,
                    });
                }
            }
        }
    }

    /// Whether a new command may be begun on it.
    pub(super) fn is_usable(&self) -> bool {
        !self.handle.is_closed() && !self.retired.load(Ordering::Relaxed)
    }

    /// Lets the commands on it end, and begins no new one. A session that was closed from this side may
    /// go on at the host, where it counts against `MaxSessions` and nobody can tell for how long.
    pub(super) fn drain(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// What the gate said of its rules, such as `fieldmedic-gate 2 <hash>`; `None` if there is none.
    pub(super) fn gate(&self) -> Option<&str> {
        self.gate.get().and_then(Option::as_deref)
    }

    /// Records what the gate said, or that there is none. Only the first call counts.
    pub(super) fn note_gate(&self, said: Option<String>) {
        let _ = self.gate.set(said);
    }

    /// Whether the login shell is known to forbid `exec`.
    pub(super) fn forbids_exec(&self) -> bool {
        self.forbids_exec.load(Ordering::Relaxed)
    }

    /// Records that the login shell forbids `exec`, for the commands that follow.
    pub(super) fn note_exec_forbidden(&self) {
        self.forbids_exec.store(true, Ordering::Relaxed);
    }

    /// Waits for a free session. `None` if the connection will have none.
    pub(super) async fn slot(&self) -> Option<Slot> {
        self.sessions.slot().await.filter(|_| self.is_usable())
    }

    /// Opens a channel; `None` if the server is busy, and another slot has to be waited for. The caller lets
    /// this finish: a channel that is abandoned while it opens stays open at the host.
    ///
    /// # Errors
    /// [`SshError::NoSession`] if the server opens none at all; [`SshError::Disconnected`] if the connection
    /// broke.
    pub(super) async fn channel(
        &self,
        mut slot: Slot,
        limit: Duration,
        refusals: &mut Refusals,
    ) -> Result<Option<OpenedChannel>, SshError> {
        match timeout(limit, self.handle.channel_open_session()).await {
            Ok(Ok(channel)) => {
                slot.opened();
                Ok(Some(OpenedChannel { channel, slot }))
            }
            Ok(Err(russh::Error::ChannelOpenFailure(reason))) => match slot.refused(refusals).await {
                Refusal::Busy => Ok(None),
                Refusal::Final => {
                    let cause = reason.description().to_owned();
                    Err(SshError::NoSession { at: self.at.clone(), cause })
                }
            },
            Ok(Err(_)) => Err(self.gone()),
            Err(_) => {
                self.drain();
                let cause = "it no longer answers".to_owned();
                Err(SshError::Disconnected { at: self.at.clone(), cause })
            }
        }
    }

    /// It broke before the command was asked for.
    pub(super) fn gone(&self) -> SshError {
        SshError::Disconnected { at: self.at.clone(), cause: self.cause() }
    }

    /// It broke after that.
    pub(super) fn broke(&self) -> SshError {
        SshError::Lost { at: self.at.clone(), cause: self.cause() }
    }

    fn cause(&self) -> String {
        self.lost.get().cloned().unwrap_or_else(|| "the host closed it".to_owned())
    }
}

/// Reaches a server, through those before it, and logs in.
async fn reach(hop: &Hop, limits: &SessionLimits) -> Result<Reached, SshError> {
    let keys = hop.keys.read()?;
    let name = hop.alias.clone().unwrap_or_else(|| entry_name(&hop.address, hop.port));
    let pinned = HostKeys::read(&hop.known_hosts, &hop.revoked, &name)?;
    let limit = hop.connect.unwrap_or(limits.connect);
    let late = |after| SshError::NoAnswer { at: hop.at.clone(), after };
    let mut carriers = Vec::new();
    let transport: Box<dyn Transport> = match &hop.via {
        Via::Direct => Box::new(transport::tcp(&hop.address, hop.port, limit, &hop.at).await?),
        Via::Command(line) => {
            let (transport, child) = transport::command(line, &hop.at)?;
            carriers.push(Carrier::Command { _child: child });
            Box::new(transport)
        }
        Via::Jump(before) => {
            let Reached { handle, carriers: further, .. } = Box::pin(reach(before, limits)).await?;
            let through = handle.channel_open_direct_tcpip(&hop.address, hop.port.into(), "127.0.0.1", 0);
            let channel = timeout(limit, through).await.map_err(|_| late(limit))?;
            let channel = channel.map_err(|error| SshError::Unreachable {
                at: hop.at.clone(),
                cause: format!("the jump host {} does not connect to it: {error}", before.at),
            })?;
            carriers.push(Carrier::Jump { _handle: handle });
            carriers.extend(further);
            Box::new(channel.into_stream())
        }
    };
    let lost = Lost::default();
    let config = Arc::new(configure(&pinned));
    let client = HostKeyVerifier::new(pinned, Arc::clone(&lost));
    let connected = timeout(limit, client::connect_stream(config, transport, client)).await;
    let connected = connected.map_err(|_| late(limit))?;
    let mut handle = connected.map_err(|error| explain(error, &hop.at))?;
    let login = hop.keys.authenticate(&hop.user, &mut handle, keys, &hop.at);
    timeout(limits.login, login).await.map_err(|_| late(limits.login))??;
    Ok(Reached { handle, lost, carriers })
}

/// Why there is no connection.
fn explain(error: Broken, at: &str) -> SshError {
    let at = at.to_owned();
    let error = match error {
        Broken::HostKey(trouble) => return trouble,
        Broken::Protocol(error) => error,
    };
    let cause = error.to_string();
    match error {
        russh::Error::NoCommonAlgo { kind: AlgorithmKind::Key, theirs, .. } => {
            SshError::WeakHostKey { at, offered: theirs.join(", ") }
        }
        russh::Error::Disconnect | russh::Error::HUP | russh::Error::ConnectionTimeout => {
            SshError::Dropped { at, cause }
        }
        russh::Error::IO(error)
            if matches!(
                error.kind(),
                ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
            ) =>
        {
            SshError::Dropped { at, cause }
        }
        _ => SshError::Handshake { at, cause },
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
