//! The files of a scenario: read and checked once, played as often as one likes.

#![expect(clippy::disallowed_methods, reason = "reads scenario files")]

use crate::core::ids::{ParamName, SystemTypeName};
use crate::sandbox::host::HostSpec;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A scenario as its folder tells it.
#[derive(Clone)]
pub struct Scenario {
    /// Which kind of system it is about: the name of the folder that holds it.
    pub system_type: SystemTypeName,
    pub paper: TicketFile,
    pub host: HostSpec,
    pub expect: Expect,
}

/// What should come of a scenario.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// `resolved`, `answered`, `escalated`, …
    pub outcome: String,
    /// The code of an escalation.
    #[serde(default)]
    pub code: Option<String>,
    /// The playbooks whose remedy was applied and proven, in order.
    #[serde(default)]
    pub remediated: Vec<String>,
    /// Expressions over the host's state that hold at the end.
    #[serde(default)]
    pub state: Vec<String>,
    /// Regular expressions, each of which some command matches.
    #[serde(default)]
    pub commands_include: Vec<String>,
    /// Regular expressions that no command matches.
    #[serde(default)]
    pub commands_exclude: Vec<String>,
    /// Texts that the report holds.
    #[serde(default)]
    pub comments_include: Vec<String>,
    /// Parameters of the system.
    #[serde(default)]
    pub params: BTreeMap<ParamName, Value>,
}

/// What is wrong with a scenario's files.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    #[error("{path}: {error}")]
    File { path: PathBuf, error: String },
    #[error("the boxes could not be set up: {0}")]
    SetUp(String),
    #[error("the case stopped: {0}")]
    Stopped(String),
}

impl Scenario {
    /// # Errors
    /// The first thing that is wrong with its files.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let wrong = |path: &Path, error: &dyn std::fmt::Display| ScenarioError::File {
            path: path.to_owned(),
            error: error.to_string(),
        };
        let expect = read_expect(path)?;
        let paper = TicketFile::read(&path.join("ticket.md"))?;
        let kind = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let kind = SystemTypeName::new(kind.unwrap_or_default()).map_err(|error| wrong(path, &error))?;
        let host = path.join("host.yaml");
        let host = HostSpec::parse(&host_text(&host)?).map_err(|error| wrong(&host, &error))?;
        Ok(Self { system_type: kind, paper, host, expect })
    }
}

/// Every scenario under a folder: those that hold an `expect.yaml`.
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
    pub title: String,
    pub body: String,
    pub labels: Vec<String>,
    pub author: String,
    /// What somebody with all rights orders in it, without the command itself; the ticket is taken of the
    /// agent's own accord where it is missing.
    pub order: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    author: Option<String>,
    #[serde(default)]
    order: Option<String>,
}

impl TicketFile {
    /// Reads a `ticket.md`.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let wrong = |error: String| ScenarioError::File { path: path.to_owned(), error };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        Self::parse(&text).map_err(wrong)
    }

    /// Reads the text of a `ticket.md`.
    ///
    /// # Errors
    /// What is wrong with it, in a few words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let front = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
        let (front, rest) = match front {
            Some((front, rest)) => {
                let read = serde_saphyr::from_str_with_options(front, crate::library::yaml());
                (read.map_err(|error| error.to_string())?, rest)
            }
            None => (Front { labels: Vec::new(), author: None, order: None }, text),
        };
        let (title, body) = rest.trim_start().split_once('\n').unwrap_or((rest.trim(), ""));
        let title = title.strip_prefix("# ").ok_or("the first line is not `# title`")?;
        let mut labels = front.labels;
        // With an order, that alone brings it in.
        if front.order.is_none() {
            labels.push("support".into());
        }
        Ok(Self {
            title: title.trim().into(),
            body: body.trim().into(),
            labels,
            author: front.author.unwrap_or_else(|| "field-agent".into()),
            order: front.order,
        })
    }
}

/// What is expected of a scenario.
pub fn read_expect(path: &Path) -> Result<Expect, ScenarioError> {
    read_yaml(&path.join("expect.yaml"))
}

fn read_yaml<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, ScenarioError> {
    let wrong = |error: String| ScenarioError::File { path: path.to_owned(), error };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))
}

/// The text of a host file, with the files beneath it worked in.
pub fn host_text(path: &Path) -> Result<String, ScenarioError> {
    let wrong = |error: String| ScenarioError::File { path: path.to_owned(), error };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    if !text.lines().any(|line| line.starts_with("base:")) {
        return Ok(text);
    }
    let merged = with_bases(path, 0)?;
    serde_json::to_string_pretty(&merged).map_err(|error| wrong(error.to_string()))
}

fn with_bases(path: &Path, depth: u32) -> Result<Map<String, Value>, ScenarioError> {
    let wrong = |error: &str| ScenarioError::File { path: path.to_owned(), error: error.to_owned() };
    let mut own: Map<String, Value> = read_yaml(path)?;
    let Some(base) = own.remove("base") else { return Ok(own) };
    let base = base.as_str().ok_or_else(|| wrong("`base` is not a path"))?;
    if depth > 5 {
        return Err(wrong("`base` runs in a circle"));
    }
    let mut all = with_bases(&path.parent().unwrap_or(Path::new("")).join(base), depth + 1)?;
    for (key, value) in own {
        match (all.get_mut(&key), value) {
            // The first command that matches answers, so the scenario's own come first.
            (Some(Value::Array(beneath)), Value::Array(mut above)) => {
                above.append(beneath);
                *beneath = above;
            }
            (Some(Value::Object(beneath)), Value::Object(above)) => merge(beneath, above),
            (_, value) => {
                all.insert(key, value);
            }
        }
    }
    Ok(all)
}

fn merge(beneath: &mut Map<String, Value>, above: Map<String, Value>) {
    for (key, value) in above {
        match (beneath.get_mut(&key), value) {
            (Some(Value::Object(beneath)), Value::Object(above)) => merge(beneath, above),
            (_, value) => {
                beneath.insert(key, value);
            }
        }
    }
}
