//! Keys that Fieldmedic logs in with, made here.

#![expect(clippy::disallowed_methods, reason = "writes a new key, and reads its public half")]

use russh::keys::key::safe_rng;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey, load_secret_key};
use std::fs::OpenOptions;
use std::io::{Error, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Makes an Ed25519 key without a passphrase. The private half is readable for its owner only, the public half is
/// beside it, in a file with `.pub` at its end. Gives the public half in OpenSSH's notation.
///
/// # Errors
/// If the file exists, or cannot be written.
pub fn make_key(file: &Path) -> Result<String, Error> {
    let mut key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).map_err(Error::other)?;
    key.set_comment("fieldmedic");
    let private = key.to_openssh(LineEnding::LF).map_err(Error::other)?;
    let public = key.public_key().to_openssh().map_err(Error::other)?;
    write_new(file, private.as_bytes(), 0o600)?;
    // What is left of an older key says nothing of this one.
    let _ = std::fs::remove_file(public_file(file));
    write_new(&public_file(file), format!("{public}\n").as_bytes(), 0o644)?;
    Ok(public)
}

/// The public half of a private key without a passphrase, in OpenSSH's notation.
///
/// # Errors
/// If the file cannot be read, or holds no such key.
pub fn public_key(file: &Path) -> Result<String, Error> {
    let key = load_secret_key(file, None).map_err(Error::other)?;
    key.public_key().to_openssh().map_err(Error::other)
}

fn write_new(file: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(file)?;
    file.write_all(content)?;
    file.sync_all()
}

fn public_file(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_private_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        let public = make_key(&file).unwrap();
        assert!(public.starts_with("ssh-ed25519 AAAA") && public.ends_with(" fieldmedic"), "{public}");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(public_key(&file).unwrap(), public);
        assert_eq!(std::fs::read_to_string(public_file(&file)).unwrap().trim(), public);
        let before = std::fs::read(&file).unwrap();
        assert!(make_key(&file).is_err());
        assert_eq!(std::fs::read(&file).unwrap(), before);
    }
}
