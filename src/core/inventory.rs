//! The inventory: what may be touched, by name.

use super::name::{HostName, KindName, ParamName, Role, SystemName};
use super::policy::Mode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Every system under care, and every host they stand on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    pub systems: BTreeMap<SystemName, Site>,
    pub hosts: BTreeSet<HostName>,
}

/// One system as it stands somewhere: its kind, its hosts by role, its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    pub name: SystemName,
    pub kind: KindName,
    pub hosts: BTreeMap<Role, HostName>,
    /// As configured; the defaults of the kind fill what is missing.
    pub params: BTreeMap<ParamName, Value>,
    /// Words in a ticket that mean this system, beside its name.
    pub aliases: Vec<String>,
    /// The strictest of this, the playbook's and the global mode holds.
    pub mode: Option<Mode>,
}

impl Site {
    /// The host that stands in for a role.
    pub fn host(&self, role: &Role) -> Option<&HostName> {
        self.hosts.get(role)
    }
}
