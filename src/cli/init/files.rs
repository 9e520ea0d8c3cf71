//! The files that `fieldmedic init` writes: the configuration, and secrets apart from it.

#![expect(clippy::disallowed_methods, reason = "writes the configuration that `init` creates")]

use miette::{IntoDiagnostic, Result, WrapErr, miette};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use tempfile::NamedTempFile;

/// The values of a new configuration.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers {
    /// The repositories where people file tickets, each as `owner/name`.
    pub repos: Vec<String>,
    /// Logins that are assigned and mentioned when a person is needed; may be empty.
    pub on_call: Vec<String>,
    /// The API, if it is not the public one.
    pub base_url: Option<String>,
    /// The App's number and the file of its key; without it, a token is used.
    pub app: Option<(u64, String)>,
    /// Where the webhook listens; `None` without a webhook.
    pub listen: Option<String>,
}

impl Answers {
    /// The text of the configuration, with a comment beside each key.
    pub(super) fn config(&self) -> String {
        let mut out = String::from(
            "# Written by `fieldmedic init`. fieldmedic.example.toml explains every key. After a change, run\n\
             # `fieldmedic doctor`. Do not write secrets here.\n\n[github]\n",
        );
        let mut line = |entry: String, comment: &str| {
            let _ = writeln!(out, "{entry:<48}# {comment}");
        };
        line(format!("repos = {}", list(&self.repos)), "where people file tickets");
        line(format!("on_call = {}", list(&self.on_call)), "assigned and mentioned when a person is needed");
        if let Some(base_url) = &self.base_url {
            line(format!("base_url = {}", quoted(base_url)), "the API of GitHub Enterprise");
        }
        match &self.app {
            Some((id, key)) => {
                line(format!("app_id = {id}"), "the GitHub App that Fieldmedic logs in as");
                line(format!("private_key = {}", quoted(key)), "its key; only Fieldmedic may read it");
            }
            None => line("token_env = \"FIELDMEDIC_GITHUB_TOKEN\"".into(), "the variable with the token"),
        }
        if let Some(listen) = &self.listen {
            out.push_str("\n[webhook]\n");
            let _ =
                writeln!(out, "{:<48}# behind your reverse proxy", format!("listen = {}", quoted(listen)));
            out.push_str("secret_env = \"FIELDMEDIC_WEBHOOK_SECRET\"\n");
        }
        out.push_str(
            "\n[policy]\nmode = \"observe\"                                # observe, ask or act; begin with observe\n\n\
             # The servers, and what runs on them. Fill these in.\n\
             # [hosts.main]\n# address = \"203.0.113.10\"\n# user = \"medic\"\n# key = \"~/.ssh/fieldmedic_ed25519\"\n\n\
             # [systems.qfieldcloud]\n# hosts = { main = \"main\" }\n",
        );
        out
    }
}

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
    let file = prepare(path, text)?;
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

fn list(items: &[String]) -> String {
    format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
}

/// A string of TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_written_configuration_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/fieldmedic.toml");
        let token = Answers { repos: vec!["example/tickets".into()], ..Answers::default() };
        let app = Answers {
            on_call: vec!["ops-lead".into()],
            base_url: Some("https://ghe.example.org/api/v3".into()),
            app: Some((7, "medic.pem".into())),
            listen: Some("127.0.0.1:8080".into()),
            ..token.clone()
        };
        for answers in [token, app] {
            write_config(&path, &answers.config()).unwrap();
            let config = Config::read(&path).unwrap();
            assert_eq!(config.github.app_id, answers.app.as_ref().map(|(id, _)| *id));
            assert_eq!(
                (config.webhook.is_some(), config.github.on_call),
                (answers.listen.is_some(), answers.on_call)
            );
        }
    }

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
}
