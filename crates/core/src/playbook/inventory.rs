//! The inventory: what may be touched, by name.

use crate::ids::{HostName, ParamName, Repo, Role, SystemName, SystemTypeName};
use crate::policy::mode::Mode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Every system under care, and every host they stand on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// The systems by name.
    pub systems: BTreeMap<SystemName, System>,
    /// Every host of the configuration, whether a system uses it or not.
    pub hosts: BTreeSet<HostName>,
    /// Hosts of which only a share is changed within a time, by the name under which the whole group is
    /// held while one of them is changed.
    pub groups: BTreeMap<HostName, Group>,
    /// The repositories from which a system can be reached. A system that is not here can be reached from each.
    #[serde(default)]
    pub repos: BTreeMap<SystemName, BTreeSet<Repo>>,
    /// The system that a ticket is about if it names none, or if it names several of which this is one.
    #[serde(default)]
    pub default_system: Option<SystemName>,
}

/// Hosts that stand in for each other: a remedy that does harm must not reach them all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The members of the group.
    pub hosts: BTreeSet<HostName>,
    /// In percent.
    pub max_percent: u8,
    /// How long a host counts as changed after a remediation of it.
    pub window: Duration,
}

impl Group {
    /// How many hosts may be changed within the window; always one.
    pub fn allowed(&self) -> usize {
        (self.hosts.len() * usize::from(self.max_percent) / 100).max(1)
    }
}

impl Inventory {
    /// Whether tickets and comments of a repository can reach a system.
    pub fn is_reached(&self, system: &SystemName, repo: &Repo) -> bool {
        self.repos.get(system).is_none_or(|repos| repos.contains(repo))
    }

    /// What tickets and comments of a repository can reach.
    pub fn for_repo(&self, repo: &Repo) -> Self {
        let mut reached = self.clone();
        reached.systems.retain(|name, _| self.is_reached(name, repo));
        reached
    }

    /// What a case has to hold before it changes these hosts: they and the groups that they are of.
    pub fn holds(&self, hosts: &BTreeSet<HostName>) -> BTreeSet<HostName> {
        let groups = self.groups.iter().filter(|(_, group)| !group.hosts.is_disjoint(hosts));
        hosts.iter().chain(groups.map(|(name, _)| name)).cloned().collect()
    }

    /// These hosts and every member of their groups: what is changed on one counts for the limits of the others.
    pub fn with_groups<'a>(&self, hosts: impl IntoIterator<Item = &'a HostName>) -> BTreeSet<HostName> {
        let hosts: BTreeSet<HostName> = hosts.into_iter().cloned().collect();
        let groups = self.groups.values().filter(|group| !group.hosts.is_disjoint(&hosts));
        let members: BTreeSet<HostName> = groups.flat_map(|group| group.hosts.iter().cloned()).collect();
        hosts.union(&members).cloned().collect()
    }
}

/// One system as it stands somewhere: its kind, its hosts by role, its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct System {
    /// The name, as the configuration has it.
    pub name: SystemName,
    /// The system type, which selects the playbooks.
    pub system_type: SystemTypeName,
    /// The host of each role. Without an `agent` of its own, a system has the configured local host, if any.
    pub hosts: BTreeMap<Role, HostName>,
    /// As configured; the defaults of the kind fill what is missing.
    pub params: BTreeMap<ParamName, Value>,
    /// Words in a ticket that mean this system, beside its name.
    pub aliases: Vec<String>,
    /// The strictest of this, the playbook's and the global mode holds.
    pub mode: Option<Mode>,
}

impl System {
    /// The host that stands in for a role.
    pub fn host(&self, role: &Role) -> Option<&HostName> {
        self.hosts.get(role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_system_is_reached_from_its_repositories_only() {
        let repo = |name: &str| -> Repo { name.parse().unwrap() };
        let system = |name: &str| {
            let name = SystemName::new(name).unwrap();
            let system_type = SystemTypeName::new("app").unwrap();
            let (hosts, params, aliases) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
            (name.clone(), System { name, system_type, hosts, params, aliases, mode: None })
        };
        let bound = SystemName::new("bound").unwrap();
        let inventory = Inventory {
            systems: [system("bound"), system("free")].into(),
            repos: [(bound, BTreeSet::from([repo("example/ops")]))].into(),
            ..Inventory::default()
        };
        let reached = |name| -> Vec<String> {
            inventory.for_repo(&repo(name)).systems.into_keys().map(|name| name.to_string()).collect()
        };
        assert_eq!(reached("example/ops"), ["bound", "free"]);
        assert_eq!(reached("Example/Ops"), ["bound", "free"]);
        assert_eq!(reached("example/tickets"), ["free"]);
    }
}
