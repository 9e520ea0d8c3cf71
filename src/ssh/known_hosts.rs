//! Pinned host keys: what `known_hosts` files say about one host.
//!
//! OpenSSH's format: plain and hashed (`|1|…`) names, `[host]:port`, the wildcards `*` and `?`, negation
//! with `!`, several keys for a host, and `@revoked`. `@cert-authority` lines are passed over, and so is a
//! line that cannot be read, as OpenSSH does it.

#![expect(clippy::disallowed_methods, reason = "reads the file of known host keys")]

use crate::core::text::format::one_line;
use crate::ssh::error::{ShownKey, SshError};
use crate::ssh::shortage::shortage;
use hmac::{Hmac, KeyInit, Mac};
use russh::Preferred;
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::{Algorithm, HashAlg, PublicKey};
use sha1::Sha1;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The keys that files hold for one host.
#[derive(Debug, Clone)]
pub struct HostKeys {
    /// As it stands in the files: the address, or `[address]:port`, or an alias.
    name: String,
    /// Where a person adds a key.
    file: PathBuf,
    keys: Vec<HostKey>,
}

#[derive(Debug, Clone)]
struct HostKey {
    file: PathBuf,
    /// Line in the file, counted from 1.
    number: usize,
    key: PublicKey,
    revoked: bool,
}

impl HostKeys {
    /// Reads what files say about a host. A missing file says nothing. Of the files in `revoking`, only
    /// revoked keys count.
    pub(super) fn read(files: &[PathBuf], revoking: &[PathBuf], name: &str) -> Result<Self, SshError> {
        let name = name.to_lowercase();
        let mut keys = Vec::new();
        for file in files {
            keys.extend(find(&read(file)?, file, &name));
        }
        for file in revoking.iter().filter(|file| !files.contains(file)) {
            keys.extend(find(&read(file)?, file, &name).filter(|key| key.revoked));
        }
        Ok(Self { name, file: files.first().cloned().unwrap_or_default(), keys })
    }

    /// What the text of a file says; `file` is named where a person has to mend it.
    pub fn find(text: &str, file: &Path, address: &str, port: u16) -> Self {
        let name = entry_name(address, port);
        let keys = find(text, file, &name).collect();
        Self { name, file: file.to_owned(), keys }
    }

    /// The host key algorithms to ask for, those of the known keys first: a host that has several keys
    /// must show the one that can be checked.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        let mut algorithms = Preferred::DEFAULT.key.to_vec();
        // Signatures with SHA-1 can be forged; OpenSSH refuses them since 8.8.
        algorithms.retain(|algorithm| !matches!(algorithm, Algorithm::Rsa { hash: None } | Algorithm::Dsa));
        algorithms.sort_by_key(|wanted| {
            !self.keys.iter().any(|pin| !pin.revoked && same_kind(wanted, &pin.key.algorithm()))
        });
        algorithms
    }

    /// Whether this is a key of the host.
    pub(super) fn check(&self, key: &PublicKey) -> Result<(), SshError> {
        let shown = |pin: &&HostKey| pin.key.key_data() == key.key_data();
        if let Some(pin) = self.keys.iter().filter(|pin| pin.revoked).find(shown) {
            let (at, file) = (self.name.clone(), pin.file.clone());
            return Err(SshError::HostKeyRevoked { at, file, number: pin.number });
        }
        let mut trusted = self.keys.iter().filter(|pin| !pin.revoked);
        if trusted.clone().any(|pin| shown(&pin)) {
            return Ok(());
        }
        let changed = trusted.find(|pin| same_kind(&pin.key.algorithm(), &key.algorithm()));
        let shown = Box::new(ShownKey {
            at: self.name.clone(),
            algorithm: key.algorithm().as_str().to_owned(),
            fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
            file: changed.map_or_else(|| self.file.clone(), |pin| pin.file.clone()),
            line: format!("{} {}", self.name, openssh(key)),
        });
        Err(match changed {
            Some(pin) => SshError::HostKeyChanged { shown, number: pin.number },
            None => SshError::HostKeyUnknown { shown, known: self.known_kinds() },
        })
    }

    /// Whether a file holds this key of this host, and does not revoke it.
    pub fn holds(file: &Path, shown: &ShownKey) -> bool {
        let key = shown.line.split_once(' ').and_then(|(_, key)| PublicKey::from_openssh(key).ok());
        let known = Self::read(&[file.to_owned()], &[], &shown.at);
        key.zip(known.ok()).is_some_and(|(key, known)| known.check(&key).is_ok())
    }

    fn known_kinds(&self) -> String {
        let kinds: Vec<String> = self
            .keys
            .iter()
            .filter(|pin| !pin.revoked)
            .map(|pin| {
                format!("{} in line {} of {}", pin.key.algorithm().as_str(), pin.number, pin.file.display())
            })
            .collect();
        match kinds.is_empty() {
            true => String::new(),
            false => format!(
                " A key of another kind is known for it ({}), which the host does not offer.",
                kinds.join(", ")
            ),
        }
    }
}

