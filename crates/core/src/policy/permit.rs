//! Policy: whether a change may be made. A [`Permit`] is its yes, and only this module makes one.

pub use crate::policy::consent::{Approval, Pause};
pub use crate::policy::mode::{Mode, Risk};
pub use crate::policy::refusal::NotPermitted;

use crate::diagnosis::plan::Plan;
use crate::ids::PlaybookName;
use crate::policy::change_freeze::ChangeFreeze;
use crate::policy::confirmation::ConfirmationPolicy;
use crate::policy::limits::Limits;
use std::collections::BTreeMap;
use std::time::Duration;

/// What the operator allows.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The mode of everything. A stricter one of a system or a playbook holds instead.
    pub mode: Mode,
    /// The modes of single playbooks, by configuration; a playbook without one has no mode of its own here.
    pub playbook_modes: BTreeMap<PlaybookName, Mode>,
    /// The gravest risk that is run without a person's yes.
    pub max_risk: Risk,
    /// How long the fault's own condition must stay false before it counts as mended.
    pub soak: Duration,
    /// Remedies for one case; more are a sign that something else is wrong.
    pub max_remediations: usize,
    /// Commands that change something, for one case.
    pub max_changes: usize,
    /// How long a plan waits for a person's yes.
    pub approval_timeout: Duration,
    /// Whether a change that somebody ordered needs the approval of somebody else.
    pub four_eyes: bool,
    /// How much may be changed, over all cases together.
    pub limits: Limits,
    /// When nothing may be changed; empty: no time is frozen.
    pub change_freezes: Vec<ChangeFreeze>,
    /// How the reporters of tickets are asked.
    pub confirmation: ConfirmationPolicy,
    /// Whether anything is said on the forge. A rehearsal says nothing.
    pub publishes: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::Observe,
            playbook_modes: BTreeMap::new(),
            max_risk: Risk::Medium,
            soak: Duration::from_secs(10),
            max_remediations: 4,
            max_changes: 40,
            approval_timeout: Duration::from_secs(24 * 3600),
            four_eyes: false,
            limits: Limits::default(),
            change_freezes: Vec::new(),
            confirmation: ConfirmationPolicy::default(),
            publishes: true,
        }
    }
}

impl Policy {
    /// The mode that holds where these are set besides: the strictest of all.
    pub fn strictest(&self, modes: impl IntoIterator<Item = Option<Mode>>) -> Mode {
        modes.into_iter().flatten().fold(self.mode, Mode::min)
    }

    /// The same rules for a rehearsal: no permit, and no word on the forge.
    pub fn dry_run(mut self) -> Self {
        self.mode = Mode::Observe;
        self.publishes = false;
        self
    }
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

/// The permit to take back what was changed under a permit for the same plan: an undo is part of it.
///
/// # Errors
/// [`NotPermitted::DryRun`] in a dry run.
pub fn authorize_rollback(policy: &Policy, plan: &Plan) -> Result<Permit, NotPermitted> {
    if !policy.publishes {
        return Err(NotPermitted::DryRun);
    }
    Ok(Permit { plan: plan.hash.clone() })
}

/// Asks for the changes of a plan. `modes` are those of the system and of the playbook's author; the
/// strictest of all holds. `changes` counts those of the case, with those asked for.
///
/// # Errors
/// Why the policy permits none of the plan's changes.
pub fn authorize(
    policy: &Policy,
    plan: &Plan,
    modes: [Option<Mode>; 2],
    changes: usize,
    approval: Option<&Approval>,
) -> Result<Permit, NotPermitted> {
    let configured = policy.playbook_modes.get(&plan.playbook).copied();
    let strictest = policy.strictest(modes.into_iter().chain([configured]));
    if !policy.publishes {
        return Err(NotPermitted::DryRun);
    }
    if strictest == Mode::Observe {
        return Err(NotPermitted::Observing);
    }
    if changes > policy.max_changes {
        return Err(NotPermitted::TooManyChanges { changes, allowed: policy.max_changes });
    }
    let approved = approval.is_some_and(|approval| approval.plan == plan.hash);
    if (strictest == Mode::Ask || plan.risk > policy.max_risk) && !approved {
        return Err(NotPermitted::NeedsApproval);
    }
    Ok(Permit { plan: plan.hash.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(risk: Risk) -> Plan {
        Plan { playbook: PlaybookName::new("p").unwrap(), risk, steps: Vec::new(), hash: "h".into() }
    }

    fn yes(plan: &str) -> Approval {
        Approval { plan: plan.into(), by: "ops-lead".into() }
    }

    #[test]
    fn the_strictest_mode_holds() {
        use Mode::{Act, Ask, Observe};
        for (global, system, fault, own, answer) in [
            (Act, None, None, None, Ok(())),
            (Act, Some(Act), Some(Act), Some(Act), Ok(())),
            (Observe, Some(Act), Some(Act), Some(Act), Err(NotPermitted::Observing)),
            (Act, Some(Observe), None, None, Err(NotPermitted::Observing)),
            (Act, None, Some(Observe), None, Err(NotPermitted::Observing)),
            (Act, Some(Act), Some(Act), Some(Observe), Err(NotPermitted::Observing)),
            (Act, Some(Ask), None, Some(Observe), Err(NotPermitted::Observing)),
            (Ask, None, None, None, Err(NotPermitted::NeedsApproval)),
            (Act, None, Some(Ask), None, Err(NotPermitted::NeedsApproval)),
            (Act, None, None, Some(Ask), Err(NotPermitted::NeedsApproval)),
        ] {
            let mut policy = Policy { mode: global, ..Policy::default() };
            if let Some(own) = own {
                policy.playbook_modes.insert(PlaybookName::new("p").unwrap(), own);
            }
            let given = authorize(&policy, &plan(Risk::Low), [system, fault], 0, None);
            assert_eq!(given.map(drop), answer, "{global:?} {system:?} {fault:?} {own:?}");
        }
    }

    #[test]
    fn a_yes_is_for_one_plan_and_loosens_nothing_else() {
        let ask = Policy { mode: Mode::Ask, ..Policy::default() };
        assert!(authorize(&ask, &plan(Risk::Low), [None; 2], 0, Some(&yes("h"))).is_ok());
        assert!(authorize(&ask, &plan(Risk::High), [None; 2], 0, Some(&yes("h"))).is_ok());
        for (policy, changes, approval) in [
            (&ask, 0, yes("another")),
            (&ask, 41, yes("h")),
            (&Policy::default(), 0, yes("h")),
            (&ask.clone().dry_run(), 0, yes("h")),
        ] {
            let given = authorize(policy, &plan(Risk::Low), [None; 2], changes, Some(&approval));
            assert!(given.is_err(), "{policy:?} {changes} {approval:?}");
        }
    }

    #[test]
    fn risk_and_number_are_bounded() {
        let policy = Policy { mode: Mode::Act, ..Policy::default() };
        let given = |policy: &Policy, risk, changes| authorize(policy, &plan(risk), [None; 2], changes, None);
        assert!(given(&policy, Risk::Medium, 40).is_ok());
        assert_eq!(given(&policy, Risk::High, 0), Err(NotPermitted::NeedsApproval));
        assert!(given(&policy, Risk::Low, 41).is_err());
        assert_eq!(given(&policy.dry_run(), Risk::Low, 0), Err(NotPermitted::DryRun));
    }
}
