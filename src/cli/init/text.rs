//! The configuration that `fieldmedic init` writes.

use crate::cli::config_file::{list, quoted};
use std::fmt::Write as _;

/// The values of a new configuration.
#[derive(Debug, Clone, Default)]
pub(super) struct FirstConfig {
    /// The schema that editors check the file by, if it is installed.
    pub schema: Option<String>,
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

impl FirstConfig {
    /// The text of the configuration, with a comment beside each key.
    pub(super) fn text(&self) -> String {
        let mut out = self.schema.as_ref().map_or_else(String::new, |schema| format!("#:schema {schema}\n"));
        out.push_str(
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
             # The servers, and what runs on them: `fieldmedic host add` adds them here.\n",
        );
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::config_file::write_config;
    use crate::config::Config;

    #[test]
    fn a_written_configuration_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/fieldmedic.toml");
        let token = FirstConfig { repos: vec!["example/tickets".into()], ..FirstConfig::default() };
        let app = FirstConfig {
            on_call: vec!["ops-lead".into()],
            base_url: Some("https://ghe.example.org/api/v3".into()),
            app: Some((7, "medic.pem".into())),
            listen: Some("127.0.0.1:8080".into()),
            schema: Some("/usr/share/fieldmedic/schemas/config.json".into()),
            ..token.clone()
        };
        for answers in [token, app] {
            write_config(&path, &answers.text()).unwrap();
            assert_eq!(answers.text().starts_with("#:schema /usr/"), answers.schema.is_some());
            let config = Config::read(&path).unwrap();
            assert_eq!(config.github.app_id, answers.app.as_ref().map(|(id, _)| *id));
            assert_eq!(
                (config.webhook.is_some(), config.github.on_call),
                (answers.listen.is_some(), answers.on_call)
            );
        }
    }
}
