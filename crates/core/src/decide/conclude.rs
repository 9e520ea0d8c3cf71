//! How a case ends when no fault is left to fix.

use crate::case::dispute::{CloseDispute, Via};
use crate::case::outcome::{Code, Escalation, Outcome};
use crate::decide::decider::Decider;
use crate::diagnosis::diagnose::{Diagnosis, Finding};
use crate::ids::PlaybookName;
use crate::ticket::triage::Intent;

impl Decider<'_> {
    /// The outcome when no fault is left to treat.
    pub(crate) fn conclude(self, diagnosis: &Diagnosis) -> Outcome {
        let escalated = |code, why: String| Outcome::Escalated(Escalation { code, why });
        if self.case.evidence.nothing_reached() {
            return escalated(Code::Unreachable, self.why_unreached());
        }
        let mended: Vec<&PlaybookName> =
            self.case.remediations.iter().map(|treatment| &treatment.plan.playbook).collect();
        let unknown = |matters: &dyn Fn(&PlaybookName) -> bool| {
            diagnosis.unknown.iter().find(|unknown| matters(&unknown.playbook))
        };
        match &self.triage.intent {
            Intent::Question { request, health } => {
                if let Some(why) = self.unanswered(request) {
                    return escalated(Code::CannotTell, why);
                }
                if let Some(unknown) = unknown(&|_| *health) {
                    return escalated(Code::CannotTell, unknown.told());
                }
                if mended.is_empty() {
                    Outcome::Answered { request: request.clone() }
                } else {
                    Outcome::Resolved
                }
            }
            Intent::Problem => {
                let explains = |playbook: &PlaybookName| self.triage.explains(playbook);
                let explained =
                    mended.iter().any(|playbook| explains(playbook)) || self.fixed_by_related().is_some();
                // Where nothing explains the words, any unknown could.
                let matters = |playbook: &PlaybookName| !explained || explains(playbook);
                if let Some(unknown) = unknown(&matters) {
                    return escalated(Code::CannotTell, unknown.told());
                }
                if explained {
                    return Outcome::Resolved;
                }
                if let (true, Some(finding)) = (mended.is_empty(), self.found_at_first()) {
                    let why = format!(
                        "{} ({}), and that was gone before I treated it",
                        finding.title, finding.summary
                    );
                    escalated(Code::WentAway, why)
                } else if mended.is_empty() {
                    escalated(
                        Code::NothingFound,
                        "every condition that the playbooks know was ruled out".into(),
                    )
                } else {
                    escalated(
                        Code::NotExplained,
                        "what was mended does not account for the words of the ticket".into(),
                    )
                }
            }
        }
    }

    /// What an earlier look of this case found.
    pub(crate) fn found_at_first(&self) -> Option<&Finding> {
        self.case.diagnoses.iter().flat_map(|diagnosis| &diagnosis.findings).next()
    }

    pub(crate) fn why_still_broken(self, objection: &CloseDispute, diagnosis: &Diagnosis) -> String {
        let who = if objection.by.is_empty() { "somebody" } else { &objection.by };
        let how = match objection.via {
            Via::Reopened => "opened this again after I had closed it",
            Via::Comment => "says that this is not settled, after I had closed it",
        };
        let found = match (diagnosis.findings.first(), diagnosis.unknown.first()) {
            _ if self.case.evidence.nothing_reached() => self.why_unreached(),
            (Some(finding), _) => format!("{}: {}", finding.title, finding.summary),
            (None, Some(unknown)) => format!("it cannot be told about {}: {}", unknown.playbook, unknown.why),
            (None, None) => "every fault that I know is ruled out".to_owned(),
        };
        format!("{who} {how}. What I see now: {found}")
    }
}