fn read(file: &Path) -> Result<String, SshError> {
    match std::fs::read(file) {
        // As for OpenSSH, a line that is no text is a line that cannot be read, not the end of all.
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(shortage(&error)
            .unwrap_or_else(|| SshError::KnownHosts { file: file.to_owned(), cause: error.to_string() })),
    }
}

fn find(text: &str, file: &Path, name: &str) -> impl Iterator<Item = HostKey> {
    text.lines()
        .enumerate()
        .filter_map(|(index, line)| Some((index + 1, parse(line)?)))
        .filter(move |(_, entry)| names(entry.host_patterns(), name))
        .filter(|(_, entry)| entry.marker() != Some(&Marker::CertAuthority))
        .map(move |(number, entry)| HostKey {
            file: file.to_owned(),
            number,
            revoked: entry.marker() == Some(&Marker::Revoked),
            key: entry.public_key().clone(),
        })
}

/// How a host is written in the file.
pub(super) fn entry_name(address: &str, port: u16) -> String {
    let address = address.to_lowercase();
    match port {
        22 => address,
        port => format!("[{address}]:{port}"),
    }
}

fn parse(line: &str) -> Option<Entry> {
    let line = one_line(line);
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    line.parse().ok()
}

/// The key in OpenSSH's notation, without a comment.
fn openssh(key: &PublicKey) -> String {
    PublicKey::from(key.key_data().clone()).to_openssh().unwrap_or_default()
}

/// RSA is one kind of key, whatever hash it signs with.
fn same_kind(one: &Algorithm, other: &Algorithm) -> bool {
    match (one, other) {
        (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }) => true,
        _ => one == other,
    }
}

fn names(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::HashedName { salt, hash } => Hmac::<Sha1>::new_from_slice(salt)
            .is_ok_and(|mac| mac.chain_update(name.as_bytes()).verify_slice(hash).is_ok()),
        HostPatterns::Patterns(patterns) => {
            let mut matched = false;
            for pattern in patterns {
                match pattern.strip_prefix('!') {
                    Some(excluded) if fits(&excluded.to_lowercase(), name) => return false,
                    Some(_) => {}
                    None => matched |= fits(&pattern.to_lowercase(), name),
                }
            }
            matched
        }
    }
}

