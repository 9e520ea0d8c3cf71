//! The keys of `host.yaml` as they are written. [`spec`](crate::host::spec) checks and compiles them.

use serde::Deserialize;
use serde_json::{Map, Value};
use serde_saphyr::Spanned;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpecFile {
    #[serde(default, rename = "summary")]
    pub _summary: String,
    pub unreachable: Option<Spanned<Value>>,
    pub state: Option<Spanned<Map<String, Value>>>,
    #[serde(default)]
    pub commands: Vec<Spanned<CommandSpec>>,
    #[serde(default)]
    pub ticks: Vec<TickSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommandSpec {
    pub run: Option<Spanned<String>>,
    pub script: Option<String>,
    pub cwd: Option<String>,
    pub when: Option<Spanned<String>>,
    pub times: Option<u32>,
    pub sudo: Option<Sudo>,
    pub stdout: Option<Spanned<String>>,
    pub stderr: Option<Spanned<String>>,
    pub exit: Option<Spanned<Value>>,
    pub signal: Option<String>,
    pub duration: Option<Spanned<String>>,
    #[serde(default)]
    pub set: Sets,
    #[serde(default)]
    pub after: Vec<DelayedSet>,
    pub fault: Option<HostFault>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DelayedSet {
    pub delay: Spanned<String>,
    pub when: Option<Spanned<String>>,
    pub set: Sets,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TickSpec {
    pub interval: Spanned<String>,
    pub when: Option<Spanned<String>>,
    pub set: Sets,
}

pub(super) type Sets = BTreeMap<String, Spanned<Value>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Sudo {
    Required,
    Denied,
}

/// What goes wrong with a command; the table in [`crate::host`] describes each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostFault {
    /// The command writes its output and never ends by itself.
    Hang,
    /// The command never ends, and no signal ends it.
    Stuck,
    /// The command runs, and the connection breaks before the answer.
    Drop,
    /// Half of the output arrives, then the connection breaks.
    Partial,
    /// Bytes that are not text replace the output.
    Garbage,
    /// The command writes without end.
    Flood,
    /// The host does not run the command.
    Refuse,
}
