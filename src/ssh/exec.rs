//! One command in one session: asked for, read to its end, or ended.
//!
//! It runs in a task of its own, because two things must be finished even when nobody waits for the
//! answer: a channel that is being opened, and one that has to be closed.

use crate::core::diagnosis::evidence::{Exit, RawObservation};
use crate::ssh::capture::Capture;
use crate::ssh::connection::Connection;
use crate::ssh::error::{SshError, StopResult};
use crate::ssh::route::SessionLimits;
use russh::client::Msg;
use russh::{Channel, ChannelMsg, Sig};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

type Answer = oneshot::Sender<Result<RawObservation, SshError>>;

/// Runs the line when a session is free. The deadline counts from the moment it is asked for.
pub(super) async fn run(
    connection: Arc<Connection>,
    line: &str,
    timeout: Duration,
    limits: &SessionLimits,
) -> Result<RawObservation, SshError> {
    let Some(slot) = connection.permit().await else { return Err(connection.gone()) };
    if !connection.is_usable() {
        return Err(connection.gone());
    }
    let (answer, answered) = oneshot::channel();
    let broke = connection.broke();
    let (line, limits) = (line.to_owned(), limits.clone());
    tokio::spawn(async move {
        run_session(&connection, line, timeout, limits, answer).await;
        drop(slot);
    });
    // The task answers, unless the runtime is going down with the command under way.
    answered.await.unwrap_or(Err(broke))
}

async fn run_session(
    connection: &Connection,
    line: String,
    timeout: Duration,
    limits: SessionLimits,
    mut answer: Answer,
) {
    let channel = match connection.channel(limits.connect).await {
        Ok(channel) => channel,
        Err(trouble) => {
            let _ = answer.send(Err(trouble));
            return;
        }
    };
    if answer.is_closed() {
        let _ = channel.close().await;
        return;
    }
    let begun = Instant::now();
    let deadline = begun + timeout;
    let mut session = Session {
        channel,
        connection,
        stdout: Capture::new(limits.kept),
        stderr: Capture::new(limits.kept),
        exit: None,
        at_end: false,
        limits,
    };
    let result = match session.ask(line).await {
        Ok(()) => session.read(deadline, &mut answer).await,
        Err(stop) => Err(stop),
    };
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let result = match result {
        Ok(()) => Ok(session.observe(took_ms)),
        Err(stop) => Err(session.stop(stop, timeout).await),
    };
    let _ = answer.send(result);
}

struct Session<'a> {
    channel: Channel<Msg>,
    connection: &'a Connection,
    stdout: Capture,
    stderr: Capture,
    exit: Option<Exit>,
    /// The host said that no more output will come.
    at_end: bool,
    limits: SessionLimits,
}

/// Why a session does not end by itself.
enum SessionStop {
    /// The host does not run it.
    Refused,
    /// The connection broke before the request was handed over.
    Unsent,
    Lost,
    Late,
    Flooded,
    /// Nobody waits for the answer any more.
    Abandoned,
}