/// Matches `*` (any run of characters) and `?` (any one). Brackets mean themselves.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&byte) = name.get(from) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(&wanted) if wanted == b'?' || wanted == byte => {
                at += 1;
                from += 1;
            }
            // Let the last star take one character more.
            _ => match &mut star {
                Some((position, taken)) => {
                    *taken += 1;
                    (at, from) = (*position + 1, *taken);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|&rest| rest == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made with ssh-keygen; nobody uses them.
    const ONE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJeLbOadKcJZBkq8dIzlkIbF1+DX/imaht46Pcn/43Mk";
    const TWO: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJeLbOadKcJZBkq8dIzlkIbF1+DX/imaht46Pcn/43Ml";
    const THREE: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBOCzIqzSWuolB28hVSxpqIlPcbH4wU2hsYvIdfT0OBirioxMzur/M8Ypo6G9jZsGUjLSAUcYEF+EDbY+m5SR3xw=";

    /// `host.example.org`, as `ssh-keygen -H` hides it.
    const HASHED: &str = "|1|15Eb9abW70Pyjurkg6B3BtU1Q/8=|bfbzdTfRhdrceqAcGKeo7jvawaU=";

    fn key(text: &str) -> PublicKey {
        PublicKey::from_openssh(text).unwrap()
    }

    fn pinned(text: &str, address: &str, port: u16) -> HostKeys {
        HostKeys::find(text, Path::new("/etc/known"), address, port)
    }

    #[test]
    fn names_are_matched_as_openssh_does() {
        for (patterns, address, port, matches) in [
            ("host.example.org", "host.example.org", 22, true),
            ("host.example.org", "HOST.example.org", 22, true),
            ("host.example.org", "host.example.org", 2222, false),
            ("[host.example.org]:2222", "host.example.org", 2222, true),
            ("a.example.org,203.0.113.5", "203.0.113.5", 22, true),
            ("*.example.org", "a.b.example.org", 22, true),
            ("*.example.org,!b.example.org", "b.example.org", 22, false),
            ("203.0.113.?", "203.0.113.5", 22, true),
            ("203.0.113.?", "203.0.113.55", 22, false),
            ("[*]:2222", "203.0.113.5", 2222, true),
            (HASHED, "host.example.org", 22, true),
            (HASHED, "Host.Example.org", 22, true),
            (HASHED, "other.example.org", 22, false),
            (HASHED, "host.example.org", 23, false),
        ] {
            let text = format!("# comment\n\n{patterns}\t{ONE} somebody\n");
            let found = pinned(&text, address, port).check(&key(ONE)).is_ok();
            assert_eq!(found, matches, "{patterns} for {address}:{port}");
        }
    }

    #[test]
    fn an_unknown_key_is_shown_with_the_line_to_add() {
        let error = pinned("", "203.0.113.5", 2222).check(&key(ONE)).unwrap_err();
        let SshError::HostKeyUnknown { shown, .. } = &error else { panic!("{error}") };
        assert_eq!(shown.line, format!("[203.0.113.5]:2222 {ONE}"));
        assert!(shown.fingerprint.starts_with("SHA256:"));
        assert!(error.to_string().contains("/etc/known:\n[203.0.113.5]:2222 ssh-ed25519 AAAA"), "{error}");
    }

    #[test]
    fn a_changed_key_is_refused_with_the_line_of_the_old_one() {
        let text = format!("# ours\nother {ONE}\nhost {TWO}\n");
        let error = pinned(&text, "host", 22).check(&key(ONE)).unwrap_err();
        assert!(matches!(error, SshError::HostKeyChanged { number: 3, .. }), "{error}");
        // A second key of the same kind is a rollover, not a change.
        let text = format!("{text}host {ONE}\n");
        assert!(pinned(&text, "host", 22).check(&key(ONE)).is_ok());
    }

    #[test]
    fn the_kind_that_is_known_is_asked_for_first() {
        let algorithms = pinned(&format!("host {THREE}"), "host", 22).algorithms();
        assert!(matches!(algorithms[0], Algorithm::Ecdsa { .. }), "{algorithms:?}");
        assert!(algorithms.contains(&Algorithm::Ed25519));
        let error = pinned(&format!("host {THREE}"), "host", 22).check(&key(ONE)).unwrap_err();
        let SshError::HostKeyUnknown { known, .. } = &error else { panic!("{error}") };
        assert!(known.contains("ecdsa-sha2-nistp256 in line 1 of /etc/known"), "{known}");
        assert!(!algorithms.iter().any(|known| known.as_str() == "ssh-rsa"), "SHA-1 is asked for");
    }

    #[test]
    fn a_revoked_key_is_refused_whatever_else_is_said() {
        let text = format!("host {ONE}\n@revoked * {ONE}\n@cert-authority * {TWO}\nbroken line\n");
        let error = pinned(&text, "host", 22).check(&key(ONE)).unwrap_err();
        assert!(matches!(error, SshError::HostKeyRevoked { number: 2, .. }), "{error}");
        assert!(pinned(&text, "host", 22).check(&key(TWO)).is_err());
    }

    #[test]
    fn a_key_that_the_machine_revokes_is_refused_and_none_of_its_keys_is_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let [ours, system] = ["ours", "system"].map(|name| dir.path().join(name));
        let missing = dir.path().join("missing");
        std::fs::write(&ours, format!("host {ONE}\n")).unwrap();
        std::fs::write(&system, format!("# not \u{fffd}\nhost {TWO}\n@revoked * {THREE}\n")).unwrap();
        let read = |files: &[&PathBuf]| {
            let files: Vec<PathBuf> = files.iter().map(|file| (*file).clone()).collect();
            HostKeys::read(&files, &[system.clone(), missing.clone()], "Host").unwrap()
        };
        assert!(read(&[&ours]).check(&key(ONE)).is_ok());
        assert!(read(&[&ours]).check(&key(TWO)).is_err(), "only what it revokes counts");
        assert!(read(&[&ours, &system]).check(&key(TWO)).is_ok());
        let error = read(&[&ours]).check(&key(THREE)).unwrap_err();
        assert!(
            matches!(&error, SshError::HostKeyRevoked { file, number: 3, .. } if *file == system),
            "{error}"
        );
    }
}
