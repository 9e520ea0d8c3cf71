//! Errors on the way to a host. Each text names the problem, its cause and the next step.

use crate::core::playbook::command::envelope;
use crate::ports::ShellError;
use std::path::PathBuf;
use std::time::Duration;

/// Why a command gave no observation. [`SshError::may_have_run`] sorts it for the port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SshError {
    #[error("the configuration has no host `{host}`; add [hosts.{host}]")]
    UnknownHost { host: String },

    #[error("{at} cannot be reached: {cause}")]
    Unreachable { at: String, cause: String },

    #[error("{at} did not answer within {}: check the address, the port and the firewall", seconds(.after))]
    NoAnswer { at: String, after: Duration },

    #[error("{at} answers, but the SSH handshake failed: {cause}. Check that the port is the SSH server's")]
    Handshake { at: String, cause: String },

    #[error(
        "{at} closed the connection before the login ({cause}), several times: it may have too many logins under way \
         (`MaxStartups` in its sshd_config), or not let this address in"
    )]
    Dropped { at: String, cause: String },

    #[error(
        "{at} has no host key that can be trusted: it offers only {offered}. Signatures with SHA-1 (`ssh-rsa`, `ssh-dss`) \
         are refused, as OpenSSH does; let its sshd use an ed25519 key, or rsa-sha2-512 for the RSA key"
    )]
    WeakHostKey { at: String, offered: String },

    #[error("the OpenSSH configuration does not say how to reach {at}: {cause}")]
    SshConfig { at: String, cause: String },

    #[error("the ProxyCommand to {at} could not be started: {cause}")]
    ProxyCommand { at: String, cause: String },

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
        "THE HOST KEY OF {} HAS CHANGED. The connection may be intercepted, or the host was reinstalled. It showed an {} \
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
        "the permissions {mode:04o} of the private key {} are too open: others than its owner can read it, so it is \
         not used. Run `chmod 600 {}`, and replace the key if somebody may have copied it", .file.display(), .file.display()
    )]
    KeyExposed { file: PathBuf, mode: u32 },

    #[error(
        "the key {} is encrypted, and Fieldmedic asks for no passphrase. Use a key without one, or load it into an \
         ssh-agent (`ssh-add {}`) and allow that agent", .file.display(), .file.display()
    )]
    KeyLocked { file: PathBuf },

    #[error("the ssh-agent at {} cannot be used: {cause}. Check SSH_AUTH_SOCK, and that it runs", .socket.display())]
    Agent { socket: PathBuf, cause: String },

    #[error(
        "there is no key for {at}: name a key file in the configuration, or allow the ssh-agent and load one"
    )]
    NoKey { at: String },

    #[error("{at} refused to let `{user}` in. Tried: {}. {advice}", .tried.join(", "))]
    Refused { at: String, user: String, tried: Vec<String>, advice: String },

    /// The connection that was at hand turned out to be dead before anything was asked.
    #[error("the connection to {at} broke before the command was asked for: {cause}")]
    Disconnected { at: String, cause: String },

    #[error(
        "{at} opens no session, although no other one is open on this connection: {cause}. Check `MaxSessions` in its \
         sshd_config; one is enough for Fieldmedic"
    )]
    NoSession { at: String, cause: String },

    /// The marker never came, so the wrapper around the command did not begin it.
    #[error("the login shell on {at} did not run the command: it ended with {exit}{words}. {advice}")]
    LoginFailed {
        at: String,
        exit: String,
        /// What it said: `, and said: …`, or nothing.
        words: String,
        advice: &'static str,
    },

    #[error("the command is {length} bytes long, and a login shell takes {} at most", envelope::LONGEST)]
    TooLong { length: usize },

    #[error("the lease of {at} ran out while the command waited for its turn")]
    LeaseOver { at: String },

    /// Not the host's trouble: it is waited for, and the host is asked again.
    #[error("this machine has {what}")]
    Shortage { what: String },

    #[error("{at} refused to run the command: a forced command or the account's shell may forbid it")]
    ExecRefused { at: String },

    #[error(
        "the gate on {host} does not allow this command. Generate it again with `fieldmedic host-setup`, from today's playbooks and \
         parameters"
    )]
    NotAdmitted { host: String },

    #[error("the shell `sh` could not be started on this machine: {cause}")]
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

    /// Whether trying again is useless until a person changes the configuration, the host or a key. The others
    /// may pass by themselves: a host that is down, a network that is slow, a session limit that is reached.
    pub fn is_permanent(&self) -> bool {
        matches!(
            self,
            SshError::UnknownHost { .. }
                | SshError::HostKeyUnknown { .. }
                | SshError::HostKeyChanged { .. }
                | SshError::HostKeyRevoked { .. }
                | SshError::KnownHosts { .. }
                | SshError::WeakHostKey { .. }
                | SshError::SshConfig { .. }
                | SshError::ProxyCommand { .. }
                | SshError::KeyFile { .. }
                | SshError::KeyExposed { .. }
                | SshError::KeyLocked { .. }
                | SshError::NoKey { .. }
                | SshError::Refused { .. }
                | SshError::ExecRefused { .. }
                | SshError::TooLong { .. }
                | SshError::NotAdmitted { .. }
        )
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
    fn from(error: SshError) -> Self {
        let why = error.to_string();
        match error.may_have_run() {
            true => ShellError::InDoubt { why, may_still_run: error.may_still_run() },
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
