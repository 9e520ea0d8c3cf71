//! Errands: how a case ends that a person has opened by an order, and what it must not do.

use crate::case::event::Event;
use crate::case::outcome::Outcome;
use crate::chatops::scope::CaseScope;
use crate::decide::action::Action;
use crate::decide::decider::Decider;
use crate::diagnosis::diagnose::Diagnosis;
use crate::ids::PlaybookName;

/// What a look is called where a request has its name.
const LOOK: &str = "diagnose";

impl Decider<'_> {
    /// The end of an errand that has come to it; `None` if there is a fault to treat, or if it is none.
    pub(crate) fn conclude_requested(self, diagnosis: &Diagnosis) -> Option<Action> {
        let outcome = match self.case.scope() {
            CaseScope::FullTicket => return None,
            CaseScope::Diagnose { .. } => self.told(Ok(PlaybookName::new(LOOK).ok()?)),
            CaseScope::AnswerRequest { request, .. } => match self.unanswered(request) {
                Some(why) => self.told(Err(why)),
                None => self.told(Ok(request.clone())),
            },
            CaseScope::FixOne { playbook, .. } => self.fixed(playbook, diagnosis)?,
        };
        Some(Action::Record(Event::OutcomeDecided(outcome)))
    }

    /// A person is there who asked, so nobody is called if there is no answer.
    fn told(self, request: Result<PlaybookName, String>) -> Outcome {
        match request {
            _ if self.case.evidence.nothing_reached() => Outcome::Declined { why: self.why_unreached() },
            Ok(request) => Outcome::Answered { request },
            Err(why) => Outcome::Declined { why },
        }
    }

    /// Evidence decides, not the person: a fault that is not confirmed is not treated, and neither is one
    /// whose cause is there too, or may be.
    fn fixed(self, playbook: &PlaybookName, diagnosis: &Diagnosis) -> Option<Outcome> {
        let is_treated = !self.case.remediations.is_empty();
        let is_found = diagnosis.findings.iter().any(|finding| finding.playbook == *playbook);
        if self.case.evidence.nothing_reached() && !is_treated {
            return Some(Outcome::Declined { why: self.why_unreached() });
        }
        if is_found {
            if is_treated {
                return None;
            }
            let causes = self.causes(playbook);
            let cause = diagnosis.findings.iter().find(|finding| causes.contains(&finding.playbook));
            let unknown = diagnosis.unknown.iter().find(|unknown| causes.contains(&unknown.playbook));
            let why = match (cause, unknown) {
                (Some(cause), _) => format!(
                    "{} ({}) can cause it, and is there too: it has to be treated first",
                    cause.playbook, cause.summary
                ),
                (None, Some(unknown)) => {
                    format!("{} can cause it, and cannot be told: {}", unknown.playbook, unknown.why)
                }
                (None, None) => return None,
            };
            return Some(Outcome::Declined { why });
        }
        if is_treated {
            // The ticket is closed with it only if it accounts for the words, and nothing else is found.
            return Some(match self.conclude(diagnosis) {
                Outcome::Resolved if diagnosis.findings.is_empty() => Outcome::Resolved,
                _ => Outcome::Answered { request: playbook.clone() },
            });
        }
        let unknown = diagnosis.unknown.iter().find(|unknown| unknown.playbook == *playbook);
        let why = match unknown {
            Some(unknown) => format!("{playbook} cannot be told: {}", unknown.why),
            None => format!("{playbook} is ruled out by the evidence"),
        };
        Some(Outcome::Declined { why })
    }

    /// What is found, with the one fault first that a person asked to have mended: it is the one to treat.
    pub(crate) fn ordered(self, mut diagnosis: Diagnosis) -> Diagnosis {
        if let Some(playbook) = self.case.scope().fault() {
            diagnosis.findings.sort_by_key(|finding| finding.playbook != *playbook);
        }
        diagnosis
    }
}
