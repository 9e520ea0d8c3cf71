//! A real SSH server on 127.0.0.1 that answers from a [`FakeHost`](crate::host::FakeHost).
//!
//! It behaves as OpenSSH does where a client can tell: two host keys, ten sessions for a connection, exit
//! statuses and signals, channel failures. Connections are relayed through a pipe that can be cut, because
//! a host that vanishes does not close its connections.

#![expect(clippy::disallowed_methods, reason = "writes the key of the simulated host")]

use crate::host::fake_host::SharedHost;
use crate::host::server_context::{Counts, ServerContext};
use crate::host::ssh_session::SshSession;
use fieldmedic_ports::Clock;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, EcdsaCurve, PrivateKey, PublicKey, key::safe_rng};
use russh::server;
use std::io::{Error, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

/// Which keys the server accepts, whatever the user's name.
#[derive(Debug, Clone)]
pub enum AuthorizedKey {
    /// Anybody with a key.
    Anyone,
    /// Who has the private half of this key, in OpenSSH's notation.
    Key(String),
}

/// A running server. It stops, and its connections break, when it is dropped.
pub struct Server {
    address: SocketAddr,
    keys: Vec<PublicKey>,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts on a free port of 127.0.0.1, with fresh host keys.
    ///
    /// # Errors
    /// There is no free port, no host key can be made, or the authorized key is not a public key.
    pub async fn start(
        host: SharedHost,
        authorized: &AuthorizedKey,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let authorized = match authorized {
            AuthorizedKey::Anyone => None,
            AuthorizedKey::Key(text) => Some(PublicKey::from_openssh(text).map_err(Error::other)?),
        };
        let curve = EcdsaCurve::NistP256;
        let keys = [Algorithm::Ed25519, Algorithm::Ecdsa { curve }].map(new_key);
        let keys = keys.into_iter().collect::<Result<Vec<_>, _>>()?;
        let public = keys.iter().map(|key| key.public_key().clone()).collect();
        let config = Arc::new(server::Config {
            keys,
            nodelay: true,
            // A wrong key is rejected at once: nobody attacks a fake host.
            auth_rejection_time: Duration::ZERO,
            inactivity_timeout: None,
            ..server::Config::default()
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let counts = Arc::new(Counts::default());
        let context = ServerContext { host, authorized, clock, counts: Arc::clone(&counts) };
        let task = tokio::spawn(serve(context, listener, config));
        Ok(Self { address, keys: public, counts, task })
    }

    /// The address that it listens on: 127.0.0.1 and a free port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The lines that pin this server in a `known_hosts` file: one for each kind of key.
    pub fn known_hosts(&self) -> Vec<String> {
        let name = format!("[{}]:{}", self.address.ip(), self.address.port());
        self.keys.iter().filter_map(|key| Some(format!("{name} {}", key.to_openssh().ok()?))).collect()
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// How many channels are open.
    pub fn channels(&self) -> usize {
        self.counts.channels.load(Ordering::Relaxed)
    }

    /// The most channels that were open at a time.
    pub fn peak_channels(&self) -> usize {
        self.counts.peak.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Generates a key, writes the private half to a file that only its owner may read, and returns the public
/// half.
///
/// # Errors
/// The file exists or cannot be written.
pub fn write_key(file: &Path) -> Result<String, Error> {
    use std::os::unix::fs::OpenOptionsExt;
    let key = new_key(Algorithm::Ed25519)?;
    let text = key.to_openssh(LineEnding::LF).map_err(Error::other)?;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    file.write_all(text.as_bytes())?;
    key.public_key().to_openssh().map_err(Error::other)
}

fn new_key(algorithm: Algorithm) -> Result<PrivateKey, Error> {
    PrivateKey::random(&mut safe_rng(), algorithm).map_err(Error::other)
}

/// Accepts connections until the task is dropped.
async fn serve(context: ServerContext, listener: TcpListener, config: Arc<server::Config>) {
    // Dropped with this task, which ends the connections.
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        if context.is_unreachable() {
            continue;
        }
        context.counts.connections.fetch_add(1, Ordering::Relaxed);
        connections.spawn(relay(context.clone(), socket, Arc::clone(&config)));
        while connections.try_join_next().is_some() {}
    }
}

/// Carries bytes between the socket and the session, until one of them ends or the connection is cut.
async fn relay(context: ServerContext, mut socket: TcpStream, config: Arc<server::Config>) {
    let (mut near, far) = tokio::io::duplex(64 * 1024);
    let cut = Arc::new(Notify::new());
    let handler = SshSession::new(context, Arc::clone(&cut));
    let session = async {
        if let Ok(session) = server::run_stream(config, far, handler).await {
            let _ = session.await;
        }
    };
    let _ = socket.set_nodelay(true);
    // A session that has ended may have left its last bytes in the pipe.
    let carry = async { tokio::join!(tokio::io::copy_bidirectional(&mut socket, &mut near), session) };
    tokio::select! {
        _ = carry => {}
        () = cut.notified() => {}
    }
}
