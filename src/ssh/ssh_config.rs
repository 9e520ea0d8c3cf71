//! What OpenSSH's own configuration says about a host. `ssh -G` reads it, so that `Host`, `Match`, `Include` and
//! the rest mean exactly what they mean to `ssh`; this file only understands the result.
//!
//! What the configuration of Fieldmedic says goes before it. Whatever loosens the check of host keys
//! (`StrictHostKeyChecking no`) is passed over.

#![expect(clippy::disallowed_methods, reason = "runs `ssh -G` and asks which files there are")]

use crate::ssh::auth::{KeySources, Login};
use crate::ssh::error::SshError;
use crate::ssh::route::{Remote, SshConfig};
use crate::ssh::shortage::shortage;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// A chain of jump hosts is not longer. It also ends chains that lead back to themselves.
const JUMPS: usize = 8;
/// `ssh -G` contacts nobody; but it may run what `Match exec` names.
const PATIENCE: Duration = Duration::from_secs(10);

/// One server on the way, with everything that is needed to log in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hop {
    /// For people.
    pub at: String,
    pub address: String,
    pub port: u16,
    /// As the known hosts call it, if not by address and port.
    pub alias: Option<String>,
    /// Files of known hosts, the first of them for people to add to.
    pub known_hosts: Vec<PathBuf>,
    /// Files in which only revoked keys count.
    pub revoked: Vec<PathBuf>,
    pub user: String,
    pub keys: KeySources,
    pub connect: Option<Duration>,
    pub via: Via,
}

/// How the server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Via {
    Direct,
    /// Through another server.
    Jump(Box<Hop>),
    /// Through what a command reads and writes.
    Command(String),
}

/// What is asked of the configuration, and what is fixed already.
struct Wanted<'a> {
    address: &'a str,
    port: Option<u16>,
    known_hosts: Option<&'a Path>,
    login: &'a Login,
    /// The jump hosts that a chain has fixed; `None` leaves them to the configuration.
    jumps: Option<&'a [Jump]>,
}

/// A jump host as `ProxyJump` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Jump {
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

/// How a host is reached, by the configuration as it is now.
pub(super) async fn resolve(remote: &Remote) -> Result<Hop, SshError> {
    let wanted = Wanted {
        address: &remote.address,
        port: remote.port,
        known_hosts: remote.known_hosts.as_deref(),
        login: &remote.probe,
        jumps: None,
    };
    let system = &remote.system_known_hosts;
    match Box::pin(hop(wanted, &remote.ssh_config, system, 0)).await? {
        Some(hop) => Ok(hop),
        None => plain(remote),
    }
}

/// A host that only Fieldmedic's configuration knows.
fn plain(remote: &Remote) -> Result<Hop, SshError> {
    let fail = |cause: &str| SshError::SshConfig { at: remote.address.clone(), cause: cause.to_owned() };
    let port = remote.port.unwrap_or(22);
    let user = remote.probe.user.clone();
    let usual = match &remote.ssh_config {
        SshConfig::Usual { known_hosts, .. } => Some(known_hosts),
        SshConfig::Off | SshConfig::File(_) => None,
    };
    let known_hosts = remote.known_hosts.as_ref().or(usual).cloned();
    Ok(Hop {
        at: name(&remote.address, port),
        address: remote.address.clone(),
        port,
        alias: None,
        known_hosts: vec![known_hosts.ok_or_else(|| fail("no file of known hosts is set"))?],
        revoked: vec![remote.system_known_hosts.clone()],
        user: user.ok_or_else(|| fail("there is none, and [hosts] names no user"))?,
        keys: remote.probe.sources(),
        connect: None,
        via: Via::Direct,
    })
}

fn name(address: &str, port: u16) -> String {
    match port {
        22 => address.to_owned(),
        port => format!("{address}:{port}"),
    }
}

