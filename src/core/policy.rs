//! Policy: whether a change may be made. A [`Permit`] is its yes, and only this module makes one.

use super::name::PlaybookName;
use super::redact::Redacted;
use super::remedy::Plan;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// How much the agent may do. Ordered from strict to free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Look, and say what it would do.
    Observe,
    /// Look, change and verify.
    Act,
}

/// How much a remedy may break. Ordered from harmless to grave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    Low,
    Medium,
    High,
}

/// What the operator allows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub mode: Mode,
    pub playbook_modes: BTreeMap<PlaybookName, Mode>,
    /// The gravest risk that is run without a person.
    pub max_risk: Risk,
    /// How long the fault's own condition must stay false before it counts as mended.
    pub soak: Duration,
    /// Remedies for one case; more are a sign that something else is wrong.
    pub max_remedies: usize,
    /// Commands that change something, for one case.
    pub max_changes: usize,
    /// Whether anything is said on the forge. A rehearsal says nothing.
    pub speaks: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::Observe,
            playbook_modes: BTreeMap::new(),
            max_risk: Risk::Medium,
            soak: Duration::from_secs(10),
            max_remedies: 4,
            max_changes: 40,
            speaks: true,
        }
    }
}

impl Policy {
    /// The same rules for a rehearsal: no permit, and no word on the forge.
    pub fn rehearsal(mut self) -> Self {
        self.mode = Mode::Observe;
        self.speaks = false;
        self
    }
}

/// A person's halt to all changes, on every system, until it is lifted. Looks go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub by: String,
    pub at: DateTime<Utc>,
    /// May be empty.
    pub why: Redacted,
}

/// Policy's yes to the changes of one plan. It cannot be made elsewhere, copied into another plan, or
/// kept in a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    plan: String,
}

impl Permit {
    /// The hash of the plan that it is for.
    pub fn plan(&self) -> &str {
        &self.plan
    }
}

/// Why policy says no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    #[error("the agent only observes here: `mode = \"act\"` would let it make these changes")]
    Observing,
    #[error("this is a rehearsal, which changes nothing")]
    Rehearsing,
    #[error("its risk is {risk:?}, and `max_risk` allows {allowed:?} at most", risk = .risk, allowed = .allowed)]
    TooRisky { risk: Risk, allowed: Risk },
    #[error("it would be {changes} changes for this ticket, and `max_changes` allows {allowed}")]
    TooManyChanges { changes: usize, allowed: usize },
}

/// The permit to take back what was changed under a permit for the same plan: an undo is part of it.
pub fn permit_undo(policy: &Policy, plan: &Plan) -> Result<Permit, Refusal> {
    if !policy.speaks {
        return Err(Refusal::Rehearsing);
    }
    Ok(Permit { plan: plan.hash.clone() })
}

/// Asks for the changes of a plan. `site_mode` and `fault_mode` are those of the system and of the
/// playbook's author; the strictest of all holds. `changes` counts those of the case, with those asked for.
pub fn permit(
    policy: &Policy,
    plan: &Plan,
    site_mode: Option<Mode>,
    fault_mode: Option<Mode>,
    changes: usize,
) -> Result<Permit, Refusal> {
    let configured = policy.playbook_modes.get(&plan.playbook).copied();
    let strictest = [site_mode, fault_mode, configured].into_iter().flatten().fold(policy.mode, Mode::min);
    if !policy.speaks {
        return Err(Refusal::Rehearsing);
    }
    if strictest < Mode::Act {
        return Err(Refusal::Observing);
    }
    if plan.risk > policy.max_risk {
        return Err(Refusal::TooRisky { risk: plan.risk, allowed: policy.max_risk });
    }
    if changes > policy.max_changes {
        return Err(Refusal::TooManyChanges { changes, allowed: policy.max_changes });
    }
    Ok(Permit { plan: plan.hash.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(risk: Risk) -> Plan {
        Plan { playbook: PlaybookName::new("p").unwrap(), risk, steps: Vec::new(), hash: "h".into() }
    }

    #[test]
    fn the_strictest_mode_holds() {
        use Mode::{Act, Observe};
        for (global, site, fault, own, allowed) in [
            (Act, None, None, None, true),
            (Observe, Some(Act), Some(Act), Some(Act), false),
            (Act, Some(Observe), None, None, false),
            (Act, None, Some(Observe), None, false),
            (Act, Some(Act), Some(Act), Some(Observe), false),
            (Act, Some(Act), Some(Act), Some(Act), true),
        ] {
            let mut policy = Policy { mode: global, ..Policy::default() };
            if let Some(own) = own {
                policy.playbook_modes.insert(PlaybookName::new("p").unwrap(), own);
            }
            let answer = permit(&policy, &plan(Risk::Low), site, fault, 0);
            assert_eq!(answer.is_ok(), allowed, "{global:?} {site:?} {fault:?} {own:?}");
        }
    }

    #[test]
    fn risk_and_number_are_bounded() {
        let policy = Policy { mode: Mode::Act, ..Policy::default() };
        assert!(permit(&policy, &plan(Risk::Medium), None, None, 40).is_ok());
        assert!(permit(&policy, &plan(Risk::High), None, None, 0).is_err());
        assert!(permit(&policy, &plan(Risk::Low), None, None, 41).is_err());
        assert!(permit(&policy.rehearsal(), &plan(Risk::Low), None, None, 0).is_err());
    }
}
