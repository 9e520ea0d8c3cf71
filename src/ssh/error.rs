//! What can go wrong on the way to a host, in words that say what to do next.

use crate::ports::ShellError;
use std::path::PathBuf;
use std::time::Duration;

/// Why a command gave no observation. [`Trouble::may_have_run`] sorts it for the port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SshError {
    #[error("no host is called `{host}` in the configuration")]
    UnknownHost { host: String },

    #[error("{at} cannot be reached: {cause}")]
    Unreachable { at: String, cause: String },

    #[error("{at} did not answer within {}: check the address, the port and the firewall", seconds(.after))]
    NoAnswer { at: String, after: Duration },

    #[error("{at} answers, but no SSH connection came about: {cause}")]
    Handshake { at: String, cause: String },

    #[error(
        "the host key of {} is not known: it showed an {} key with the fingerprint {}.{known} If that is the host's own \
         (on the host, `ssh-keygen -lf` of a file /etc/ssh/ssh_host_*_key.pub shows it), add this line to {}:\n{}",
        .shown.at, .shown.algorithm, .shown.fingerprint, .shown.file.display(), .shown.line
    )]
    HostKeyUnknown {
        shown: Box<ShownKey>,
        /// Keys of other kinds that are known: a sentence, or nothing.
        known: String,
    },

    #[error(
        "THE HOST KEY OF {} HAS CHANGED. Somebody may be listening in, or the host was installed anew. It showed an {} \
         key with the fingerprint {}, but {} holds another one in line {number}. Only if you know why it changed, put \
         this line in its place:\n{}",
        .shown.at, .shown.algorithm, .shown.fingerprint, .shown.file.display(), .shown.line
    )]
    HostKeyChanged {
        shown: Box<ShownKey>,
        /// Where the file holds the old key, counted from 1.
        number: usize,
    },

    #[error("the host key of {at} is marked as revoked in {}, line {number}: do not connect", .file.display())]
    HostKeyRevoked { at: String, file: PathBuf, number: usize },

    #[error("the known hosts in {} cannot be read: {cause}", .file.display())]
    KnownHosts { file: PathBuf, cause: String },

    #[error("the key file {} cannot be read: {cause}. Check the path in the configuration, and who may read it", .file.display())]
    KeyFile { file: PathBuf, cause: String },

    #[error(
        "the key {} is encrypted, and the agent does not ask for passphrases. Use a key without one, or load it into an \
         ssh-agent (`ssh-add {}`) and allow that agent", .file.display(), .file.display()
    )]
    KeyLocked { file: PathBuf },

    #[error("the ssh-agent at {} cannot be used: {cause}. Check SSH_AUTH_SOCK, and that it runs", .socket.display())]
    Agent { socket: PathBuf, cause: String },

    #[error(
        "there is no key to log in to {at} with: name a key file in the configuration, or allow the ssh-agent and load one"
    )]
    NoKey { at: String },

    #[error("{at} refused to let `{user}` in. Tried: {}. {advice}", .tried.join(", "))]
    Refused { at: String, user: String, tried: Vec<String>, advice: String },

    /// The connection that was at hand turned out to be dead before anything was asked.
    #[error("the connection to {at} broke before the command was asked for: {cause}")]
    Disconnected { at: String, cause: String },

    #[error(
        "{at} opens no further session: {cause}. Its `MaxSessions` may be lower than the number of sessions that is \
         configured here"
    )]
    NoSession { at: String, cause: String },

    #[error("{at} refused to run the command: a forced command or the account's shell may forbid it")]
    ExecRefused { at: String },

    #[error(
        "the gate on {host} does not admit this command. Make it anew with `fieldmedic host-setup`, from the playbooks \
         and parameters of today"
    )]
    NotAdmitted { host: String },

    #[error("the shell `sh` could not be started here: {cause}")]
    NoShell { cause: String },

    #[error("the connection to {at} broke while the command ran: {cause}")]
    Lost { at: String, cause: String },

    #[error("the command did not end within {}; {ending}", seconds(.limit))]
    TimedOut { limit: Duration, ending: StopResult },

    #[error("the command wrote more than {}; {ending}", bytes(*.limit))]
    OutputLimit { limit: u64, ending: StopResult },
}

/// A host key that is not trusted, and what would make it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownKey {
    pub at: String,
    pub algorithm: String,
    /// `SHA256:…`, as `ssh-keygen -l` writes it.
    pub fingerprint: String,
    pub file: PathBuf,
    /// What the file must hold for the key to be trusted.
    pub line: String,
}

/// What came of telling a command to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StopResult {
    #[error("it was told to stop, and stopped")]
    Stopped,
    #[error("it was told to stop, and may still be running")]
    Unknown,
}

impl SshError {
    /// The host was asked to run the command, so it is not safe to ask again.
    pub fn may_have_run(&self) -> bool {
        matches!(self, SshError::Lost { .. } | SshError::TimedOut { .. } | SshError::OutputLimit { .. })
    }

    /// It outlived its deadline or its cap on output, and is not known to have ended.
    fn may_still_run(&self) -> bool {
        matches!(
            self,
            SshError::TimedOut { ending: StopResult::Unknown, .. }
                | SshError::OutputLimit { ending: StopResult::Unknown, .. }
        )
    }
}

impl From<SshError> for ShellError {
    fn from(trouble: SshError) -> Self {
        let why = trouble.to_string();
        match trouble.may_have_run() {
            true => ShellError::InDoubt { why, may_still_run: trouble.may_still_run() },
            false => ShellError::NotStarted { why },
        }
    }
}

fn seconds(duration: &Duration) -> String {
    match duration.as_millis() {
        ms if ms % 1000 == 0 => format!("{} s", ms / 1000),
        ms => format!("{ms} ms"),
    }
}

fn bytes(count: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    match count {
        whole if whole >= MIB && whole % MIB == 0 => format!("{} MiB", whole / MIB),
        other => format!("{other} bytes"),
    }
}
