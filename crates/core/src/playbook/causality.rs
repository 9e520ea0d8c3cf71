//! Which faults of a system type cause which, and which are known to have nothing to do with each other.

use crate::ids::PlaybookName;
use crate::playbook::{Fault, SystemType};
use std::collections::BTreeSet;

impl SystemType {
    /// The faults that can cause this one, directly or through others.
    pub fn causes_of(&self, of: &PlaybookName) -> BTreeSet<PlaybookName> {
        let mut consequences = BTreeSet::from([of.clone()]);
        // The faults stand in causal order, so one pass from the end finds causes of causes.
        for fault in self.faults.iter().rev() {
            if !fault.causes.is_disjoint(&consequences) {
                consequences.insert(fault.name.clone());
            }
        }
        consequences.remove(of);
        consequences
    }

    /// Whether it is stated that one fault neither causes nor hinders the other. That nobody says that it does is no
    /// such statement.
    pub fn is_independent(&self, one: &PlaybookName, other: &PlaybookName) -> bool {
        self.fault(one).is_some_and(|fault| fault.independent_of.contains(other))
    }

    /// Whether only people mend this fault.
    pub fn is_for_people(&self, name: &PlaybookName) -> bool {
        self.fault(name).is_some_and(Fault::is_for_people)
    }
}

impl Fault {
    /// Whether only people mend it.
    pub fn is_for_people(&self) -> bool {
        self.remediation.is_empty()
    }
}
