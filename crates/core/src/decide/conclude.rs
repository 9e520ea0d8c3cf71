//! How a case ends when no fault is left to fix.

use crate::case::detail::{Detail, NowSeen};
use crate::case::dispute::CloseDispute;
use crate::case::event::Source;
use crate::case::inquiry::InquiryPurpose;
use crate::case::outcome::{Code, Escalation, Outcome, Remainder};
use crate::chatops::scope::CaseScope;
use crate::decide::decider::Decider;
use crate::diagnosis::diagnose::{Diagnosis, Finding, Unknown};
use crate::expr::Truth;
use crate::ids::PlaybookName;
use crate::reading::{
    Besides, Cue, Relevance, Topic, asks_nothing_else, complains, names_symptom, relevance,
};
use crate::ticket::triage::Intent;

/// What follows when no fault is left to fix.
pub(crate) enum Conclusion {
    /// The case ends.
    Outcome(Outcome),
    /// The reporter is asked first.
    Inquire(InquiryPurpose),
}

impl Decider<'_> {
    /// What follows when no fault is left to fix.
    pub(crate) fn conclude(self, diagnosis: &Diagnosis) -> Conclusion {
        if self.case.evidence.nothing_reached() {
            return escalated(Code::Unreachable, Detail::Unreachable { hosts: self.unreached() });
        }
        match &self.triage.intent {
            Intent::Question { request, health, in_doubt } => {
                self.conclude_question(request, *health, *in_doubt, diagnosis)
            }
            Intent::Problem | Intent::Operation { .. } => self.conclude_problem(diagnosis),
        }
    }

    fn conclude_question(
        self,
        request: &PlaybookName,
        health: bool,
        in_doubt: bool,
        diagnosis: &Diagnosis,
    ) -> Conclusion {
        if let Some(detail) = self.unanswered(request) {
            return escalated(Code::CannotTell, detail);
        }
        let is_fixed = !self.case.remediations.is_empty();
        match diagnosis.unknown.first() {
            Some(unknown) if health => escalated(Code::CannotTell, fault_unknown(unknown)),
            None if let Some(detail) = self.not_well(request) => escalated(Code::NeedsPerson, detail),
            // What was fixed may not be what the words ask for.
            _ if is_fixed && self.may_inquire() && (in_doubt || !self.asks_nothing_else()) => {
                Conclusion::Inquire(InquiryPurpose::ConfirmFix)
            }
            _ if is_fixed && in_doubt => escalated(Code::NotExplained, Detail::NotExplained),
            _ if is_fixed => Conclusion::Outcome(self.unless_rest(Outcome::Resolved)),
            _ if in_doubt && self.asks_in_doubt() => Conclusion::Inquire(InquiryPurpose::ConfirmAnswer),
            _ if in_doubt => escalated(Code::NothingFound, Detail::NothingFound),
            _ => Conclusion::Outcome(self.unless_rest(Outcome::Answered { request: request.clone() })),
        }
    }

    /// What is not well although it is no fault that a playbook knows.
    pub(crate) fn not_well(self, request: &PlaybookName) -> Option<Detail> {
        let request = self.system_type.request(request)?;
        let scope = self.case.evidence.scope(&self.system_type.params(&self.system.params));
        let what = request.not_well.iter().filter_map(|not_well| match not_well.when.truth(&scope) {
            Truth::False => None,
            Truth::True => Some(not_well.summary.fill(&scope)),
            Truth::Unknown(why) => Some(why),
        });
        let what: Vec<String> = what.collect();
        (!what.is_empty()).then_some(Detail::NotWell { what })
    }

    fn asks_nothing_else(self) -> bool {
        self.case.reading.as_ref().is_none_or(asks_nothing_else)
    }

    fn conclude_problem(self, diagnosis: &Diagnosis) -> Conclusion {
        let fixed = self.case.remediations.iter().map(|remediation| &remediation.plan.playbook);
        let fixed: Vec<&PlaybookName> = fixed.chain(self.fixed_by_related()).collect();
        let is_explained = fixed.iter().any(|playbook| self.explains(playbook));
        // Where nothing explains the words, any unknown could.
        let matters = |unknown: &&Unknown| !is_explained || self.explains(&unknown.playbook);
        let relevance = self.relevance(&fixed);
        let is_unrelated = relevance == Relevance::Unrelated;
        if let Some(unknown) = diagnosis.unknown.iter().find(matters).filter(|_| !is_unrelated) {
            return escalated(Code::CannotTell, fault_unknown(unknown));
        }
        if let Some(topic) = self.topic().filter(|_| is_unrelated) {
            return Conclusion::Outcome(Outcome::Unrelated { topic });
        }
        if !fixed.is_empty() {
            let may_ask_more = || !self.case.unclear_besides_fix(self.system_type).is_empty();
            return match relevance {
                Relevance::AskedFor if !may_ask_more() => {
                    Conclusion::Outcome(self.unless_rest(Outcome::Resolved))
                }
                _ if self.may_inquire() => Conclusion::Inquire(InquiryPurpose::ConfirmFix),
                _ => escalated(Code::NotExplained, Detail::NotExplained),
            };
        }
        match self.found_at_first() {
            Some(Finding { title, summary, .. }) => {
                let detail = Detail::WentAway { title: title.clone(), summary: summary.clone() };
                escalated(Code::WentAway, detail)
            }
            None if self.asks_first() => Conclusion::Inquire(InquiryPurpose::Details),
            None => escalated(Code::NothingFound, Detail::NothingFound),
        }
    }

    /// What the ticket has to do with these faults.
    fn relevance(self, faults: &[&PlaybookName]) -> Relevance {
        let is_named = faults.iter().any(|playbook| self.triage.names(playbook));
        let Some(reading) = &self.case.reading else {
            return if is_named { Relevance::AskedFor } else { Relevance::Unclear };
        };
        let faults = faults.iter().filter_map(|playbook| self.system_type.fault(playbook));
        let read = relevance(reading, faults.flat_map(|fault| &fault.symptoms.names));
        match read {
            // A pattern or a label that an operator wrote counts more than a likeness, but not against it.
            Relevance::Unclear if is_named => Relevance::AskedFor,
            read => read,
        }
    }

    /// What the ticket is clearly about besides what Fieldmedic handles; `None` if nothing.
    fn rest(self) -> Option<Vec<Remainder>> {
        let besides = self.case.besides_fix(self.system_type).into_iter();
        let rest = besides.filter_map(|(sentence, besides)| match besides {
            Besides::Topic(topic) => Some(Remainder { topic, words: sentence.words.clone() }),
            Besides::Unclear => None,
        });
        let rest: Vec<Remainder> = rest.collect();
        (!rest.is_empty()).then_some(rest)
    }

    /// An outcome that closes the ticket, unless it is about something else besides.
    pub(crate) fn unless_rest(self, outcome: Outcome) -> Outcome {
        match self.rest() {
            Some(rest) => Outcome::Partial { rest },
            None => outcome,
        }
    }

    /// Whether fixing this fault would account for the ticket.
    pub(crate) fn explains(self, playbook: &PlaybookName) -> bool {
        let is_read = || {
            let fault = self.system_type.fault(playbook)?;
            Some(names_symptom(self.case.reading.as_ref()?, &fault.symptoms.names))
        };
        self.triage.names(playbook) || is_read().unwrap_or(false)
    }

    fn topic(self) -> Option<Topic> {
        self.case.reading.as_ref()?.topic()
    }

    /// Whether the reporter can be asked: by a comment, for a ticket of their own. A machine answers nothing;
    /// GitHub marks its login, and an alert is always a machine's.
    fn may_inquire(self) -> bool {
        let is_alert = matches!(self.case.source, Source::Alert { .. });
        let is_person = !is_alert && !self.case.ticket.author.ends_with("[bot]");
        self.input.policy.publishes && is_person && matches!(self.case.scope(), CaseScope::FullTicket)
    }

    /// Whether the reporter is asked for details before a person is called.
    fn asks_first(self) -> bool {
        let is_read = self.case.reading.is_some();
        is_read && self.may_inquire() && self.input.policy.confirmation.ask_first && !self.is_urgent()
    }

    /// Whether the reporter is asked if an answer is enough. What may be a complaint is asked about as a complaint is.
    fn asks_in_doubt(self) -> bool {
        let complains = self.case.reading.as_ref().is_some_and(complains);
        self.may_inquire() && !self.is_urgent() && (self.input.policy.confirmation.ask_first || !complains)
    }

    /// Whether the words say that it is urgent, or that nobody can work. Whoever writes so is not kept waiting.
    fn is_urgent(self) -> bool {
        let says = |cue| self.case.reading.as_ref().is_some_and(|reading| reading.says(cue));
        says(Cue::Urgent) || says(Cue::Everyone)
    }

    /// What an earlier diagnosis of this case found.
    fn found_at_first(&self) -> Option<&Finding> {
        self.case.diagnoses.iter().flat_map(|diagnosis| &diagnosis.findings).next()
    }

    /// Why a person is needed after a close was disputed: who disputes it, and what is there now.
    pub(crate) fn still_broken(self, dispute: &CloseDispute, diagnosis: &Diagnosis) -> Detail {
        let by = (!dispute.by.is_empty()).then(|| dispute.by.clone());
        Detail::StillBroken { by, via: dispute.via, now: self.seen_now(diagnosis) }
    }

    /// What is there now, for whoever takes over.
    pub(crate) fn seen_now(self, diagnosis: &Diagnosis) -> NowSeen {
        match (diagnosis.findings.first(), diagnosis.unknown.first()) {
            _ if self.case.evidence.nothing_reached() => NowSeen::Unreachable { hosts: self.unreached() },
            (Some(Finding { title, summary, .. }), _) => {
                NowSeen::Fault { title: title.clone(), summary: summary.clone() }
            }
            (None, Some(Unknown { playbook, why })) => {
                NowSeen::Unknown { playbook: playbook.clone(), problem: why.clone() }
            }
            (None, None) => NowSeen::Nothing,
        }
    }
}

fn escalated(code: Code, detail: Detail) -> Conclusion {
    Conclusion::Outcome(Outcome::Escalated(Escalation { code, detail }))
}

/// It is unknown whether this fault is there.
pub(crate) fn fault_unknown(unknown: &Unknown) -> Detail {
    Detail::FaultUnknown { playbook: unknown.playbook.clone(), problem: unknown.cause().to_owned() }
}
