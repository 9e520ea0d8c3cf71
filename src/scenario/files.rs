//! The files of a scenario. They are read and checked once, and can be played many times.

#![expect(clippy::disallowed_methods, reason = "reads scenario files")]

use crate::core::case::inquiry::ReporterAnswer;
use crate::core::ids::{ParamName, SystemTypeName};
use crate::library::migrate::{FileKind, migrate_file, new_name_of};
use crate::sandbox::host::HostSpec;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A scenario, as read from its folder.
#[derive(Clone)]
pub struct Scenario {
    /// The system type: the name of the folder above the scenario's.
    pub system_type: SystemTypeName,
    /// `ticket.md`.
    pub ticket: TicketFile,
    /// `host.yaml`, merged with its bases.
    pub host: HostSpec,
    /// `expect.yaml`.
    pub expect: Expect,
}

/// The expected result of a scenario: `expect.yaml`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// `resolved`, `answered`, `escalated`, …
    pub outcome: String,
    /// The code of an escalation.
    #[serde(default)]
    pub code: Option<String>,
    /// The playbooks whose fix was applied and proven, in order.
    #[serde(default)]
    pub remediated: Vec<String>,
    /// Expressions over the host's state that are true at the end.
    #[serde(default)]
    pub state: Vec<String>,
    /// Regular expressions; some command matches each.
    #[serde(default)]
    pub commands_include: Vec<String>,
    /// Regular expressions that no command matches.
    #[serde(default)]
    pub commands_exclude: Vec<String>,
    /// Texts that the comments contain.
    #[serde(default)]
    pub comments_include: Vec<String>,
    /// Parameters of the system.
    #[serde(default)]
    pub params: BTreeMap<ParamName, Value>,
    /// A person approves every plan that waits for approval.
    #[serde(default)]
    pub approve: bool,
    /// What the reporter answers when asked: `works`, `broken` or `details`. Nothing by default.
    #[serde(default)]
    pub reporter: Option<ReporterAnswer>,
}

/// Why a scenario could not be played.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// A file of the scenario cannot be read or decoded; `error` says why.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: String,
    },
    /// A file has a key of format 0, in this `line`, counted from 1.
    #[error(
        "{path}:{line}: `{old}` is a key of format 0; format 1 calls it `{new}`. \
         Run `fieldmedic playbook migrate {}`",
        path.parent().unwrap_or(path).display()
    )]
    OldKey {
        /// The file.
        path: PathBuf,
        /// The line of the key, counted from 1.
        line: usize,
        /// The key, such as `mended`.
        old: String,
        /// The key's name in format 1, such as `remediated`.
        new: String,
    },
    /// The fake GitHub or the fake host could not be set up; the text says why.
    #[error("the fake GitHub or host could not be set up: {0}")]
    SetUp(String),
    /// The case could not be opened, driven or judged; the text says why.
    #[error("the case stopped: {0}")]
    Stopped(String),
}

impl Scenario {
    /// Reads and checks the files of a scenario's folder.
    ///
    /// # Errors
    /// The first problem of its files.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let invalid = |path: &Path, error: &dyn std::fmt::Display| ScenarioError::File {
            path: path.to_owned(),
            error: error.to_string(),
        };
        let expect = read_expect(path)?;
        let ticket = TicketFile::read(&path.join("ticket.md"))?;
        let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let system_type = SystemTypeName::new(folder.unwrap_or_default());
        let system_type = system_type.map_err(|error| invalid(path, &error))?;
        let host = path.join("host.yaml");
        let host = HostSpec::parse(&host_text(&host)?).map_err(|error| invalid(&host, &error))?;
        Ok(Self { system_type, ticket, host, expect })
    }
}

/// Every scenario below a folder: each folder with an `expect.yaml`.
/// They are sorted by path. Folders inside a scenario are not searched.
///
/// # Errors
/// The first folder that cannot be read.
pub fn find(root: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        if dir.join("expect.yaml").is_file() {
            found.push(dir);
            continue;
        }
        for entry in std::fs::read_dir(&dir)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A ticket as its author wrote it.
#[derive(Debug, Clone)]
pub struct TicketFile {
    /// The title, without `# `.
    pub title: String,
    /// The body, in Markdown; it may be empty.
    pub body: String,
    /// The labels of the front matter; `support` too, if there is no `command`.
    pub labels: Vec<String>,
    /// The login of the author; `field-agent` unless the front matter names one.
    pub author: String,
    /// The command that a person with all capabilities gives in the ticket, without its prefix. Without one,
    /// the ticket is accepted by its label.
    pub command: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    author: Option<String>,
    #[serde(default)]
    command: Option<String>,
}

impl TicketFile {
    /// Reads a `ticket.md`.
    ///
    /// # Errors
    /// The file cannot be read or decoded, or has a key of format 0.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = read_text(path)?;
        check_keys(path, FileKind::Ticket, &text)?;
        Self::parse(&text).map_err(|error| ScenarioError::File { path: path.to_owned(), error })
    }

    /// Reads the text of a `ticket.md`.
    ///
    /// # Errors
    /// The first problem, in a few words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let front = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
        let (front, rest): (FrontMatter, &str) = match front {
            Some((front, rest)) => {
                let read = serde_saphyr::from_str_with_options(front, crate::library::yaml());
                (read.map_err(|error| error.to_string())?, rest)
            }
            None => (FrontMatter::default(), text),
        };
        let (title, body) = rest.trim_start().split_once('\n').unwrap_or((rest.trim(), ""));
        let title = title.strip_prefix("# ").ok_or("the ticket does not begin with `# title`")?;
        let mut labels = front.labels;
        // A command opens the case by itself.
        if front.command.is_none() {
            labels.push("support".into());
        }
        Ok(Self {
            title: title.trim().into(),
            body: body.trim().into(),
            labels,
            author: front.author.unwrap_or_else(|| "field-agent".into()),
            command: front.command,
        })
    }
}

