//! Who logs in, and with which keys.
//!
//! Named key files are tried in their order, and nothing else is: an agent signs only for a named key
//! that is encrypted, or that is named by its public half (a smart card). Without named keys, the agent's
//! own are tried. A server gives up after a few wrong keys, so it matters that none is tried needlessly.

#![expect(clippy::disallowed_methods, reason = "reads the private key that the configuration names")]

use crate::ssh::error::SshError;
use crate::ssh::shortage::shortage;
use crate::ssh::verifier::HostKeyVerifier;
use russh::MethodKind;
use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey, decode_secret_key};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::UnixStream;

/// A user and the keys that let them in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// `None`: whom OpenSSH's configuration names.
    pub user: Option<String>,
    /// Private keys in OpenSSH's or PEM format; or public keys whose private half the agent holds. None:
    /// those of OpenSSH's configuration and of the agent.
    pub keys: Vec<PathBuf>,
    /// The socket of an ssh-agent that may be used; usually what `SSH_AUTH_SOCK` says.
    pub agent: Option<PathBuf>,
}

/// Where the keys of a login come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeySources {
    /// Files that must be there and be usable.
    pub named: Vec<PathBuf>,
    /// Files that OpenSSH's configuration names; many of them by default, whether they are there or not.
    pub optional: Vec<PathBuf>,
    /// Of the agent's keys, only those that a file names.
    pub only_named: bool,
    pub agent: Option<PathBuf>,
}

/// A key as its file has it.
pub(super) enum LoginKey {
    Private(Arc<PrivateKey>),
    /// Only an agent can sign with it.
    Public(PublicKey),
}

/// A key with the words that name it to people.
pub(super) struct Named {
    key: LoginKey,
    name: String,
    /// An encrypted key: what to say if no agent holds it.
    locked: Option<PathBuf>,
}

/// The keys of files, and why others are not used.
pub(super) struct ReadKeys {
    keys: Vec<Named>,
    unused: Vec<String>,
}

impl Login {
    pub(super) fn sources(&self) -> KeySources {
        let only_named = !self.keys.is_empty();
        KeySources { named: self.keys.clone(), optional: Vec::new(), only_named, agent: self.agent.clone() }
    }
}

impl KeySources {
    /// Reads the key files. It is done before the host is contacted, because a path that is wrong is
    /// wrong for every host.
    ///
    /// # Errors
    /// [`SshError`] if a named key cannot be used, or this machine lacks something to read one.
    pub(super) fn read(&self) -> Result<ReadKeys, SshError> {
        let has_agent = self.agent.is_some();
        let named = self.named.iter().map(|file| read_key(file, has_agent));
        let mut read = ReadKeys { keys: named.collect::<Result<_, _>>()?, unused: Vec::new() };
        for file in self.optional.iter().filter(|file| file.exists()) {
            match read_key(file, has_agent) {
                Ok(mut key) => {
                    // Nobody has promised that an agent holds it.
                    key.locked = None;
                    read.keys.push(key);
                }
                Err(shortage @ SshError::Shortage { .. }) => return Err(shortage),
                Err(error) => read.unused.push(format!("not {}: {error}", file.display())),
            }
        }
        Ok(read)
    }