/// `None` if there is no such configuration.
async fn hop(
    wanted: Wanted<'_>,
    config: &SshConfig,
    system: &Path,
    depth: usize,
) -> Result<Option<Hop>, SshError> {
    let fail = |cause: String| SshError::SshConfig { at: wanted.address.to_owned(), cause };
    if depth > JUMPS {
        return Err(fail(format!(
            "the chain of jump hosts is longer than {JUMPS}; does it lead in a circle?"
        )));
    }
    let Some(options) = Options::ask(&wanted, config).await? else { return Ok(None) };
    if let Some(file) = options.set("revokedhostkeys") {
        return Err(fail(format!(
            "RevokedHostKeys ({file}) is not supported; use `@revoked` in a known_hosts file"
        )));
    }
    if options.set("proxyusefdpass") == Some("yes") {
        return Err(fail("ProxyUseFdpass is not supported; set it to no".into()));
    }
    let address = options.first("hostname").unwrap_or(wanted.address).to_owned();
    let port = options.first("port").and_then(|port| port.parse().ok()).unwrap_or(22);
    let user = options.first("user").unwrap_or_default().to_owned();
    let alias = options.set("hostkeyalias").map(str::to_owned);
    let tokens = Tokens { wanted: &wanted, address: &address, port, user: &user, alias: alias.as_deref() };
    let files = |key: &str| -> Result<Vec<PathBuf>, SshError> {
        let files = options.first(key).unwrap_or_default().split(' ').filter(|file| !file.is_empty());
        files.filter(|file| *file != "none").map(|file| tokens.path(file).map_err(&fail)).collect()
    };
    let global = files("globalknownhostsfile")?;
    let known_hosts = match wanted.known_hosts {
        Some(file) => vec![file.to_owned()],
        None => files("userknownhostsfile")?.into_iter().chain(global.clone()).collect(),
    };
    let mut keys = wanted.login.sources();
    if wanted.login.keys.is_empty() {
        let named = options.all("identityfile").filter(|file| *file != "none");
        keys.optional = named.map(|file| tokens.path(file).map_err(&fail)).collect::<Result<_, _>>()?;
        keys.only_named = options.set("identitiesonly") == Some("yes");
    }
    match options.set("identityagent") {
        None | Some("SSH_AUTH_SOCK") => {}
        Some(socket) => keys.agent = Some(tokens.path(socket).map_err(&fail)?),
    }
    if options.first("identityagent") == Some("none") {
        keys.agent = None;
    }
    let connect =
        options.set("connecttimeout").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    let jumps = match (wanted.jumps, options.set("proxyjump")) {
        (Some(jumps), _) => jumps.to_vec(),
        (None, Some(chain)) => {
            chain.split(',').map(|one| Jump::read(one).map_err(&fail)).collect::<Result<_, _>>()?
        }
        (None, None) => Vec::new(),
    };
    let via = match (jumps.split_last(), options.set("proxycommand")) {
        // The last one is reached through those before it; the first, as the configuration says.
        (Some((last, before)), _) => {
            let login =
                Login { user: last.user.clone(), keys: Vec::new(), agent: wanted.login.agent.clone() };
            let next = Wanted {
                address: &last.host,
                port: last.port,
                known_hosts: None,
                login: &login,
                jumps: (!before.is_empty()).then_some(before),
            };
            let next = Box::pin(hop(next, config, system, depth + 1)).await?;
            Via::Jump(Box::new(next.ok_or_else(|| fail("it cannot be read any more".into()))?))
        }
        (None, Some(command)) if wanted.jumps.is_none() => {
            Via::Command(tokens.expand(command).map_err(&fail)?)
        }
        (None, _) => Via::Direct,
    };
    Ok(Some(Hop {
        at: name(&address, port),
        alias,
        known_hosts,
        revoked: global.into_iter().chain([system.to_owned()]).collect(),
        user,
        keys,
        connect,
        via,
        address,
        port,
    }))
}

impl Jump {
    /// `[user@]host[:port]`; a numeric host may stand in brackets.
    fn read(text: &str) -> Result<Self, String> {
        let text = text.trim().strip_prefix("ssh://").unwrap_or(text.trim());
        let (user, place) = match text.rsplit_once('@') {
            Some((user, place)) => (Some(user.to_owned()), place),
            None => (None, text),
        };
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        let bad = || format!("`{text}` is no jump host; write user@host:port");
        let port = port.map(|port| port.parse().map_err(|_| bad())).transpose()?;
        if host.is_empty() || host.starts_with('-') {
            return Err(bad());
        }
        Ok(Self { user, host: host.to_owned(), port })
    }
}

/// What `ssh -G` printed.
struct Options(BTreeMap<String, Vec<String>>);

