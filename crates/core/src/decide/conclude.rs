//! How a case ends when no fault is left to fix.

use crate::case::detail::{Detail, NowSeen};
use crate::case::dispute::CloseDispute;
use crate::case::outcome::{Code, Escalation, Outcome};
use crate::decide::decider::Decider;
use crate::diagnosis::diagnose::{Diagnosis, Finding, Unknown};
use crate::ids::PlaybookName;
use crate::ticket::triage::Intent;

impl Decider<'_> {
    /// The outcome when no fault is left to fix.
    pub(crate) fn conclude(self, diagnosis: &Diagnosis) -> Outcome {
        if self.case.evidence.nothing_reached() {
            return escalated(Code::Unreachable, Detail::Unreachable { hosts: self.unreached() });
        }
        match &self.triage.intent {
            Intent::Question { request, health } => self.conclude_question(request, *health, diagnosis),
            Intent::Problem => self.conclude_problem(diagnosis),
        }
    }

    fn conclude_question(self, request: &PlaybookName, health: bool, diagnosis: &Diagnosis) -> Outcome {
        if let Some(detail) = self.unanswered(request) {
            return escalated(Code::CannotTell, detail);
        }
        match diagnosis.unknown.first() {
            Some(unknown) if health => escalated(Code::CannotTell, fault_unknown(unknown)),
            _ if self.case.remediations.is_empty() => Outcome::Answered { request: request.clone() },
            _ => Outcome::Resolved,
        }
    }

    fn conclude_problem(self, diagnosis: &Diagnosis) -> Outcome {
        let explains = |playbook: &PlaybookName| self.triage.explains(playbook);
        let mut fixed = self.case.remediations.iter().map(|remediation| &remediation.plan.playbook);
        let is_explained = fixed.any(explains) || self.fixed_by_related().is_some();
        // Where nothing explains the words, any unknown could.
        let matters = |unknown: &&Unknown| !is_explained || explains(&unknown.playbook);
        if let Some(unknown) = diagnosis.unknown.iter().find(matters) {
            return escalated(Code::CannotTell, fault_unknown(unknown));
        }
        if is_explained {
            return Outcome::Resolved;
        }
        match self.found_at_first() {
            _ if !self.case.remediations.is_empty() => escalated(Code::NotExplained, Detail::NotExplained),
            Some(Finding { title, summary, .. }) => {
                let detail = Detail::WentAway { title: title.clone(), summary: summary.clone() };
                escalated(Code::WentAway, detail)
            }
            None => escalated(Code::NothingFound, Detail::NothingFound),
        }
    }

    /// What an earlier diagnosis of this case found.
    fn found_at_first(&self) -> Option<&Finding> {
        self.case.diagnoses.iter().flat_map(|diagnosis| &diagnosis.findings).next()
    }

    /// Why a person is needed after a close was disputed: who disputes it, and what is there now.
    pub(crate) fn still_broken(self, dispute: &CloseDispute, diagnosis: &Diagnosis) -> Detail {
        let now = match (diagnosis.findings.first(), diagnosis.unknown.first()) {
            _ if self.case.evidence.nothing_reached() => NowSeen::Unreachable { hosts: self.unreached() },
            (Some(Finding { title, summary, .. }), _) => {
                NowSeen::Fault { title: title.clone(), summary: summary.clone() }
            }
            (None, Some(Unknown { playbook, why })) => {
                NowSeen::Unknown { playbook: playbook.clone(), problem: why.clone() }
            }
            (None, None) => NowSeen::Nothing,
        };
        let by = (!dispute.by.is_empty()).then(|| dispute.by.clone());
        Detail::StillBroken { by, via: dispute.via, now }
    }
}

fn escalated(code: Code, detail: Detail) -> Outcome {
    Outcome::Escalated(Escalation { code, detail })
}

/// It is unknown whether this fault is there.
pub(crate) fn fault_unknown(unknown: &Unknown) -> Detail {
    Detail::FaultUnknown { playbook: unknown.playbook.clone(), problem: unknown.cause().to_owned() }
}