    /// Logs in to a host whose key has been checked.
    ///
    /// # Errors
    /// [`SshError`] if there is no key to try, the server accepts none, or the connection or the agent fails.
    pub(super) async fn authenticate(
        &self,
        user: &str,
        handle: &mut Handle<HostKeyVerifier>,
        ReadKeys { mut keys, unused }: ReadKeys,
        at: &str,
    ) -> Result<(), SshError> {
        let mut agent = match &self.agent {
            Some(socket) if !self.only_named || needs_agent(&keys) => {
                match SshAgent::connect(socket, handle).await {
                    // A socket that nobody listens on any more is no obstacle where a key file is.
                    Err(SshError::Agent { .. }) if self.named.is_empty() && has_private(&keys) => None,
                    agent => Some(agent?),
                }
            }
            _ => None,
        };
        keys = match &agent {
            Some(agent) => agent.keep_usable(keys)?,
            None => keys.into_iter().filter(|named| matches!(named.key, LoginKey::Private(_))).collect(),
        };
        if let Some(agent) = agent.as_ref().filter(|_| !self.only_named) {
            let more: Vec<Named> = agent.keys().into_iter().filter(|key| !holds(&keys, key)).collect();
            keys.extend(more);
        }
        if keys.is_empty() && unused.is_empty() {
            return Err(SshError::NoKey { at: at.to_owned() });
        }

        let mut tried = Vec::new();
        let mut advice = String::from("No key is left to try");
        for Named { key, name, .. } in keys {
            let hash = match rsa_hash(handle, &key).await {
                Ok(hash) => hash,
                Err(Sha1Only) => {
                    tried.push(format!("not {name}"));
                    advice = "It takes signatures of RSA keys with SHA-1 only, which are refused here as in OpenSSH: \
                              use an ed25519 key, or update its SSH server"
                        .into();
                    continue;
                }
            };
            tried.push(name);
            let answer = match (key, &mut agent) {
                (LoginKey::Private(key), _) => handle
                    .authenticate_publickey(user, PrivateKeyWithHashAlg::new(key, hash))
                    .await
                    .map_err(|error| broken_off(at, &error))?,
                (LoginKey::Public(key), Some(agent)) => handle
                    .authenticate_publickey_with(user, key, hash, &mut agent.client)
                    .await
                    .map_err(|error| agent.fail(&error.to_string()))?,
                (LoginKey::Public(_), None) => continue,
            };
            match answer {
                AuthResult::Success => return Ok(()),
                AuthResult::Failure { remaining_methods, partial_success } => {
                    advice = advise(user, &remaining_methods, partial_success);
                    if handle.is_closed() {
                        advice = "It closed the connection: it may allow fewer tries (`MaxAuthTries`)".into();
                        break;
                    }
                    if partial_success || !remaining_methods.contains(&MethodKind::PublicKey) {
                        break;
                    }
                }
            }
        }
        tried.extend(unused);
        Err(SshError::Refused { at: at.to_owned(), user: user.to_owned(), tried, advice })
    }
}

fn has_private(keys: &[Named]) -> bool {
    keys.iter().any(|named| matches!(named.key, LoginKey::Private(_)))
}

fn holds(keys: &[Named], wanted: &Named) -> bool {
    keys.iter().any(|named| public(&named.key).key_data() == public(&wanted.key).key_data())
}

fn public(key: &LoginKey) -> &PublicKey {
    match key {
        LoginKey::Private(key) => key.public_key(),
        LoginKey::Public(key) => key,
    }
}

fn needs_agent(keys: &[Named]) -> bool {
    keys.iter().any(|named| matches!(named.key, LoginKey::Public(_)))
}

/// The server went away in the middle of the login.
fn broken_off(at: &str, error: &russh::Error) -> SshError {
    SshError::Dropped { at: at.to_owned(), cause: error.to_string() }
}

/// What a person can do about a key that was not taken.
fn advise(user: &str, offered: &[MethodKind], partial_success: bool) -> String {
    if partial_success {
        return "The key was taken, but the server asks for more than a key (a second factor?)".into();
    }
    if !offered.contains(&MethodKind::PublicKey) {
        let offered: Vec<&str> = offered.iter().map(<&str>::from).collect();
        return format!("It takes no keys for this user, only: {}", offered.join(", "));
    }
    format!("Add the public key to ~{user}/.ssh/authorized_keys on the host, or correct the user or the key")
}

/// The server takes nothing better from an RSA key.
struct Sha1Only;

/// The hash that an RSA key signs with.
async fn rsa_hash(handle: &Handle<HostKeyVerifier>, key: &LoginKey) -> Result<Option<HashAlg>, Sha1Only> {
    if !matches!(public(key).algorithm(), Algorithm::Rsa { .. }) {
        return Ok(None);
    }
    match handle.best_supported_rsa_hash().await.ok().flatten() {
        Some(None) => Err(Sha1Only),
        Some(hash) => Ok(hash),
        // A server that does not say which hashes it knows is old, but knows SHA-2 all the same.
        None => Ok(Some(HashAlg::Sha512)),
    }
}

