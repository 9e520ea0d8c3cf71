//! `[systems.*]` and `[groups.*]`: what is managed, checked against the playbooks.

use crate::config::params::{ParamProblem, checked};
use crate::config::value::duration;
use crate::core::ids::{HostName, ParamName, Role, SystemName, SystemTypeName};
use crate::core::playbook::inventory::{Group, System};
use crate::core::playbook::{Library, SystemType};
use crate::core::policy::permit::Mode;
use crate::core::ticket::Repo;
use crate::library::schema::DurationText;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The prefix of the names under which whole groups are leased. No host may have it.
pub(super) const GROUP_PREFIX: &str = "group.";

/// One managed system.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SystemEntry {
    /// The system type, which selects the playbooks; the system's own name by default.
    #[serde(default, rename = "type")]
    pub system_type: Option<SystemTypeName>,
    /// The host of each role.
    pub hosts: BTreeMap<Role, HostName>,
    /// Values of the system type's parameters.
    #[serde(default)]
    pub params: BTreeMap<ParamName, Value>,
    /// Words in tickets that mean this system.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The repositories whose tickets and comments reach this system. Empty: all.
    #[serde(default)]
    pub repos: BTreeSet<Repo>,
    /// The mode for this system; the strictest mode applies.
    #[serde(default)]
    pub mode: Option<Mode>,
    /// Tickets that name no system are about this one.
    #[serde(default)]
    pub default: bool,
}

/// Hosts that replace each other. Only some of them are changed within a window.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupEntry {
    /// The members of the group; each needs a section `[hosts.*]`.
    pub hosts: BTreeSet<HostName>,
    /// How many of the hosts may be changed within the window, in percent. One host may always be changed.
    pub max_percent: u8,
    /// How long a changed host counts against `max_percent`.
    #[serde(deserialize_with = "duration")]
    #[schemars(with = "DurationText")]
    pub window: Duration,
}

impl GroupEntry {
    /// The group under the name that it is leased by; `None` if the name is too long.
    pub(super) fn group(&self, name: &HostName) -> Option<(HostName, Group)> {
        let Self { hosts, max_percent, window } = self.clone();
        let name = HostName::new(format!("{GROUP_PREFIX}{name}")).ok()?;
        Some((name, Group { hosts, max_percent, window }))
    }
}

impl SystemEntry {
    /// The name of its type: that of the system, where it has none of its own.
    pub fn type_name<'a>(&'a self, name: &'a SystemName) -> &'a str {
        self.system_type.as_ref().map_or(name.as_str(), SystemTypeName::as_str)
    }

    /// The system, checked against the playbooks of its type.
    ///
    /// # Errors
    /// Every problem: there are no playbooks, or a parameter is unknown, missing or of a wrong type.
    pub(super) fn system(
        &self,
        name: &SystemName,
        library: &Library,
        agent: Option<&HostName>,
    ) -> Result<System, Vec<String>> {
        let type_name = self.type_name(name);
        let found = library.systems.iter().find(|(known, _)| known.as_str() == type_name);
        let Some((system_type, definition)) = found else {
            let known: Vec<&str> = library.systems.keys().map(SystemTypeName::as_str).collect();
            let known = known.join(", ");
            let problem =
                format!("[systems.{name}] there are no playbooks for `{type_name}`; there are for: {known}");
            return Err(vec![problem]);
        };
        let params = self.params(name, definition)?;
        let mut hosts = self.hosts.clone();
        if let Some(agent) = agent {
            hosts.entry(Role::agent()).or_insert_with(|| agent.clone());
        }
        Ok(System {
            name: name.clone(),
            system_type: system_type.clone(),
            hosts,
            params,
            aliases: self.aliases.clone(),
            mode: self.mode,
        })
    }

    fn params(
        &self,
        name: &SystemName,
        system_type: &SystemType,
    ) -> Result<BTreeMap<ParamName, Value>, Vec<String>> {
        let section = format!("[systems.{name}.params]");
        checked(&self.params, &system_type.params, |param, problem| match problem {
            ParamProblem::Wrong(error) => format!("{section} {param}: {error}"),
            ParamProblem::Unknown { hint } => format!("{section} `{param}` is unknown; {hint}"),
            ParamProblem::Missing { help } => format!("{section} `{param}` is missing: {help}"),
        })
    }
}
