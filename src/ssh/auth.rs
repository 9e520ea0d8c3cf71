//! Who logs in, and with which keys.
//!
//! Named key files are tried in their order, and nothing else is: an agent signs only for a named key
//! that is encrypted, or that is named by its public half (a smart card). Without named keys, the agent's
//! own are tried. A server gives up after a few wrong keys, so it matters that none is tried needlessly.

#![expect(clippy::disallowed_methods, reason = "reads the private key that the configuration names")]

use crate::ssh::error::SshError;
use crate::ssh::verifier::HostKeyVerifier;
use russh::MethodKind;
use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey, decode_secret_key};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::UnixStream;

/// A user and the keys that let them in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    /// Private keys in OpenSSH's or PEM format; or public keys whose private half the agent holds.
    pub keys: Vec<PathBuf>,
    /// The socket of an ssh-agent that may be used; usually what `SSH_AUTH_SOCK` says.
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

impl Login {
    /// Reads the key files. It is done before the host is contacted, because a path that is wrong is
    /// wrong for every host.
    pub(super) fn read_keys(&self) -> Result<Vec<Named>, SshError> {
        self.keys.iter().map(|file| read_key(file, self.agent.is_some())).collect()
    }

    /// Logs in to a host whose key has been checked.
    pub(super) async fn authenticate(
        &self,
        handle: &mut Handle<HostKeyVerifier>,
        keys: Vec<Named>,
        at: &str,
    ) -> Result<(), SshError> {
        let mut agent = match &self.agent {
            Some(socket) if needs_agent(&keys) => Some(SshAgent::connect(socket, handle).await?),
            _ => None,
        };
        let keys = match &agent {
            Some(agent) if keys.is_empty() => agent.keys(),
            Some(agent) => agent.keep_usable(keys)?,
            None => keys,
        };
        if keys.is_empty() {
            return Err(SshError::NoKey { at: at.to_owned() });
        }

        let mut tried = Vec::new();
        let mut advice = String::new();
        for Named { key, name, .. } in keys {
            tried.push(name);
            let hash = rsa_hash(handle, &key).await;
            let answer = match (key, &mut agent) {
                (LoginKey::Private(key), _) => handle
                    .authenticate_publickey(&self.user, PrivateKeyWithHashAlg::new(key, hash))
                    .await
                    .map_err(|error| handshake(at, &error.to_string()))?,
                (LoginKey::Public(key), Some(agent)) => handle
                    .authenticate_publickey_with(&self.user, key, hash, &mut agent.client)
                    .await
                    .map_err(|error| agent.fail(&error.to_string()))?,
                (LoginKey::Public(_), None) => continue,
            };
            match answer {
                AuthResult::Success => return Ok(()),
                AuthResult::Failure { remaining_methods, partial_success } => {
                    advice = advise(&self.user, &remaining_methods, partial_success);
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
        Err(SshError::Refused { at: at.to_owned(), user: self.user.clone(), tried, advice })
    }
}

fn needs_agent(keys: &[Named]) -> bool {
    keys.is_empty() || keys.iter().any(|named| matches!(named.key, LoginKey::Public(_)))
}

fn handshake(at: &str, cause: &str) -> SshError {
    SshError::Handshake { at: at.to_owned(), cause: cause.to_owned() }
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

/// The hash that an RSA key signs with; SHA-1 only if the server knows nothing better.
async fn rsa_hash(handle: &Handle<HostKeyVerifier>, key: &LoginKey) -> Option<HashAlg> {
    let algorithm = match key {
        LoginKey::Private(key) => key.algorithm(),
        LoginKey::Public(key) => key.algorithm(),
    };
    if !matches!(algorithm, Algorithm::Rsa { .. }) {
        return None;
    }
    // A server that does not say which hashes it knows is old, but knows SHA-2 all the same.
    handle.best_supported_rsa_hash().await.ok().flatten().unwrap_or(Some(HashAlg::Sha512))
}

fn read_key(file: &Path, has_agent: bool) -> Result<Named, SshError> {
    let unusable = |cause: String| SshError::KeyFile { file: file.to_owned(), cause };
    let text = std::fs::read_to_string(file).map_err(|error| unusable(error.to_string()))?;
    let locked = |public: Option<PublicKey>| match public {
        Some(public) if has_agent => Ok((LoginKey::Public(public), Some(file.to_owned()))),
        _ => Err(SshError::KeyLocked { file: file.to_owned() }),
    };
    let (key, locked) = if let Ok(public) = PublicKey::from_openssh(&text) {
        (LoginKey::Public(public), None)
    } else {
        match PrivateKey::from_openssh(&text) {
            Ok(key) if key.is_encrypted() => locked(Some(key.public_key().clone()))?,
            Ok(key) => (LoginKey::Private(Arc::new(key)), None),
            Err(_) => match decode_secret_key(&text, None) {
                Ok(key) => (LoginKey::Private(Arc::new(key)), None),
                Err(russh::keys::Error::KeyIsEncrypted) => locked(None)?,
                Err(error) => return Err(unusable(format!("it is no private key ({error})"))),
            },
        }
    };
    Ok(Named { name: name(&key, &file.display().to_string()), key, locked })
}

/// `~/.ssh/id (ssh-ed25519 SHA256:…)`: enough to find the key, on either side.
fn name(key: &LoginKey, source: &str) -> String {
    let public = match key {
        LoginKey::Private(key) => key.public_key(),
        LoginKey::Public(key) => key,
    };
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
        let fail = |error: russh::keys::Error| SshError::Agent {
            socket: socket.to_owned(),
            cause: error.to_string(),
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
