//! A real SSH server on 127.0.0.1 that answers from a [`Model`](super::Model).
//!
//! It behaves as OpenSSH does where an agent can tell: two host keys, ten sessions for a connection, exit
//! statuses and signals, channel failures. Connections are relayed through a pipe that can be cut, because
//! a host that vanishes does not say goodbye.

use super::model::{Fault, Response, Shared};
use crate::core::evidence::Exit;
use crate::ports::Clock;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, EcdsaCurve, PrivateKey, PublicKey, key::safe_rng};
use russh::server::{self, Auth, ChannelOpenHandle, Handle, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelOpenFailure, Disconnect, Sig};
use std::collections::BTreeMap;
use std::io::{Error, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Whom the server lets in, whatever the user's name.
#[derive(Debug, Clone)]
pub enum Welcome {
    /// Anybody with a key.
    Anyone,
    /// Who has the private half of this key, in OpenSSH's notation.
    Key(String),
}

/// What OpenSSH allows unless it is told otherwise.
const MAX_SESSIONS: usize = 10;

/// A running server. It stops, and its connections break, when it is dropped.
pub struct Server {
    address: SocketAddr,
    keys: Vec<PublicKey>,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    channels: AtomicUsize,
    peak: AtomicUsize,
}

impl Server {
    /// Starts on a free port of 127.0.0.1, with fresh host keys.
    ///
    /// # Errors
    /// No port or no key can be had, or the welcome key is none.
    pub async fn start(model: Shared, welcome: &Welcome, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let welcome = match welcome {
            Welcome::Anyone => None,
            Welcome::Key(text) => Some(PublicKey::from_openssh(text).map_err(Error::other)?),
        };
        let curve = EcdsaCurve::NistP256;
        let keys = [Algorithm::Ed25519, Algorithm::Ecdsa { curve }].map(new_key);
        let keys = keys.into_iter().collect::<Result<Vec<_>, _>>()?;
        let public = keys.iter().map(|key| key.public_key().clone()).collect();
        let config = Arc::new(server::Config {
            keys,
            nodelay: true,
            // A wrong key is answered at once: nobody attacks a box.
            auth_rejection_time: Duration::ZERO,
            inactivity_timeout: None,
            ..server::Config::default()
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let counts = Arc::new(Counts::default());
        let site = Site { model, welcome, clock, counts: Arc::clone(&counts) };
        let task = tokio::spawn(site.serve(listener, config));
        Ok(Self { address, keys: public, counts, task })
    }

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

/// Makes a key that nobody else has, writes its private half to a file that only its owner may read, and
/// gives the public half.
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

/// What all connections share.
#[derive(Clone)]
struct Site {
    model: Shared,
    welcome: Option<PublicKey>,
    clock: Arc<dyn Clock>,
    counts: Arc<Counts>,
}

impl Site {
    async fn serve(self, listener: TcpListener, config: Arc<server::Config>) {
        // Dropped with this task, which ends the connections.
        let mut wires = tokio::task::JoinSet::new();
        while let Ok((socket, _)) = listener.accept().await {
            if self.is_down() {
                continue;
            }
            self.counts.connections.fetch_add(1, Ordering::Relaxed);
            let (site, config) = (self.clone(), Arc::clone(&config));
            wires.spawn(site.relay(socket, config));
            while wires.try_join_next().is_some() {}
        }
    }

    /// Carries bytes between the socket and the session, until one of them ends or the wire is cut.
    async fn relay(self, mut socket: TcpStream, config: Arc<server::Config>) {
        let (mut near, far) = tokio::io::duplex(64 * 1024);
        let cut = Arc::new(Notify::new());
        let guest = Guest { site: self, cut: Arc::clone(&cut), open: BTreeMap::new() };
        let counts = Arc::clone(&guest.site.counts);
        let session = async {
            if let Ok(session) = server::run_stream(config, far, guest).await {
                let _ = session.await;
            }
        };
        let _ = socket.set_nodelay(true);
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut socket, &mut near) => {}
            () = cut.notified() => {}
            () = session => {}
        }
        drop(counts);
    }

    fn is_down(&self) -> bool {
        self.model.lock().is_unreachable(self.clock.now())
    }
}

/// One connection.
struct Guest {
    site: Site,
    cut: Arc<Notify>,
    /// What runs on each open channel.
    open: BTreeMap<ChannelId, Arc<Notify>>,
}

impl server::Handler for Guest {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, _user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        Ok(match &self.site.welcome {
            Some(known) if known.key_data() != key.public_key.key_data() => Auth::reject(),
            _ => Auth::Accept,
        })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.site.is_down() {
            self.cut.notify_one();
            return Ok(());
        }
        if self.open.len() >= MAX_SESSIONS {
            reply.reject(ChannelOpenFailure::ConnectFailed).await;
            return Ok(());
        }
        self.open.insert(channel.id(), Arc::new(Notify::new()));
        let open = self.site.counts.channels.fetch_add(1, Ordering::Relaxed) + 1;
        self.site.counts.peak.fetch_max(open, Ordering::Relaxed);
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        line: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(killed) = self.open.get(&id) else { return Ok(()) };
        let line = String::from_utf8_lossy(line);
        let response = self.site.model.lock().respond(&line, self.site.clock.now());
        if response.fault == Some(Fault::Refuse) {
            return session.channel_failure(id);
        }
        session.channel_success(id)?;
        let process = Process {
            site: self.site.clone(),
            cut: Arc::clone(&self.cut),
            killed: Arc::clone(killed),
            handle: session.handle(),
            id,
        };
        tokio::spawn(process.run(response));
        Ok(())
    }

    async fn signal(
        &mut self,
        id: ChannelId,
        signal: Sig,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if let (Sig::TERM | Sig::KILL, Some(killed)) = (signal, self.open.get(&id)) {
            killed.notify_one();
        }
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        if self.open.remove(&id).is_some() {
            self.site.counts.channels.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.site.counts.channels.fetch_sub(self.open.len(), Ordering::Relaxed);
    }
}

/// A command under way.
struct Process {
    site: Site,
    cut: Arc<Notify>,
    killed: Arc<Notify>,
    handle: Handle,
    id: ChannelId,
}

impl Process {
    async fn run(self, response: Response) {
        // What fails here fails because the other side has gone, which nobody is left to hear.
        let _ = self.play(response).await;
    }

    async fn play(&self, response: Response) -> Result<(), ()> {
        let end = self.site.clock.now() + response.delay;
        let run = response.run;
        let is_deaf = response.fault == Some(Fault::Stuck);
        tokio::select! {
            () = self.killed.notified(), if !is_deaf => {
                self.site.model.lock().end(run, self.site.clock.now());
                self.end(Exit::Signal("TERM".into())).await
            }
            result = async {
                if !response.delay.is_zero() {
                    self.site.clock.sleep_until(end).await;
                }
                self.speak(response).await
            } => result,
        }
    }

    async fn speak(&self, response: Response) -> Result<(), ()> {
        if response.fault == Some(Fault::Drop) {
            self.cut.notify_one();
            return Ok(());
        }
        self.handle.data(self.id, response.stdout).await.map_err(drop)?;
        self.handle.extended_data(self.id, 1, response.stderr).await.map_err(drop)?;
        match response.fault {
            Some(Fault::Hang | Fault::Stuck) => std::future::pending().await,
            Some(Fault::Flood) => loop {
                self.handle.data(self.id, vec![b'y'; 32 * 1024]).await.map_err(drop)?;
            },
            Some(Fault::Partial) => {
                // In order behind the output, which a cut wire would swallow.
                let (reason, nothing) = (Disconnect::ByApplication, String::new());
                self.handle.disconnect(reason, nothing.clone(), nothing).await.map_err(drop)
            }
            _ => self.end(response.exit).await,
        }
    }

    async fn end(&self, exit: Exit) -> Result<(), ()> {
        match exit {
            Exit::Code(code) => self.handle.exit_status_request(self.id, code.cast_unsigned()).await?,
            Exit::Signal(name) => {
                let (signal, nothing) = (signal(name), String::new());
                self.handle.exit_signal_request(self.id, signal, false, nothing.clone(), nothing).await?;
            }
            Exit::Unsaid => {}
        }
        self.handle.eof(self.id).await?;
        self.handle.close(self.id).await
    }
}

fn signal(name: String) -> Sig {
    match name.as_str() {
        "ABRT" => Sig::ABRT,
        "INT" => Sig::INT,
        "KILL" => Sig::KILL,
        "SEGV" => Sig::SEGV,
        "TERM" => Sig::TERM,
        _ => Sig::Custom(name),
    }
}
