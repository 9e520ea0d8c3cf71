//! One command in one session: asked for, read to its end, or ended.
//!
//! It runs in a task of its own, because two things must be finished even when nobody waits for the
//! answer: a channel that is being opened, and one that has to be closed.

use crate::core::diagnosis::evidence::{Exit, RawObservation};
use crate::core::gate;
use crate::core::playbook::command::envelope;
use crate::core::playbook::command::envelope::Start;
use crate::ssh::connection::{Connection, OpenedChannel};
use crate::ssh::error::{SshError, StopResult};
use crate::ssh::route::SessionLimits;
use crate::ssh::sessions::Refusals;
use crate::ssh::stream::Stream;
use russh::client::Msg;
use russh::{Channel, ChannelMsg, Sig};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

type Answer = oneshot::Sender<Result<RawObservation, SshError>>;

/// What the other side of a session does with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Receiver {
    /// A login shell, which gets the line sealed.
    LoginShell(Start),
    /// A gate, which compares the line and marks where its output begins.
    Gate,
    /// Nobody marks where the output begins: an old gate, and the question for a gate.
    Unmarked,
}

/// What is to be run.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub line: String,
    /// Counted from the moment the host is asked for it.
    pub timeout: Duration,
    /// Later, the host is not asked any more: a lease has run out.
    pub begin_by: Option<Instant>,
}

/// Runs the line when a session is free.
pub(super) async fn run(
    connection: Arc<Connection>,
    order: &Order,
    limits: &SessionLimits,
) -> Result<RawObservation, SshError> {
    let receiver = match connection.gate() {
        Some(said) if said.starts_with(gate::OLD) => Receiver::Unmarked,
        Some(_) => Receiver::Gate,
        None if connection.forbids_exec() => Receiver::LoginShell(Start::Child),
        None => Receiver::LoginShell(Start::Exec),
    };
    let result = send(&connection, order, receiver, limits).await;
    if receiver == Receiver::Unmarked && result.as_ref().is_ok_and(is_refusal) {
        return Err(SshError::NotAdmitted { host: connection.at.clone() });
    }
    if receiver != Receiver::LoginShell(Start::Exec) || !matches!(result, Err(SshError::LoginFailed { .. })) {
        return result;
    }
    // Nothing has run. A restricted shell forbids `exec`, and nothing else that is needed.
    let second = send(&connection, order, Receiver::LoginShell(Start::Child), limits).await;
    match second {
        Err(SshError::LoginFailed { .. }) => result,
        other => {
            connection.note_exec_forbidden();
            other
        }
    }
}

/// Asks whether the login meets a gate, and which rules it has; `None` if there is none.
pub(super) async fn ask_gate(
    connection: &Arc<Connection>,
    limits: &SessionLimits,
) -> Result<Option<String>, SshError> {
    let question = Order { line: gate::QUESTION.to_owned(), timeout: limits.connect, begin_by: None };
    let seen = match send(connection, &question, Receiver::Unmarked, limits).await {
        // Commands will be refused likewise, each with its own error.
        Err(SshError::ExecRefused { .. }) => return Ok(None),
        Err(SshError::TimedOut { limit, .. }) => {
            return Err(SshError::NoAnswer { at: connection.at.clone(), after: limit });
        }
        Err(SshError::Lost { at, cause }) => return Err(SshError::Disconnected { at, cause }),
        seen => seen?,
    };
    let said = String::from_utf8_lossy(&seen.stdout.kept).into_owned();
    // Start-up files may have printed something before it, with or without a line break.
    let answer = said.rsplit_once(gate::NAME).and_then(|(_, rest)| rest.lines().next());
    Ok(answer.filter(|_| seen.exit.is_success()).map(|rest| format!("{}{}", gate::NAME, rest.trim_end())))
}

