//! The way to the hosts: [`SshHosts`] runs commands over SSH, or on the agent's own machine.
//!
//! ```text
//! SshHosts ─> ConnectionPool (one per host and login) ─> Connection (opened once, shared) ─> session (one command)
//!         └─> local (sh in a process group of its own)
//! ```
//!
//! What can be relied on:
//! - The host is asked to run a command once. Only what failed before that is tried again, and only
//!   that is `NotStarted`; from the request on, what has no clear end is `InDoubt`.
//! - A host key that `known_hosts` does not hold is refused, always.
//! - However much a command writes, memory holds [`SessionLimits::kept`] of each stream.
//! - A command that outlives its deadline is told to stop, and the answer says whether it did. OpenSSH
//!   passes no signal on to what `root` runs, nor to what runs under `sudo`: that goes on. Nor to what runs
//!   behind a gate, but that keeps the deadline itself.
//! - What the host's gate refuses is `NotStarted`; so is what the login shell did not begin.
//! - The login's shell, locale and start-up files make no difference: see `core::playbook::command::envelope`.
//! - The server's session limit makes it slower, and nothing else.
//! - What this machine runs out of (file descriptors, processes, memory) is waited for, and never told as the
//!   host's trouble.
//! - A caller that stops waiting closes its channel and leaves the command to itself, as a broken
//!   connection would.
//!
//! OpenSSH's configuration is honoured (`ssh_config`), jump hosts too. Not supported: passwords, and
//! certificates, of hosts and of users.

mod auth;
mod capture;
mod connection;
mod error;
mod exec;
mod hosts;
mod key;
mod known_hosts;
mod local;
mod pool;
mod route;
mod sessions;
mod shortage;
mod ssh_config;
mod stream;
mod transport;
mod verifier;

pub use crate::ssh::auth::{Login, read_private};
pub use crate::ssh::capture::capture;
pub use crate::ssh::error::{ShownKey, SshError, StopResult};
pub use crate::ssh::hosts::SshHosts;
pub use crate::ssh::key::{make_key, public_key};
pub use crate::ssh::known_hosts::HostKeys;
pub use crate::ssh::route::{Access, HostRoute, Remote, SYSTEM_KNOWN_HOSTS, SessionLimits, SshConfig};

#[cfg(test)]
mod tests;