fn read_key(file: &Path, has_agent: bool) -> Result<Named, SshError> {
    let unusable = |cause: String| SshError::KeyFile { file: file.to_owned(), cause };
    let (text, mode) =
        read_secret(file).map_err(|error| shortage(&error).unwrap_or_else(|| unusable(error.to_string())))?;
    if let Ok(public) = PublicKey::from_openssh(&text) {
        let key = LoginKey::Public(public);
        return Ok(Named { name: name(&key, &file.display().to_string()), key, locked: None });
    }
    if let Some(mode) = mode {
        return Err(SshError::KeyExposed { file: file.to_owned(), mode });
    }
    let locked = |public: Option<PublicKey>| match public {
        Some(public) if has_agent => Ok((LoginKey::Public(public), Some(file.to_owned()))),
        _ => Err(SshError::KeyLocked { file: file.to_owned() }),
    };
    let (key, locked) = match PrivateKey::from_openssh(&text) {
        Ok(key) if key.is_encrypted() => locked(Some(key.public_key().clone()))?,
        Ok(key) => (LoginKey::Private(Arc::new(key)), None),
        Err(_) => match decode_secret_key(&text, None) {
            Ok(key) => (LoginKey::Private(Arc::new(key)), None),
            Err(russh::keys::Error::KeyIsEncrypted) => locked(None)?,
            Err(error) => return Err(unusable(format!("it is no private key ({error})"))),
        },
    };
    Ok(Named { name: name(&key, &file.display().to_string()), key, locked })
}

/// The text of a file that may hold a secret, and its mode if others than its owner can get at it. As for
/// OpenSSH, only the user's own files count: what root hands out by a group is root's affair.
fn read_secret(path: &Path) -> std::io::Result<(String, Option<u32>)> {
    let mut file = std::fs::File::open(path)?;
    let seen = file.metadata()?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok((text, exposed(&seen)))
}

fn exposed(seen: &std::fs::Metadata) -> Option<u32> {
    let is_own = seen.uid() == rustix::process::getuid().as_raw();
    let mode = seen.mode() & 0o7777;
    (is_own && mode & 0o077 != 0).then_some(mode)
}

/// Reads a private key of another kind by the same rule.
///
/// # Errors
/// It cannot be read, or others than its owner can read it.
pub fn read_private(path: &Path) -> Result<String, SshError> {
    let file = path.to_owned();
    match read_secret(path) {
        Ok((text, None)) => Ok(text),
        Ok((_, Some(mode))) => Err(SshError::KeyExposed { file, mode }),
        Err(error) => Err(SshError::KeyFile { file, cause: error.to_string() }),
    }
}

/// `~/.ssh/id (ssh-ed25519 SHA256:…)`: enough to find the key, on either side.
fn name(key: &LoginKey, source: &str) -> String {
    let public = public(key);
    format!("{source} ({} {})", public.algorithm().as_str(), public.fingerprint(HashAlg::Sha256))
}

/// An ssh-agent, and what it holds.
struct SshAgent {
    client: AgentClient<UnixStream>,
    socket: PathBuf,
    held: Vec<(PublicKey, String)>,
}

impl SshAgent {
    async fn connect(socket: &Path, handle: &Handle<HostKeyVerifier>) -> Result<Self, SshError> {
        let fail = |error: russh::keys::Error| {
            let short = if let russh::keys::Error::IO(error) = &error { shortage(error) } else { None };
            short.unwrap_or_else(|| SshError::Agent { socket: socket.to_owned(), cause: error.to_string() })
        };
        let mut client = AgentClient::connect_uds(socket).await.map_err(fail)?;
        if let Some(binding) = handle.agent_session_binding() {
            // Only agents since OpenSSH 8.9 know it, and only keys tied to a host need it.
            let _ = client.bind_session(binding, false).await;
        }
        let held = client.request_identities().await.map_err(fail)?;
        let held = held.into_iter().filter_map(|identity| match identity {
            AgentIdentity::PublicKey { key, comment } => Some((key, comment)),
            AgentIdentity::Certificate { .. } => None,
        });
        Ok(Self { client, socket: socket.to_owned(), held: held.collect() })
    }

    fn keys(&self) -> Vec<Named> {
        let named = |(key, comment): &(PublicKey, String)| {
            let key = LoginKey::Public(key.clone());
            Named { name: name(&key, &format!("the agent's {comment}")), key, locked: None }
        };
        self.held.iter().map(named).collect()
    }

    /// Drops the public keys that the agent cannot sign with.
    fn keep_usable(&self, keys: Vec<Named>) -> Result<Vec<Named>, SshError> {
        let holds = |wanted: &PublicKey| self.held.iter().any(|(key, _)| key.key_data() == wanted.key_data());
        let mut usable = Vec::new();
        for named in keys {
            match (&named.key, &named.locked) {
                (LoginKey::Public(key), Some(file)) if !holds(key) => {
                    return Err(SshError::KeyLocked { file: file.clone() });
                }
                (LoginKey::Public(key), None) if !holds(key) => {}
                _ => usable.push(named),
            }
        }
        Ok(usable)
    }

    fn fail(&self, cause: &str) -> SshError {
        SshError::Agent { socket: self.socket.clone(), cause: cause.to_owned() }
    }
}
