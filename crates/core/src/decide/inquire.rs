//! Inquiries: what a case does that asks the reporter, and what follows from the answer.

use crate::case::detail::Detail;
use crate::case::dispute::Via;
use crate::case::event::Event;
use crate::case::inquiry::{Inquiry, InquiryAnswer, InquiryPurpose, ReporterAnswer};
use crate::case::outcome::{Code, Outcome};
use crate::decide::action::{Action, Suspension};
use crate::decide::decider::{Decider, DecisionInput, escalate, pause_after_failure};
use crate::decide::start::MAX_EVIDENCE_AGE;
use crate::diagnosis::diagnose::Diagnosis;
use crate::reading::complains;
use crate::ticket::triage::Intent;
use chrono::{DateTime, TimeDelta, Utc};

/// After so long a system that looked healthy is probed again, whether the reporter has answered or not.
const PROBE_AGAIN_AFTER: TimeDelta = TimeDelta::minutes(10);

impl Decider<'_> {
    /// Asks the reporter, waits for the answer, and ends the case with it. Called while no fault is left to fix.
    pub(crate) fn inquire(self, purpose: InquiryPurpose, diagnosis: &Diagnosis) -> Action {
        let Some(inquiry) = self.case.inquiry.as_ref().filter(|inquiry| inquiry.purpose == purpose) else {
            return self.ask_reporter(purpose);
        };
        // Nobody can answer what the forge never took.
        if self.case.publishing.refused_inquiry {
            return self.unanswered_inquiry(inquiry);
        }
        if let Some(answer) = &inquiry.answer {
            return self.conclude_inquiry(inquiry, answer, diagnosis);
        }
        if !self.case.publishing.inquired {
            return pause_after_failure(self.case, self.input).unwrap_or(Action::AskReporter);
        }
        let DecisionInput { now, .. } = self.input;
        if now >= inquiry.until {
            // A close rests on evidence of now.
            if now - self.case.evidence.at > MAX_EVIDENCE_AGE {
                return self.run_probes();
            }
            return self.ensure_ticket_open().unwrap_or_else(|| self.unanswered_inquiry(inquiry));
        }
        let look = self.next_look(inquiry);
        if look.is_some_and(|look| now >= look) {
            return self.run_probes();
        }
        let is_reminded = self.case.publishing.inquiry_reminded;
        if !is_reminded && now >= inquiry.remind_at {
            return pause_after_failure(self.case, self.input).unwrap_or(Action::RemindReporter);
        }
        let reminder = (!is_reminded).then_some(inquiry.remind_at);
        let until = [reminder, look].into_iter().flatten().fold(inquiry.until, DateTime::min);
        Action::Suspend(Suspension::until(until))
    }

    fn ask_reporter(self, purpose: InquiryPurpose) -> Action {
        let policy = &self.input.policy.confirmation;
        let after = |duration| {
            let after =
                TimeDelta::from_std(duration).ok().and_then(|it| self.input.now.checked_add_signed(it));
            after.unwrap_or(DateTime::<Utc>::MAX_UTC)
        };
        let (remind_at, until) = match purpose {
            _ if self.waits_for_details(purpose) => (after(policy.details_wait), after(policy.details_wait)),
            _ => (after(policy.remind_after), after(policy.wait)),
        };
        Action::Record(Event::ReporterAsked { purpose, remind_at, until })
    }

    /// When a healthy system is looked at once more although nobody has answered.
    fn next_look(self, inquiry: &Inquiry) -> Option<DateTime<Utc>> {
        let at = inquiry.asked_at + PROBE_AGAIN_AFTER;
        (self.waits_for_details(inquiry.purpose) && self.case.evidence.at < at).then_some(at)
    }

    /// Whether somebody complains who waits for help: the question is short, and the system is looked at again.
    fn waits_for_details(self, purpose: InquiryPurpose) -> bool {
        match purpose {
            InquiryPurpose::ConfirmFix => false,
            InquiryPurpose::ConfirmAnswer => self.case.reading.as_ref().is_some_and(complains),
            InquiryPurpose::Details => true,
        }
    }

    fn closes_on_silence(self) -> bool {
        self.case.closes_on_silence(self.system_type, self.input.policy.confirmation.on_silence)
    }

    /// After an answer everything was probed again, and no fault was found.
    fn conclude_inquiry(self, inquiry: &Inquiry, answer: &InquiryAnswer, diagnosis: &Diagnosis) -> Action {
        let by = answer.by.clone();
        match (inquiry.purpose, answer.says) {
            (InquiryPurpose::ConfirmAnswer, ReporterAnswer::Works) => self.close_as_answered(),
            (_, ReporterAnswer::Works) => {
                let confirmed = self.unless_rest(Outcome::Confirmed { by: Some(by) });
                self.ensure_ticket_open().unwrap_or(Action::Record(Event::OutcomeDecided(confirmed)))
            }
            (InquiryPurpose::ConfirmFix, _) => {
                let now = self.seen_now(diagnosis);
                escalate(Code::StillBroken, Detail::StillBroken { by: Some(by), via: Via::Confirmation, now })
            }
            (InquiryPurpose::ConfirmAnswer | InquiryPurpose::Details, _) => {
                escalate(Code::NothingFound, Detail::NothingFound)
            }
        }
    }

    fn unanswered_inquiry(self, inquiry: &Inquiry) -> Action {
        // Who was never told of it cannot have agreed by silence.
        let is_told = !self.case.publishing.refused_inquiry;
        let closes = is_told && self.closes_on_silence();
        match inquiry.purpose {
            InquiryPurpose::ConfirmFix if closes => {
                let confirmed = self.unless_rest(Outcome::Confirmed { by: None });
                Action::Record(Event::OutcomeDecided(confirmed))
            }
            InquiryPurpose::ConfirmFix => escalate(Code::NotExplained, Detail::NotExplained),
            InquiryPurpose::ConfirmAnswer if closes => self.close_as_answered(),
            InquiryPurpose::ConfirmAnswer | InquiryPurpose::Details => {
                escalate(Code::NothingFound, Detail::NothingFound)
            }
        }
    }

    /// The words asked for the state after all.
    fn close_as_answered(self) -> Action {
        let Intent::Question { request, .. } = &self.triage.intent else {
            return escalate(Code::NothingFound, Detail::NothingFound);
        };
        let answered = self.unless_rest(Outcome::Answered { request: request.clone() });
        self.ensure_ticket_open().unwrap_or(Action::Record(Event::OutcomeDecided(answered)))
    }
}
