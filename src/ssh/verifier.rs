//! This side's end of the protocol: it checks the host's key, and records why the connection ended.

use crate::ssh::error::SshError;
use crate::ssh::known_hosts::HostKeys;
use russh::client;
use russh::client::DisconnectReason;
use russh::keys::PublicKeyOrCertificate;
use std::io::ErrorKind;
use std::sync::{Arc, OnceLock};

/// Why the connection ended, as soon as it has.
pub(super) type Lost = Arc<OnceLock<String>>;

/// Answers the protocol for one connection.
pub(super) struct HostKeyVerifier {
    pinned: HostKeys,
    lost: Lost,
}

impl HostKeyVerifier {
    /// Trusts the pinned keys only. The reason of a disconnect goes to `lost`.
    pub(super) fn new(pinned: HostKeys, lost: Lost) -> Self {
        Self { pinned, lost }
    }
}

/// Why the protocol broke off.
#[derive(Debug)]
pub(super) enum Broken {
    HostKey(SshError),
    Protocol(russh::Error),
}

impl From<russh::Error> for Broken {
    fn from(error: russh::Error) -> Self {
        Broken::Protocol(error)
    }
}

impl client::Handler for HostKeyVerifier {
    type Error = Broken;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Broken> {
        self.pinned.check(&shown.public_key()).map_err(Broken::HostKey)?;
        Ok(true)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Broken>) -> Result<(), Broken> {
        let (cause, result) = match reason {
            DisconnectReason::ReceivedDisconnect(info) if info.message.is_empty() => {
                (format!("the host closed it ({:?})", info.reason_code), Ok(()))
            }
            DisconnectReason::ReceivedDisconnect(info) => {
                (format!("the host closed it ({})", info.message), Ok(()))
            }
            DisconnectReason::Error(Broken::HostKey(trouble)) => {
                (trouble.to_string(), Err(Broken::HostKey(trouble)))
            }
            DisconnectReason::Error(Broken::Protocol(error)) => {
                (describe(&error), Err(Broken::Protocol(error)))
            }
        };
        let _ = self.lost.set(cause);
        result
    }
}

fn describe(error: &russh::Error) -> String {
    match error {
        russh::Error::KeepaliveTimeout => "the host no longer answers".into(),
        russh::Error::Disconnect | russh::Error::HUP => "the host closed it".into(),
        russh::Error::IO(error) if error.kind() == ErrorKind::UnexpectedEof => "the host closed it".into(),
        other => other.to_string(),
    }
}
