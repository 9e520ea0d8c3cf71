//! Secrets by the name of their environment variable, and as files where systemd or a container hands them over.

#![expect(
    clippy::disallowed_methods,
    reason = "reads secrets from the environment and from the folder of credentials"
)]

use secrecy::SecretString;
use std::path::Path;

/// The variable that names the folder of credentials: systemd sets it for `LoadCredential=`, and the container
/// image sets it to `/run/secrets`.
const FOLDER: &str = "CREDENTIALS_DIRECTORY";

/// The value of a variable. If it is not set or blank, the credential of that name; `None` without both.
pub(super) fn secret(variable: &str) -> Option<SecretString> {
    let folder = std::env::var_os(FOLDER).filter(|folder| !folder.is_empty());
    let value = std::env::var(variable).ok();
    stated(value).or_else(|| credential(Path::new(&folder?), variable))
}

/// A name with a slash would lead out of the folder.
fn credential(folder: &Path, name: &str) -> Option<SecretString> {
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return None;
    }
    stated(std::fs::read_to_string(folder.join(name)).ok())
}

fn stated(value: Option<String>) -> Option<SecretString> {
    let value = value?;
    (!value.trim().is_empty()).then(|| value.trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_credential_is_a_file_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("TOKEN"), " of-the-file\n").unwrap();
        std::fs::write(folder.path().join("BLANK"), "\n").unwrap();
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let read = |name: &str| credential(folder.path(), name).map(|value| value.expose_secret().to_owned());
        assert_eq!(read("TOKEN").as_deref(), Some("of-the-file"));
        for name in ["BLANK", "MISSING", "inner", ""] {
            assert_eq!(read(name), None, "{name}");
        }
        for name in ["../TOKEN", ".", ".."] {
            assert!(credential(&inner, name).is_none(), "{name}");
        }
    }
}
