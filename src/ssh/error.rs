//! Errors on the way to a host. Each text names the problem, its cause and the next step.

use crate::core::playbook::command::envelope;
use crate::ports::ShellError;
use std::path::PathBuf;
use std::time::Duration;

/// Why a command gave no observation. [`SshError::may_have_run`] sorts it for the port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SshError {
    /// The configuration has no such host.
    #[error("the configuration has no host `{host}`; add [hosts.{host}]")]
    UnknownHost {
        /// The name that was asked for.
        host: String,
    },

    /// No connection to the server could be made.
    #[error("{at} cannot be reached: {cause}")]
    Unreachable {
        /// The server: its address, and its port unless that is 22.
        at: String,
        /// The reason, for people.
        cause: String,
    },

    /// The server did not answer in time: to the connection, the handshake, the login or the question for a
    /// gate.
    #[error("{at} did not answer within {}: check the address, the port and the firewall", seconds(.after))]
    NoAnswer {
        /// The server: its address, and its port unless that is 22.
        at: String,
        /// How long was waited.
        after: Duration,
    },

    /// The connection stands, but the two sides do not understand each other.
    #[error("{at} answers, but the SSH handshake failed: {cause}. Check that the port is the SSH server's")]
    Handshake {
        /// The server: its address, and its port unless that is 22.
        at: String,
        /// The reason, for people.
        cause: String,
    },

    /// The server closed the connection before the login was complete, also when it was asked again for a
    /// while.
    #[error(
        "{at} closed the connection before the login ({cause}), several times: it may have too many logins under way \
         (`MaxStartups` in its sshd_config), or not let this address in"
    )]
    Dropped {
        /// The server: its address, and its port unless that is 22.
        at: String,
        /// The reason, for people.
        cause: String,
    },

    /// The server has only host keys whose algorithms are refused.
    #[error(
        "{at} has no host key that can be trusted: it offers only {offered}. Signatures with SHA-1 (`ssh-rsa`, `ssh-dss`) \
         are refused, as OpenSSH does; let its sshd use an ed25519 key, or rsa-sha2-512 for the RSA key"
    )]
    WeakHostKey {
        /// The server: its address, and its port unless that is 22.
        at: String,
        /// The server's host key algorithms, separated by commas.
        offered: String,
    },

    /// OpenSSH's configuration cannot be used for the host.
    #[error("the OpenSSH configuration does not say how to reach {at}: {cause}")]
    SshConfig {
        /// The address of the host in the configuration, or of a jump host.
        at: String,
        /// The reason, for people.
        cause: String,
    },

    /// The `ProxyCommand` of OpenSSH's configuration could not be started on this machine.
    #[error("the ProxyCommand to {at} could not be started: {cause}")]
    ProxyCommand {
        /// The server: its address, and its port unless that is 22.
        at: String,
        /// The reason, for people.
        cause: String,
    },

    /// The files of known hosts hold no key of this kind for the host.
    #[error(
        "the host key of {} is not known: it showed an {} key with the fingerprint {}.{known} If that is the host's own \
         (on the host, `ssh-keygen -lf` of a file /etc/ssh/ssh_host_*_key.pub shows it), add this line to {}:\n{}",
        .shown.at, .shown.algorithm, .shown.fingerprint, .shown.file.display(), .shown.line
    )]
    HostKeyUnknown {
        /// The key that the host showed.
        shown: Box<ShownKey>,
        /// Keys of other kinds that are known: a sentence, or nothing.
        known: String,
    },

    /// The files of known hosts hold another key of this kind for the host.
    #[error(
        "THE HOST KEY OF {} HAS CHANGED. The connection may be intercepted, or the host was reinstalled. It showed an {} \
         key with the fingerprint {}, but {} holds another one in line {number}. Only if you know why it changed, put \
         this line in its place:\n{}",
        .shown.at, .shown.algorithm, .shown.fingerprint, .shown.file.display(), .shown.line
    )]
    HostKeyChanged {
        /// The key that the host showed.
        shown: Box<ShownKey>,
        /// Where the file holds the old key, counted from 1.
        number: usize,
    },

    /// The host showed a key that is marked `@revoked`.
    #[error("the host key of {at} is marked as revoked in {}, line {number}: do not connect", .file.display())]
    HostKeyRevoked {
        /// The host, as files of known hosts write it: `address`, `[address]:port` or an alias.
        at: String,
        /// The file of known hosts with the mark.
        file: PathBuf,
        /// The line of the mark, counted from 1.
        number: usize,
    },

    /// A file of known hosts exists and cannot be read.
    #[error("the known hosts in {} cannot be read: {cause}", .file.display())]
    KnownHosts {
        /// The file of known hosts.
        file: PathBuf,
        /// The reason, for people.
        cause: String,
    },

    /// The file of a key cannot be read, or holds no key.
    #[error("the key file {} cannot be read: {cause}. Check the path in the configuration, and who may read it", .file.display())]
    KeyFile {
        /// The file of the key.
        file: PathBuf,
        /// The reason, for people.
        cause: String,
    },

    /// The file of a private key is accessible to others than its owner.
    #[error(
        "the permissions {mode:04o} of the private key {} are too open: others than its owner can read it, so it is \
         not used. Run `chmod 600 {}`, and replace the key if somebody may have copied it", .file.display(), .file.display()
    )]
    KeyExposed {
        /// The file of the key.
        file: PathBuf,
        /// The file's permissions, such as `0o644`.
        mode: u32,
    },

    /// The private key is encrypted, and no agent is known to hold it.
    #[error(
        "the key {} is encrypted, and Fieldmedic asks for no passphrase. Use a key without one, or load it into an \
         ssh-agent (`ssh-add {}`) and allow that agent", .file.display(), .file.display()
    )]
    KeyLocked {
        /// The file of the key.
        file: PathBuf,
    },

    /// The ssh-agent does not answer, or does not sign.
    #[error("the ssh-agent at {} cannot be used: {cause}. Check SSH_AUTH_SOCK, and that it runs", .socket.display())]
    Agent {
        /// The socket of the agent.
        socket: PathBuf,
        /// The reason, for people.
        cause: String,
    },

    /// There is no key to log in with.
    #[error(
        "there is no key for {at}: name a key file in the configuration, or allow the ssh-agent and load one"
    )]
    NoKey {
        /// The server: its address, and its port unless that is 22.
        at: String,
    },

    /// The server did not let the user in with any of the keys.
    #[error("{at} refused to let `{user}` in. Tried: {}. {advice}", .tried.join(", "))]
    Refused {
        /// The server: its address, and its port unless that is 22.
        at: String,
        /// The login user.
        user: String,
        /// The keys that were tried, such as `/etc/medic/key (ssh-ed25519 SHA256:…)`. Those that were not
        /// begin with `not`.
        tried: Vec<String>,
        /// What it means, or what a person can do: a sentence without a full stop.
        advice: String,
    },

    /// The connection that was at hand turned out to be dead before anything was asked.
    #[error("the connection to {at} broke before the command was asked for: {cause}")]
    Disconnected {
        /// The server: its address, and its port unless that is 22.
        at: String,
        /// The reason, for people.
        cause: String,
    },

    /// The server refuses even the first session on the connection.
    #[error(
        "{at} opens no session, although no other one is open on this connection: {cause}. Check `MaxSessions` in its \
         sshd_config; one is enough for Fieldmedic"
    )]
    NoSession {
        /// The server: its address, and its port unless that is 22.
        at: String,
        /// The server's reason.
        cause: String,
    },

    /// The marker never came, so the wrapper around the command did not begin it.
    #[error("the login shell on {at} did not run the command: it ended with {exit}{words}. {advice}")]
    LoginFailed {
        /// The server: its address, and its port unless that is 22.
        at: String,
        /// How the session ended: `exit 1` or `killed by TERM`.
        exit: String,
        /// What it said: `, and said: …`, or nothing.
        words: String,
        /// What it means, or what a person can do: a sentence without a full stop.
        advice: &'static str,
    },

    /// The command is too long for a login shell.
    #[error("the command is {length} bytes long, and a login shell takes {} at most", envelope::LONGEST)]
    TooLong {
        /// The length of the command as it would be sent, in bytes.
        length: usize,
    },

    /// The lease of the host ended before a session was free, so the change was not started.
    #[error("the lease of {at} ran out while the command waited for its turn")]
    LeaseOver {
        /// The server: its address, and its port unless that is 22.
        at: String,
    },

    /// Not the host's trouble: it is waited for, and the host is asked again.
    #[error("this machine has {what}")]
    Shortage {
        /// What is missing and what helps, to follow "this machine has".
        what: String,
    },

    /// The server refused the request to run a command.
    #[error("{at} refused to run the command: a forced command or the account's shell may forbid it")]
    ExecRefused {
        /// The server: its address, and its port unless that is 22.
        at: String,
    },

    /// The gate of the host refused the command.
    #[error(
        "the gate on {host} does not allow this command. Generate it again with `fieldmedic host-setup`, from today's playbooks and \
         parameters"
    )]
    NotAdmitted {
        /// The name of the host in the configuration.
        host: String,
    },

    /// A command of a local host could not be started.
    #[error("the shell `sh` could not be started on this machine: {cause}")]
    NoShell {
        /// The reason, for people.
        cause: String,
    },

    /// The connection broke after the command was requested. It may have run, and may still run.
    #[error("the connection to {at} broke while the command ran: {cause}")]
    Lost {
        /// The server, or `this machine` for a local host.
        at: String,
        /// The reason, for people.
        cause: String,
    },

    /// The command exceeded its timeout.
    #[error("the command did not end within {}; {ending}", seconds(.limit))]
    TimedOut {
        /// The timeout.
        limit: Duration,
        /// Whether it was stopped then.
        ending: StopResult,
    },

    /// The command exceeded the cap on its output.
    #[error("the command wrote more than {}; {ending}", bytes(*.limit))]
    OutputLimit {
        /// The cap, in bytes.
        limit: u64,
        /// Whether it was stopped then.
        ending: StopResult,
    },
}

/// A host key that is not trusted, and what would make it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownKey {
    /// The host, as files of known hosts write it: `address`, `[address]:port` or an alias.
    pub at: String,
    /// The key's algorithm, such as `ssh-ed25519`.
    pub algorithm: String,
    /// `SHA256:…`, as `ssh-keygen -l` writes it.
    pub fingerprint: String,
    /// The file that `line` belongs to: the one with the old key, or the first of the known hosts.
    pub file: PathBuf,
    /// What the file must hold for the key to be trusted.
    pub line: String,
}

/// What came of telling a command to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StopResult {
    /// It has ended.
    #[error("it was told to stop, and stopped")]
    Stopped,
    /// Nobody can tell whether it or one of its children still runs.
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