impl Options {
    async fn ask(wanted: &Wanted<'_>, config: &SshConfig) -> Result<Option<Self>, SshError> {
        let fail = |cause: String| SshError::SshConfig { at: wanted.address.to_owned(), cause };
        if wanted.address.starts_with('-') {
            return Err(fail("an address cannot begin with `-`".into()));
        }
        let mut ssh = Command::new("ssh");
        ssh.arg("-G");
        match config {
            SshConfig::Off => return Ok(None),
            SshConfig::Usual { .. } => {}
            SshConfig::File(file) => {
                if let Err(error) = std::fs::File::open(file) {
                    return Err(shortage(&error)
                        .unwrap_or_else(|| fail(format!("{} cannot be read: {error}", file.display()))));
                }
                ssh.arg("-F").arg(file);
            }
        }
        if let Some(port) = wanted.port {
            ssh.arg("-p").arg(port.to_string());
        }
        if let Some(user) = &wanted.login.user {
            ssh.arg("-l").arg(user);
        }
        ssh.arg("--").arg(wanted.address).stdin(Stdio::null()).kill_on_drop(true);
        let output = match tokio::time::timeout(PATIENCE, ssh.output()).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) if error.kind() == ErrorKind::NotFound => {
                return match config {
                    // Nobody who has no `ssh` has written a configuration for it.
                    SshConfig::Usual { config, .. } if !config.exists() => Ok(None),
                    _ => Err(fail(
                        "the program `ssh`, which reads it, is not installed. Install openssh-client, or set \
                         `ssh_config = false` for this host"
                            .into(),
                    )),
                };
            }
            Ok(Err(error)) => {
                return Err(
                    shortage(&error).unwrap_or_else(|| fail(format!("`ssh -G` cannot be started: {error}")))
                );
            }
            Err(_) => return Err(fail(format!("`ssh -G` did not end within {} s", PATIENCE.as_secs()))),
        };
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
            return Err(fail(format!("`ssh -G` says: {said}")));
        }
        Ok(Some(Self::read(&String::from_utf8_lossy(&output.stdout))))
    }

    fn read(text: &str) -> Self {
        let mut options = BTreeMap::<String, Vec<String>>::new();
        for (key, value) in text.lines().filter_map(|line| line.split_once(' ')) {
            options.entry(key.to_ascii_lowercase()).or_default().push(value.trim().to_owned());
        }
        Self(options)
    }

    fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        self.0.get(key).into_iter().flatten().map(String::as_str)
    }

    fn first(&self, key: &str) -> Option<&str> {
        self.all(key).next()
    }

    /// The same; `none` is nothing.
    fn set(&self, key: &str) -> Option<&str> {
        self.first(key).filter(|value| *value != "none")
    }
}

/// What `%` stands for.
struct Tokens<'a> {
    wanted: &'a Wanted<'a>,
    address: &'a str,
    port: u16,
    user: &'a str,
    alias: Option<&'a str>,
}

impl Tokens<'_> {
    /// A path with `~`, `%` and `${…}` in it.
    fn path(&self, text: &str) -> Result<PathBuf, String> {
        let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        let text = match text.strip_prefix("~/") {
            Some(rest) => format!("%d/{rest}"),
            None => text.to_owned(),
        };
        let mut text = self.expand(&text)?;
        if let Some(variable) = text.strip_prefix('$') {
            let name = variable.strip_prefix('{').and_then(|rest| rest.split_once('}'));
            let (name, rest) = name.unwrap_or((variable, ""));
            let value =
                std::env::var(name).map_err(|_| format!("the environment variable {name} is not set"))?;
            text = value + rest;
        }
        Ok(PathBuf::from(text))
    }

    fn expand(&self, text: &str) -> Result<String, String> {
        let mut out = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let variable = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
            match chars.next() {
                Some('%') => out.push('%'),
                Some('h') => out.push_str(self.address),
                Some('n') => out.push_str(self.wanted.address),
                Some('k') => out.push_str(self.alias.unwrap_or(self.wanted.address)),
                Some('p') => out.push_str(&self.port.to_string()),
                Some('r') => out.push_str(self.user),
                Some('d') => out.push_str(&variable("HOME")?),
                Some('u') => out.push_str(&variable("USER").or_else(|_| variable("LOGNAME"))?),
                Some('i') => out.push_str(&rustix::process::getuid().as_raw().to_string()),
                other => {
                    let token: String = other.into_iter().collect();
                    return Err(format!("`%{token}` in `{text}` is not supported"));
                }
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jump_hosts_are_read() {
        let jump = |user: Option<&str>, host: &str, port| Jump {
            user: user.map(str::to_owned),
            host: host.into(),
            port,
        };
        for (text, expect) in [
            ("bastion", jump(None, "bastion", None)),
            ("ada@bastion:2222", jump(Some("ada"), "bastion", Some(2222))),
            ("ada@example.org@bastion", jump(Some("ada@example.org"), "bastion", None)),
            ("[203.0.113.5]:22", jump(None, "203.0.113.5", Some(22))),
            ("ssh://ada@[2001:db8::1]:22", jump(Some("ada"), "2001:db8::1", Some(22))),
        ] {
            assert_eq!(Jump::read(text).unwrap(), expect);
        }
        for bad in ["", "a:b", "-oProxyCommand=x", "ada@", "[::1]:99999"] {
            assert!(Jump::read(bad).is_err(), "{bad}");
        }
    }
}