impl Session<'_> {
    async fn ask(&mut self, line: String) -> Result<(), SessionStop> {
        self.channel.exec(true, line).await.map_err(|_| SessionStop::Unsent)?;
        // No input will come: a command that reads some must see its end, not wait.
        self.channel.eof().await.map_err(|_| SessionStop::Lost)
    }

    /// Reads until the host closes the channel. After the command's end, its remaining output is waited
    /// for as long as it flows: a child in the background may hold the channel open for ever.
    async fn read(&mut self, deadline: Instant, answer: &mut Answer) -> Result<(), SessionStop> {
        loop {
            let until = match &self.exit {
                Some(_) => deadline.min(Instant::now() + self.limits.grace),
                None => deadline,
            };
            let message = tokio::select! {
                biased;
                () = answer.closed() => return Err(SessionStop::Abandoned),
                message = timeout_at(until, self.channel.wait()) => message,
            };
            match message {
                Ok(Some(ChannelMsg::Close)) => return Ok(()),
                Ok(Some(ChannelMsg::Failure)) => return Err(SessionStop::Refused),
                Ok(Some(message)) => self.take(message),
                Ok(None) if self.exit.is_some() && self.at_end => return Ok(()),
                Ok(None) => return Err(SessionStop::Lost),
                Err(_) if self.exit.is_some() => {
                    self.close().await;
                    return Ok(());
                }
                Err(_) => return Err(SessionStop::Late),
            }
            if self.stdout.length() + self.stderr.length() > self.limits.output {
                return Err(SessionStop::Flooded);
            }
            // A stream that never pauses must not outrun the deadline.
            if self.exit.is_none() && Instant::now() >= deadline {
                return Err(SessionStop::Late);
            }
        }
    }

    fn take(&mut self, message: ChannelMsg) {
        match message {
            ChannelMsg::Data { data } => self.stdout.take(&data),
            ChannelMsg::ExtendedData { data, ext: 1 } => self.stderr.take(&data),
            ChannelMsg::ExitStatus { exit_status } => {
                // A status is a 32-bit number on the wire, and signed where programs make it.
                self.exit = Some(Exit::Code(exit_status.cast_signed()));
            }
            ChannelMsg::ExitSignal { signal_name, .. } => {
                self.exit = Some(Exit::Signal(signal(signal_name)));
            }
            ChannelMsg::Eof => self.at_end = true,
            _ => {}
        }
    }

    fn observe(self, took_ms: u64) -> RawObservation {
        RawObservation {
            exit: self.exit.unwrap_or(Exit::Unknown),
            stdout: self.stdout.finish(),
            stderr: self.stderr.finish(),
            took_ms,
        }
    }

    /// Leaves no session behind, and says what became of the command.
    async fn stop(&mut self, stop: SessionStop, limit: Duration) -> SshError {
        match stop {
            SessionStop::Refused => {
                self.close().await;
                SshError::ExecRefused { at: self.connection.at.clone() }
            }
            SessionStop::Unsent => self.connection.gone(),
            SessionStop::Lost => self.connection.broke(),
            SessionStop::Late => SshError::TimedOut { limit, ending: self.end().await },
            SessionStop::Flooded => {
                let limit = self.limits.output;
                SshError::OutputLimit { limit, ending: self.end().await }
            }
            SessionStop::Abandoned => {
                self.close().await;
                self.connection.drain();
                self.connection.broke()
            }
        }
    }

    /// Tells the command to stop, first kindly, then for good. It has stopped when the host has said how
    /// it ended and closed the channel: until then, one of its children may go on.
    async fn end(&mut self) -> StopResult {
        let mut has_ended = false;
        for signal in [Sig::TERM, Sig::KILL] {
            if self.channel.signal(signal).await.is_err() {
                return StopResult::Unknown;
            }
            let until = Instant::now() + self.limits.grace;
            while let Ok(message) = timeout_at(until, self.channel.wait()).await {
                match message {
                    Some(ChannelMsg::ExitStatus { .. } | ChannelMsg::ExitSignal { .. }) => has_ended = true,
                    Some(ChannelMsg::Close) if has_ended => return StopResult::Stopped,
                    Some(ChannelMsg::Close) | None => return StopResult::Unknown,
                    // What it still writes is of no use, and may never end.
                    Some(_) if Instant::now() >= until => break,
                    Some(_) => {}
                }
            }
        }
        self.close().await;
        self.connection.drain();
        StopResult::Unknown
    }

    /// Closes the channel from this side.
    async fn close(&self) {
        let _ = self.channel.close().await;
    }
}

/// A signal's name without `SIG`.
fn signal(signal: Sig) -> String {
    match signal {
        // OpenSSH adds its own name to a signal that the protocol does not know: `SYS@openssh.com`.
        // For one that it has no name for either, it says `SIG@openssh.com`.
        Sig::Custom(name) => match name.split('@').next() {
            None | Some("SIG") => "a signal without a name".to_owned(),
            Some(name) => name.to_owned(),
        },
        known => format!("{known:?}"),
    }
}
