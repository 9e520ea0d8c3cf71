//! One connection to the fake host: authentication, open channels, and the commands that run on them.

use crate::host::fake_host::HostResponse;
use crate::host::server_context::{Counts, ServerContext};
use crate::host::spec_file::HostFault;
use fieldmedic_core::diagnosis::evidence::Exit;
use fieldmedic_core::gate;
use fieldmedic_core::playbook::command::envelope;
use fieldmedic_core::playbook::command::envelope::MARKER;
use russh::server::{self, Auth, ChannelOpenHandle, Handle, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelOpenFailure, Disconnect, Sig};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// What OpenSSH allows unless it is told otherwise.
const MAX_SESSIONS: usize = 10;

/// The open channels of one connection, each with the notification that ends its command.
struct Open {
    channels: Mutex<BTreeMap<ChannelId, Arc<Notify>>>,
    counts: Arc<Counts>,
}

impl Open {
    fn channels(&self) -> MutexGuard<'_, BTreeMap<ChannelId, Arc<Notify>>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a channel, unless there are too many.
    fn admit(&self, id: ChannelId) -> bool {
        let mut channels = self.channels();
        if channels.len() >= MAX_SESSIONS {
            return false;
        }
        channels.insert(id, Arc::default());
        let open = self.counts.channels.fetch_add(1, Ordering::Relaxed) + 1;
        self.counts.peak.fetch_max(open, Ordering::Relaxed);
        true
    }

    fn kill_notify(&self, id: ChannelId) -> Option<Arc<Notify>> {
        self.channels().get(&id).cloned()
    }

    /// Forgets a channel, whichever side closed it.
    fn release(&self, id: ChannelId) {
        if self.channels().remove(&id).is_some() {
            self.counts.channels.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.counts.channels.fetch_sub(self.channels().len(), Ordering::Relaxed);
    }
}

/// One connection.
pub(super) struct SshSession {
    context: ServerContext,
    /// Breaks the connection when it is notified.
    cut: Arc<Notify>,
    open: Arc<Open>,
}

impl SshSession {
    /// A connection without channels. To notify `cut` breaks it.
    pub(super) fn new(context: ServerContext, cut: Arc<Notify>) -> Self {
        let open = Arc::new(Open { channels: Mutex::default(), counts: Arc::clone(&context.counts) });
        Self { context, cut, open }
    }
}

impl SshSession {
    /// What the host does with a text, as a login shell or as a gate that marks where output begins.
    fn respond(&self, text: &str) -> HostResponse {
        let mut host = self.context.host.lock();
        let now = self.context.clock.now();
        let gate = host.answer_to(gate::QUESTION, now);
        let has_gate = gate.is_some();
        let marks = gate.is_some_and(|said| !said.starts_with(gate::OLD));
        if text == gate::QUESTION && !has_gate {
            // What a login shell says of an unknown program. It is a question to the server, not to the host
            // behind it, so that no log shows it.
            return HostResponse::not_found(text);
        }
        let line = envelope::open(text);
        let mut response = host.respond(line.as_deref().unwrap_or(text), now);
        let is_refusal = has_gate
            && response.exit == Exit::Code(gate::REFUSED)
            && response.stdout.is_empty()
            && response.stderr.starts_with(gate::DENIED.as_bytes());
        if line.is_some() || marks && text != gate::QUESTION && !is_refusal {
            for stream in [&mut response.stdout, &mut response.stderr] {
                stream.splice(..0, MARKER.bytes());
            }
        }
        response
    }
}

impl server::Handler for SshSession {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, _user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        Ok(match &self.context.authorized {
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
        if self.context.is_unreachable() {
            self.cut.notify_one();
            return Ok(());
        }
        match self.open.admit(channel.id()) {
            true => reply.accept().await,
            // What OpenSSH says when `MaxSessions` is reached.
            false => reply.reject(ChannelOpenFailure::ConnectFailed).await,
        }
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        line: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(killed) = self.open.kill_notify(id) else { return Ok(()) };
        let line = String::from_utf8_lossy(line);
        let response = self.respond(&line);
        if response.fault == Some(HostFault::Refuse) {
            return session.channel_failure(id);
        }
        session.channel_success(id)?;
        let process = Process {
            context: self.context.clone(),
            cut: Arc::clone(&self.cut),
            open: Arc::clone(&self.open),
            killed,
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
        if let (Sig::TERM | Sig::KILL, Some(killed)) = (signal, self.open.kill_notify(id)) {
            killed.notify_one();
        }
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        self.open.release(id);
        Ok(())
    }
}

/// A command under way.
struct Process {
    context: ServerContext,
    cut: Arc<Notify>,
    open: Arc<Open>,
    killed: Arc<Notify>,
    handle: Handle,
    id: ChannelId,
}

impl Process {
    async fn run(self, response: HostResponse) {
        // An error here means that the client has gone; there is nobody to report it to.
        let _ = self.wait_and_respond(response).await;
    }

    async fn wait_and_respond(&self, response: HostResponse) -> Result<(), ()> {
        let end = self.context.clock.now() + response.delay;
        let run = response.run;
        let is_deaf = response.fault == Some(HostFault::Stuck);
        tokio::select! {
            () = self.killed.notified(), if !is_deaf => {
                self.context.host.lock().end(run, self.context.clock.now());
                self.end(Exit::Signal("TERM".into())).await
            }
            result = async {
                if !response.delay.is_zero() {
                    self.context.clock.sleep_until(end).await;
                }
                self.respond(response).await
            } => result,
        }
    }

    async fn respond(&self, response: HostResponse) -> Result<(), ()> {
        if response.fault == Some(HostFault::Drop) {
            self.cut.notify_one();
            return Ok(());
        }
        self.handle.data(self.id, response.stdout).await.map_err(drop)?;
        self.handle.extended_data(self.id, 1, response.stderr).await.map_err(drop)?;
        match response.fault {
            Some(HostFault::Hang | HostFault::Stuck) => std::future::pending().await,
            Some(HostFault::Flood) => loop {
                self.handle.data(self.id, vec![b'y'; 32 * 1024]).await.map_err(drop)?;
            },
            Some(HostFault::Partial) => {
                // Sent in order after the output, which a cut connection would lose.
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
            Exit::Unknown => {}
        }
        self.handle.eof(self.id).await?;
        // Before the other side can hear of it, and open the next.
        self.open.release(self.id);
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
