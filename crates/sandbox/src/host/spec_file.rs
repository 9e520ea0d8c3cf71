//! The keys of `host.yaml` as they are written. [`spec`](crate::host::spec) checks and compiles them.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use serde_saphyr::Spanned;
use std::collections::BTreeMap;

/// The host of a scenario: its state, and what commands print and change.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SpecFile {
    /// A description for people.
    #[serde(default, rename = "summary")]
    pub _summary: String,
    /// `true`, `false`, or an expression over the state: while it is true, nobody can connect.
    #[schemars(with = "Option<Value>")]
    pub unreachable: Option<Spanned<Value>>,
    /// The state of the host: a tree of values that commands read and set.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub state: Option<Spanned<Map<String, Value>>>,
    /// The commands that the host knows. The first that matches answers.
    #[serde(default)]
    #[schemars(with = "Vec<CommandSpec>")]
    pub commands: Vec<Spanned<CommandSpec>>,
    /// What changes by itself, again and again.
    #[serde(default)]
    pub ticks: Vec<TickSpec>,
}

/// A command that the host knows.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CommandSpec {
    /// The command line; `*` is any one word, `**` is all that follow.
    #[schemars(with = "Option<String>")]
    pub run: Option<Spanned<String>>,
    /// The name of the script: that of its probe or step, or `rollback <step>`.
    pub script: Option<String>,
    /// The working directory that it must have.
    pub cwd: Option<String>,
    /// A condition over the state and the values; unless it is true, the next command is looked at.
    #[schemars(with = "Option<String>")]
    pub when: Option<Spanned<String>>,
    /// It answers so many times.
    pub times: Option<u32>,
    /// Whether it needs `sudo`, or is not allowed to use it.
    pub sudo: Option<Sudo>,
    /// What it prints, as a template over the state and the values.
    #[schemars(with = "Option<String>")]
    pub stdout: Option<Spanned<String>>,
    /// What it prints to stderr, as a template.
    #[schemars(with = "Option<String>")]
    pub stderr: Option<Spanned<String>>,
    /// The exit code, 0 to 255, or `unknown`.
    #[schemars(with = "Option<Value>")]
    pub exit: Option<Spanned<Value>>,
    /// The signal that ends it.
    pub signal: Option<String>,
    /// How long it takes.
    #[schemars(with = "Option<String>")]
    pub duration: Option<Spanned<String>>,
    /// What it sets in the state: paths, each with an expression.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Value>")]
    pub set: Sets,
    /// What it changes later.
    #[serde(default)]
    pub after: Vec<DelayedSet>,
    /// What goes wrong with it.
    pub fault: Option<HostFault>,
}

/// What a command changes later.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DelayedSet {
    /// How long after the command.
    #[schemars(with = "String")]
    pub delay: Spanned<String>,
    /// A condition at that time.
    #[schemars(with = "Option<String>")]
    pub when: Option<Spanned<String>>,
    /// What is set: paths, each with an expression.
    #[schemars(with = "BTreeMap<String, Value>")]
    pub set: Sets,
}

/// What changes by itself, again and again.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TickSpec {
    /// How often.
    #[schemars(with = "String")]
    pub interval: Spanned<String>,
    /// A condition at that time.
    #[schemars(with = "Option<String>")]
    pub when: Option<Spanned<String>>,
    /// What is set: paths, each with an expression.
    #[schemars(with = "BTreeMap<String, Value>")]
    pub set: Sets,
}

pub(super) type Sets = BTreeMap<String, Spanned<Value>>;

/// How a command deals with `sudo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Sudo {
    Required,
    Denied,
}

/// What goes wrong with a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
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