async fn send(
    connection: &Arc<Connection>,
    order: &Order,
    receiver: Receiver,
    limits: &SessionLimits,
) -> Result<RawObservation, SshError> {
    let text = match receiver {
        Receiver::LoginShell(start) => envelope::seal(&order.line, start),
        Receiver::Gate | Receiver::Unmarked => order.line.clone(),
    };
    if text.len() > envelope::LONGEST {
        return Err(SshError::TooLong { length: text.len() });
    }
    let order = Order { line: text, ..order.clone() };
    let (answer, answered) = oneshot::channel();
    let broke = connection.broke();
    let (connection, limits) = (Arc::clone(connection), limits.clone());
    tokio::spawn(async move { run_session(&connection, order, receiver, limits, answer).await });
    // The task answers, unless the runtime is going down with the command under way.
    answered.await.unwrap_or(Err(broke))
}

async fn run_session(
    connection: &Connection,
    Order { line, timeout, begin_by }: Order,
    receiver: Receiver,
    limits: SessionLimits,
    mut answer: Answer,
) {
    let mut refusals = Refusals::default();
    let OpenedChannel { channel, slot } = loop {
        // Who stops waiting for a free session gets none.
        let slot = tokio::select! {
            biased;
            () = answer.closed() => return,
            slot = connection.slot() => slot,
        };
        let opened = match slot {
            Some(slot) => connection.channel(slot, limits.connect, &mut refusals).await,
            None => Err(connection.gone()),
        };
        match opened {
            Ok(Some(opened)) => break opened,
            Ok(None) => {}
            Err(trouble) => {
                let _ = answer.send(Err(trouble));
                return;
            }
        }
    };
    if answer.is_closed() {
        let _ = channel.close().await;
        return;
    }
    let begun = Instant::now();
    if begin_by.is_some_and(|latest| begun >= latest) {
        let _ = channel.close().await;
        let _ = answer.send(Err(SshError::LeaseOver { at: connection.at.clone() }));
        return;
    }
    let deadline = begun + timeout;
    let marked = receiver != Receiver::Unmarked;
    let mut session = Session {
        channel,
        connection,
        stdout: Stream::new(marked, limits.kept),
        stderr: Stream::new(marked, limits.kept),
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
        Ok(()) => session.observe(took_ms),
        Err(stop) => Err(session.stop(stop, timeout).await),
    };
    drop(slot);
    let _ = answer.send(result);
}

struct Session<'a> {
    channel: Channel<Msg>,
    connection: &'a Connection,
    stdout: Stream,
    stderr: Stream,
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

    /// What was seen; or an error, if the command was not begun.
    fn observe(self, took_ms: u64) -> Result<RawObservation, SshError> {
        if !self.stdout.has_begun || !self.stderr.has_begun {
            return Err(self.not_begun());
        }
        Ok(RawObservation {
            exit: self.exit.unwrap_or(Exit::Unknown),
            stdout: self.stdout.finish(),
            stderr: self.stderr.finish(),
            took_ms,
        })
    }

    /// The session ended, and a marker is missing: whoever was to write it comes before the command.
    fn not_begun(self) -> SshError {
        let at = self.connection.at.clone();
        let said = [self.stderr.noise(), self.stdout.noise()].map(tame);
        let Some(exit) = self.exit else {
            return SshError::Lost { at, cause: "the host did not say how the session ended".into() };
        };
        if exit == Exit::Code(gate::REFUSED) && said.iter().any(|text| text.ends_with(gate::DENIED)) {
            return SshError::NotAdmitted { host: at };
        }
        let words = said.iter().find(|text| !text.is_empty());
        let words = words.map(|text| format!(", and said: {text}")).unwrap_or_default();
        let advice = match self.connection.gate() {
            Some(_) => "The gate let it in, but could not start it",
            None => {
                "The account needs a shell that may run `sh`: check its login shell and its start-up files"
            }
        };
        SshError::LoginFailed { at, exit: exit.to_string(), words, advice }
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

/// A gate that has run nothing, and marks nothing. All three signs together: what ran may end or speak like
/// it, not both.
fn is_refusal(seen: &RawObservation) -> bool {
    seen.exit == Exit::Code(gate::REFUSED)
        && seen.stdout.length == 0
        && seen.stderr.kept.strip_suffix(b"\n") == Some(gate::DENIED.as_bytes())
}

/// The end of foreign text, on one line.
fn tame(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let words = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty());
    let text = words.collect::<Vec<_>>().join(" ");
    let skip = text.chars().count().saturating_sub(300);
    text.chars().skip(skip).collect()
}
