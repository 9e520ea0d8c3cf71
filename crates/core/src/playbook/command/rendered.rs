//! A command ready to run on a host: the line that its shell is given, and what people read.

use crate::playbook::command::quote::quote;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// A command ready to run on a host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    pub(crate) form: CommandForm,
    pub(crate) cwd: Option<String>,
    pub(crate) sudo: bool,
    pub(crate) timeout_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CommandForm {
    Words(Vec<String>),
    Script { name: String, text: String, env: BTreeMap<String, String> },
}

impl Command {
    /// The deadline, counted from the moment the host was asked to start it.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// The line that a POSIX shell on the host is given. Every word is quoted where it needs to be.
    pub fn line(&self) -> String {
        let mut line = String::new();
        if let Some(cwd) = &self.cwd {
            let _ = write!(line, "cd -- {} && ", quote(cwd));
        }
        if self.sudo {
            line.push_str("sudo -n -- ");
        }
        match &self.form {
            CommandForm::Words(words) => {
                let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
                line.push_str(&quoted.join(" "));
            }
            CommandForm::Script { name, text, env } => {
                line.push_str("env ");
                for (key, value) in env {
                    let _ = write!(line, "{} ", quote(&format!("{key}={value}")));
                }
                let _ = write!(line, "sh -euc {} {}", quote(text), quote(name));
            }
        }
        line
    }

    /// The same for people: a script by its name and values, not its whole text.
    pub fn summary(&self) -> String {
        match &self.form {
            CommandForm::Words(words) => {
                let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
                format!("{}{}", if self.sudo { "sudo " } else { "" }, quoted.join(" "))
            }
            CommandForm::Script { name, env, .. } => {
                let values: Vec<String> = env.iter().map(|(k, v)| quote(&format!("{k}={v}"))).collect();
                let sudo = if self.sudo { "sudo " } else { "" };
                format!("{sudo}script {name} {}", values.join(" ")).trim_end().to_owned()
            }
        }
    }
}
