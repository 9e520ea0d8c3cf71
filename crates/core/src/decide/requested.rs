//! Cases that a command or a schedule opened for one purpose: how they end, and what they must not do.

use crate::case::detail::Detail;
use crate::case::event::{Event, Source};
use crate::case::outcome::{Code, Escalation, Outcome};
use crate::chatops::scope::CaseScope;
use crate::decide::action::Action;
use crate::decide::conclude::{Conclusion, fault_unknown};
use crate::decide::decider::Decider;
use crate::diagnosis::diagnose::Diagnosis;
use crate::ids::PlaybookName;

/// The name of a diagnosis where a request has its name.
const DIAGNOSE: &str = "diagnose";

impl Decider<'_> {
    /// The end of a case with a narrow scope; `None` if there is a fault to fix, or for the full ticket.
    pub(crate) fn conclude_requested(self, diagnosis: &Diagnosis) -> Option<Action> {
        let was_run = !self.case.remediations.is_empty();
        let outcome = match self.case.scope() {
            CaseScope::FullTicket => return None,
            _ if self.case.evidence.nothing_reached() && !was_run => {
                Outcome::Declined { detail: Detail::Unreachable { hosts: self.unreached() } }
            }
            CaseScope::Diagnose { .. } => Outcome::Answered { request: PlaybookName::new(DIAGNOSE).ok()? },
            CaseScope::AnswerRequest { request, .. } => self.answered(request),
            CaseScope::FixOne { playbook, .. } => self.fixed(playbook, diagnosis)?,
            CaseScope::Operate { operation, .. } => self.operated(operation, diagnosis)?,
        };
        Some(Action::Record(Event::OutcomeDecided(outcome)))
    }

    /// Who asked reads the answer, so nobody is called if there is none, or if it says that something is not well. A
    /// schedule reads nothing.
    fn answered(self, request: &PlaybookName) -> Outcome {
        if let Some(detail) = self.unanswered(request) {
            return Outcome::Declined { detail };
        }
        match self.not_well(request).filter(|_| matches!(self.case.source, Source::Schedule { .. })) {
            Some(detail) => Outcome::Escalated(Escalation { code: Code::NeedsPerson, detail }),
            None => Outcome::Answered { request: request.clone() },
        }
    }

    /// Evidence decides, not the person: a fault that is not confirmed is not fixed, and neither is one
    /// whose cause is there too, or may be.
    fn fixed(self, playbook: &PlaybookName, diagnosis: &Diagnosis) -> Option<Outcome> {
        let was_run = !self.case.remediations.is_empty();
        let is_found = diagnosis.findings.iter().any(|finding| finding.playbook == *playbook);
        if is_found {
            return if was_run { None } else { self.blocked_by_cause(playbook, diagnosis) };
        }
        if was_run {
            // The ticket is closed with it only if it accounts for the words, and nothing else is found.
            return Some(match self.conclude(diagnosis) {
                Conclusion::Outcome(Outcome::Resolved) if diagnosis.findings.is_empty() => Outcome::Resolved,
                _ => Outcome::Answered { request: playbook.clone() },
            });
        }
        let unknown = diagnosis.unknown.iter().find(|unknown| unknown.playbook == *playbook);
        let ruled_out = || Detail::RuledOut { playbook: playbook.clone() };
        Some(Outcome::Declined { detail: unknown.map_or_else(ruled_out, fault_unknown) })
    }

    /// An operation is over when there is nothing to do any more. It never closes the ticket on which it was ordered.
    fn operated(self, operation: &PlaybookName, diagnosis: &Diagnosis) -> Option<Outcome> {
        let was_run = !self.case.remediations.is_empty();
        if let Some(unknown) = diagnosis.unknown.first() {
            return Some(Outcome::Declined { detail: fault_unknown(unknown) });
        }
        if !diagnosis.findings.is_empty() {
            return None;
        }
        Some(match was_run {
            true => Outcome::Answered { request: operation.clone() },
            false => Outcome::Declined { detail: Detail::NothingToDo { playbook: operation.clone() } },
        })
    }

    /// Why a confirmed fault must not be fixed yet: what causes it is there too, or may be.
    fn blocked_by_cause(self, playbook: &PlaybookName, diagnosis: &Diagnosis) -> Option<Outcome> {
        let causes = self.system_type.causes_of(playbook);
        let cause = diagnosis.findings.iter().find(|finding| causes.contains(&finding.playbook));
        let unknown = diagnosis.unknown.iter().find(|unknown| causes.contains(&unknown.playbook));
        let detail = match (cause, unknown) {
            (Some(cause), _) => {
                Detail::CausePresent { cause: cause.playbook.clone(), summary: cause.summary.clone() }
            }
            (None, Some(unknown)) => Detail::CauseUnknown {
                cause: unknown.playbook.clone(),
                playbook: playbook.clone(),
                problem: unknown.why.clone(),
            },
            (None, None) => return None,
        };
        Some(Outcome::Declined { detail })
    }

    /// The findings, with the one fault first that a person asked to fix.
    pub(crate) fn ordered(self, mut diagnosis: Diagnosis) -> Diagnosis {
        if let Some(playbook) = self.case.scope().fault() {
            diagnosis.findings.sort_by_key(|finding| finding.playbook != *playbook);
        }
        diagnosis
    }
}
