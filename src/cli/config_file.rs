//! Files that `init` and `host add` write: the configuration, and secrets apart from it. A file is whole at any time:
//! it is written beside its place, and takes it in one step.

#![expect(
    clippy::disallowed_methods,
    reason = "writes the configuration and the secrets that a person asked for"
)]

use crate::app;
use crate::app::settings::LoadedConfig;
use crate::config::Config;
use miette::{IntoDiagnostic, Result, WrapErr, bail, miette};
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Writes a file that only its owner can read, whole or not at all. An existing file stays.
///
/// # Errors
/// If the file exists, or the folder cannot be created or written to.
pub(super) fn write_private(path: &Path, text: &str) -> Result<()> {
    let file = prepare(path, text)?;
    file.persist_noclobber(path).map(drop).map_err(|error| {
        miette!("{} was not written: {}. Move the old file away", path.display(), error.error)
    })
}

/// Writes the configuration, whole or not at all. An existing file is replaced.
///
/// # Errors
/// If the folder cannot be created or written to.
pub(super) fn write_config(path: &Path, text: &str) -> Result<()> {
    persist(prepare(path, text)?, path)
}

/// A configuration with more at its end that is not in force yet.
pub(super) struct Draft {
    /// What it says, checked against the playbooks.
    pub loaded: LoadedConfig,
    file: NamedTempFile,
    /// The file to replace, behind all links.
    path: PathBuf,
    before: String,
}

impl Draft {
    /// The configuration in a file with `addition` at its end. Comments and everything else stay as they are. What it
    /// would say is read back, and checked as at a start.
    ///
    /// # Errors
    /// If the file cannot be read, or would not be a valid configuration with the addition.
    pub(super) fn new(path: &Path, addition: &str) -> Result<Self> {
        let path = path.canonicalize().into_diagnostic().wrap_err(path.display().to_string())?;
        let before = std::fs::read_to_string(&path).into_diagnostic().wrap_err(path.display().to_string())?;
        let file = prepare(&path, &format!("{}\n\n{}\n", before.trim_end(), addition.trim_end()))?;
        let mode = std::fs::metadata(&path).into_diagnostic()?.permissions().mode();
        file.as_file().set_permissions(Permissions::from_mode(mode & 0o7777)).into_diagnostic()?;
        let check = || -> Result<Config> {
            let config = Config::read(file.path())?;
            let library = app::library(&config)?;
            config.inventory(&library, &path)?;
            Ok(config)
        };
        let config = check().map_err(|error| {
            miette!("{} was not changed: with the addition it would not be valid\n{error}", path.display())
        })?;
        Ok(Self { loaded: LoadedConfig { config, path: path.clone() }, file, path, before })
    }

    /// Puts it in place of the file.
    ///
    /// # Errors
    /// If somebody else has changed the file since, or it cannot be replaced.
    pub(super) fn write(self) -> Result<LoadedConfig> {
        if std::fs::read_to_string(&self.path).into_diagnostic()? != self.before {
            bail!("{} was changed by somebody else meanwhile; run this again", self.path.display());
        }
        persist(self.file, &self.path)?;
        Ok(self.loaded)
    }
}

fn persist(file: NamedTempFile, path: &Path) -> Result<()> {
    file.persist(path)
        .map(drop)
        .map_err(|error| error.error)
        .into_diagnostic()
        .wrap_err(path.display().to_string())
}

fn prepare(path: &Path, text: &str) -> Result<NamedTempFile> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir).into_diagnostic()?;
    // A temporary file is readable for its owner only, and stays so under its new name.
    let mut file = NamedTempFile::new_in(dir).into_diagnostic().wrap_err(dir.display().to_string())?;
    file.write_all(text.as_bytes()).into_diagnostic()?;
    file.as_file().sync_all().into_diagnostic()?;
    Ok(file)
}

/// A list of strings of TOML.
pub(super) fn list(items: &[String]) -> String {
    format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
}

/// A string of TOML.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A key of TOML: bare where that is possible.
pub(super) fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if is_bare { name.to_owned() } else { quoted(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "# ours\n[github]\nrepos = [\"example/tickets\"] # of people\n";

    #[test]
    fn a_secret_is_private_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("medic.pem");
        write_private(&path, "one").unwrap();
        let error = write_private(&path, "two").unwrap_err().to_string();
        assert!(error.contains("Move the old file away"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn an_addition_keeps_the_file_its_rights_and_its_links() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("real.toml"), dir.path().join("fieldmedic.toml"));
        std::fs::write(&path, OLD).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let draft = Draft::new(&link, "[hosts.here]\nlocal = true\n").unwrap();
        assert_eq!(draft.loaded.config.hosts.len(), 1);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), OLD, "it is a draft");
        draft.write().unwrap();
        assert_eq!(std::fs::read_to_string(&link).unwrap(), format!("{OLD}\n[hosts.here]\nlocal = true\n"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left over");
    }

    #[test]
    fn what_would_not_be_valid_or_was_changed_meanwhile_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fieldmedic.toml");
        std::fs::write(&path, OLD).unwrap();
        for (addition, expect) in [
            ("[github]\n", "duplicate key"),
            ("[hosts.a]\nadress = \"x\"\n", "did you mean `address`"),
            ("[systems.x]\nhosts = { main = \"a\" }\n", "no [hosts.a]"),
            ("[hosts.a]\nlocal = true\n[systems.x]\nhosts = { main = \"a\" }\n", "no playbooks for `x`"),
        ] {
            let error = Draft::new(&path, addition).err().unwrap().to_string();
            assert!(error.contains("was not changed") && error.contains(expect), "{addition}: {error}");
        }
        let draft = Draft::new(&path, "[hosts.here]\nlocal = true\n").unwrap();
        std::fs::write(&path, format!("{OLD}# more\n")).unwrap();
        assert!(draft.write().unwrap_err().to_string().contains("meanwhile"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{OLD}# more\n"));
    }

    #[test]
    fn texts_and_keys_are_those_of_toml() {
        for name in ["main", "a.b", "north-1", "x y\"z"] {
            let text = format!("[{}]\nx = {}\n", key(name), quoted("a\"\\\n"));
            let table: toml::Table = text.parse().unwrap();
            assert_eq!(table[name]["x"].as_str(), Some("a\"\\\n"), "{text}");
        }
    }
}
