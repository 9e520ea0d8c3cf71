//! Which of several faults comes next. A fault that only people mend holds up what it may have caused, and nothing
//! that is known to have nothing to do with it.

use crate::chatops::scope::CaseScope;
use crate::decide::decider::Decider;
use crate::decide::related::active_related;
use crate::diagnosis::diagnose::{Diagnosis, Finding};
use crate::diagnosis::plan;
use crate::ids::PlaybookName;
use crate::playbook::Fault;
use crate::policy::permit;

#[cfg(test)]
mod tests;

impl Decider<'_> {
    /// The fault to work on next: the first one in causal order that may be fixed, or else the first one of people,
    /// which ends the case.
    pub(crate) fn next_finding(self, diagnosis: &Diagnosis) -> Option<&Finding> {
        let is_for_people = |finding: &&Finding| self.system_type.is_for_people(&finding.playbook);
        let first_of_people = diagnosis.findings.iter().find(is_for_people);
        if first_of_people.is_none() || *self.case.scope() != CaseScope::FullTicket {
            return diagnosis.findings.first();
        }
        let mut fixable = diagnosis.findings.iter().filter(|finding| !is_for_people(finding));
        fixable.find(|finding| self.comes_before_people(&finding.playbook, diagnosis)).or(first_of_people)
    }

    /// Whether a fault is fixed although another one is there that only people mend.
    fn comes_before_people(self, playbook: &PlaybookName, diagnosis: &Diagnosis) -> bool {
        let causes = self.system_type.causes_of(playbook);
        let names = || diagnosis.findings.iter().map(|finding| &finding.playbook);
        if names().any(|found| causes.contains(found)) {
            return false;
        }
        // What this fault causes may be gone with it.
        let is_consequence =
            |of_people: &PlaybookName| self.system_type.causes_of(of_people).contains(playbook);
        let mut holding = names()
            .filter(|found| self.system_type.is_for_people(found) && !is_consequence(found))
            .peekable();
        holding.peek().is_none()
            || holding.all(|found| self.system_type.is_independent(playbook, found))
                && self.unknown_cause(playbook, diagnosis).is_none()
                && self.system_type.fault(playbook).is_some_and(|fault| self.may_begin_at_once(fault))
    }

    /// Whether a remediation needs no person and waits for no limit, no pause and no other case. Nobody who has to
    /// hear of another fault is kept waiting by it.
    fn may_begin_at_once(self, fault: &Fault) -> bool {
        let (case, input) = (self.case, self.input);
        let is_new = case.remediations.iter().all(|done| done.plan.playbook != fault.name);
        let is_paused = input.pause.or(case.ticket_pause.as_ref()).is_some() || case.paused.is_some();
        if !is_new || is_paused || case.remediations.len() >= input.policy.max_remediations {
            return false;
        }
        let Some(history) = input.history else { return false };
        let is_of_another = active_related(case, &fault.name, history).is_some()
            || self.defer_to_related(&fault.name).is_some();
        let plan = plan::plan(self.system_type, self.system, fault, &case.evidence, &case.backup_name());
        let Ok(plan) = plan else { return false };
        let changes = case.changes_made() + plan.steps.len();
        let modes = [self.system.mode, self.mode_of(fault)];
        !is_of_another
            && permit::authorize(input.policy, &plan, modes, changes, case.approval.as_ref()).is_ok()
            && self.exceeded_limit(&plan, history).is_none()
    }
}