/// The expected result of a scenario.
///
/// # Errors
/// `expect.yaml` cannot be read or decoded.
pub fn read_expect(path: &Path) -> Result<Expect, ScenarioError> {
    read_yaml(&path.join("expect.yaml"), FileKind::Expect)
}

fn read_text(path: &Path) -> Result<String, ScenarioError> {
    let unreadable =
        |error: std::io::Error| ScenarioError::File { path: path.to_owned(), error: error.to_string() };
    std::fs::read_to_string(path).map_err(unreadable)
}

/// Rejects a file with keys of format 0: they would only be unknown.
fn check_keys(path: &Path, kind: FileKind, text: &str) -> Result<(), ScenarioError> {
    // What cannot be migrated has a problem that the decoder reports better.
    let Ok(migrated) = migrate_file(kind, &path.to_string_lossy(), text) else { return Ok(()) };
    let mut changes = migrated.changes.into_iter();
    // Values are no sign of format 0: a name may begin with a word that was renamed.
    let old = changes.find(|change| new_name_of(&change.from).is_some_and(|new| new == change.to));
    match old {
        Some(change) => Err(ScenarioError::OldKey {
            path: path.to_owned(),
            line: change.line,
            old: change.from,
            new: change.to,
        }),
        None => Ok(()),
    }
}

fn read_yaml<T: for<'de> Deserialize<'de>>(path: &Path, kind: FileKind) -> Result<T, ScenarioError> {
    let text = read_text(path)?;
    check_keys(path, kind, &text)?;
    let invalid =
        |error: serde_saphyr::Error| ScenarioError::File { path: path.to_owned(), error: error.to_string() };
    serde_saphyr::from_str(&text).map_err(invalid)
}

/// The text of a host file, merged with its bases.
///
/// # Errors
/// A file cannot be read or decoded, or the bases form a cycle.
pub fn host_text(path: &Path) -> Result<String, ScenarioError> {
    let text = read_text(path)?;
    check_keys(path, FileKind::HostSpec, &text)?;
    if !text.lines().any(|line| line.starts_with("base:")) {
        return Ok(text);
    }
    let merged = with_bases(path, 0)?;
    let invalid =
        |error: serde_json::Error| ScenarioError::File { path: path.to_owned(), error: error.to_string() };
    serde_json::to_string_pretty(&merged).map_err(invalid)
}

fn with_bases(path: &Path, depth: u32) -> Result<Map<String, Value>, ScenarioError> {
    let invalid = |error: &str| ScenarioError::File { path: path.to_owned(), error: error.to_owned() };
    let mut own: Map<String, Value> = read_yaml(path, FileKind::HostSpec)?;
    let Some(base) = own.remove("base") else { return Ok(own) };
    let base = base.as_str().ok_or_else(|| invalid("`base` must be a path"))?;
    if depth > 5 {
        return Err(invalid("`base` forms a cycle"));
    }
    let mut all = with_bases(&path.parent().unwrap_or(Path::new("")).join(base), depth + 1)?;
    for (key, value) in own {
        match (all.get_mut(&key), value) {
            // The first match answers, so the scenario's own commands come first.
            (Some(Value::Array(base)), Value::Array(mut own)) => {
                own.append(base);
                *base = own;
            }
            (Some(Value::Object(base)), Value::Object(own)) => merge(base, own),
            (_, value) => {
                all.insert(key, value);
            }
        }
    }
    Ok(all)
}

fn merge(base: &mut Map<String, Value>, own: Map<String, Value>) {
    for (key, value) in own {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(base)), Value::Object(own)) => merge(base, own),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(host: &str, expect: &str, ticket: &str) -> Result<Scenario, ScenarioError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x/full");
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(dir.path().join("x/base.yaml"), "commands:\n  - { run: a, cwd: / }\n").unwrap();
        std::fs::write(dir.path().join("x/old.yaml"), "commands:\n  - { run: a, in: / }\n").unwrap();
        for (name, text) in [("host.yaml", host), ("expect.yaml", expect), ("ticket.md", ticket)] {
            std::fs::write(path.join(name), text).unwrap();
        }
        Scenario::read(&path)
    }

    #[test]
    fn keys_of_format_0_are_rejected_with_the_next_step() {
        let (host, expect, ticket) = ("base: ../base.yaml\n", "outcome: resolved\n", "# Full\n");
        assert!(scenario(host, expect, ticket).is_ok());
        for (host, expect, ticket, problem) in [
            (
                "base: ../old.yaml\n",
                expect,
                ticket,
                "old.yaml:2: `in` is a key of format 0; format 1 calls it `cwd`",
            ),
            (
                "every: []\n",
                expect,
                ticket,
                "host.yaml:1: `every` is a key of format 0; format 1 calls it `ticks`",
            ),
            (
                host,
                "outcome: resolved\nmended: [a]\n",
                ticket,
                "expect.yaml:2: `mended` is a key of format 0",
            ),
            (host, expect, "---\norder: status\n---\n# Full\n", "ticket.md:2: `order` is a key of format 0"),
        ] {
            let error = scenario(host, expect, ticket).err().unwrap().to_string();
            assert!(error.contains(problem), "{problem:?} is not in {error:?}");
            assert!(error.contains("Run `fieldmedic playbook migrate "), "{error}");
        }
    }

    #[test]
    fn a_value_is_no_sign_of_format_0() {
        let host = "commands:\n  - { script: undo the last import }\n";
        assert!(scenario(host, "outcome: resolved\n", "# Full\n").is_ok());
    }
}
