//! The shape of `host.yaml`, as it is written; what it means is in [`file`](crate::host::spec).

use crate::host::fake_host::HostFault;
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
    pub every: Vec<TickSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommandSpec {
    pub run: Option<Spanned<String>>,
    pub script: Option<String>,
    pub r#in: Option<String>,
    pub when: Option<Spanned<String>>,
    pub times: Option<u32>,
    pub sudo: Option<Sudo>,
    pub stdout: Option<Spanned<String>>,
    pub stderr: Option<Spanned<String>>,
    pub exit: Option<Spanned<Value>>,
    pub signal: Option<String>,
    pub takes: Option<Spanned<String>>,
    #[serde(default)]
    pub set: Sets,
    #[serde(default)]
    pub later: Vec<DelayedSet>,
    pub fault: Option<HostFault>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DelayedSet {
    pub after: Spanned<String>,
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
