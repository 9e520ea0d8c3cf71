//! Talk: what a case has told on the forge, and what it has to tell next.

use super::{Case, Kin, Phase, Stage};
use crate::core::event::Act;
use crate::core::outcome::Outcome;
use chrono::{DateTime, TimeDelta, Utc};

/// The shortest time between two edits of the status comment.
const READABLE: TimeDelta = TimeDelta::seconds(10);

/// What has been told on the forge.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Talk {
    /// For which stage the status comment and the label were last set.
    pub status: Option<String>,
    pub label: Option<String>,
    /// When the status comment was last edited; that it was created does not count.
    pub edited_at: Option<DateTime<Utc>>,
    /// The plan that people were asked about last, by its hash.
    pub question: Option<String>,
    /// The issue is open again.
    pub reopened: bool,
    /// The ticket about what comes back again and again; empty if the forge never takes one.
    pub problem: Option<String>,
    pub reported: bool,
    pub called: bool,
    pub closed: bool,
    /// When the agent closed the issue. A close that the forge will never take is none.
    pub closed_at: Option<DateTime<Utc>>,
    /// The forge will never take the report; nothing is closed without one.
    pub refused_report: bool,
    /// Attempts of the act that the forge refused last, and when.
    pub trouble: Option<Trouble>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    pub act: Act,
    pub attempts: u32,
    pub at: DateTime<Utc>,
}

impl Case {
    pub(super) fn told(&mut self, act: Act, stage: &str, at: DateTime<Utc>) {
        if act == Act::Close {
            self.talk.closed_at = Some(at);
        }
        self.settle(act, stage, at);
    }

    /// Nothing more is to be said here.
    fn settle(&mut self, act: Act, stage: &str, at: DateTime<Utc>) {
        match act {
            Act::Recheck => {}
            Act::Reopen => self.talk.reopened = true,
            Act::Problem => self.talk.problem = Some(stage.to_owned()),
            Act::Question => self.talk.question = Some(stage.to_owned()),
            Act::Status => {
                self.talk.edited_at = self.talk.status.is_some().then_some(at);
                self.talk.status = Some(stage.to_owned());
            }
            Act::Label => self.talk.label = Some(stage.to_owned()),
            Act::Report => self.talk.reported = true,
            Act::Assign => self.talk.called = true,
            Act::Close => self.talk.closed = true,
        }
        self.talk.trouble = None;
    }

    /// What the forge will never take counts as told, so that the case can end; the journal says why.
    /// A status or a label is not worth waiting for.
    pub(super) fn not_told(&mut self, act: Act, lasting: bool, at: DateTime<Utc>) {
        // While the case is at work the next stage brings the next chance; its last word is waited for.
        let passing = matches!(act, Act::Status | Act::Label) && self.outcome.is_none();
        if lasting || passing {
            let word = match act {
                Act::Label => self.label_word().to_owned(),
                Act::Question => {
                    self.asked.as_ref().map_or_else(String::new, |asked| asked.plan.hash.clone())
                }
                Act::Problem => String::new(),
                _ => self.stage_word(),
            };
            self.settle(act, &word, at);
            self.talk.refused_report |= act == Act::Report;
            return;
        }
        let before = self.talk.trouble.as_ref().filter(|trouble| trouble.act == act);
        let attempts = before.map_or(0, |trouble| trouble.attempts) + 1;
        self.talk.trouble = Some(Trouble { act, attempts, at });
    }

    /// Which label the ticket should have.
    pub fn label_word(&self) -> &'static str {
        match &self.outcome {
            None if self.asked.is_some() => "needs-approval",
            None => "working",
            Some(_) if self.closes() => "resolved",
            Some(Outcome::Escalated(_)) => "needs-human",
            Some(_) => "none",
        }
    }

    /// The case that it waits for.
    pub fn pending_kin(&self) -> Option<&Kin> {
        self.kin.as_ref().filter(|kin| kin.is_awaited)
    }

    /// Where the case stands, as people are told: the status comment is edited when this changes.
    pub fn stage_word(&self) -> String {
        match (self.stage, self.treatments.last()) {
            (Stage::Concluded | Stage::Ended, _) => "ended".into(),
            _ if self.paused.is_some() => format!("paused {}", self.treatments.len()),
            (Stage::Diagnosed, _) if let Some(asked) = &self.asked => {
                format!("asking {}", asked.plan.short())
            }
            (Stage::Diagnosed, _) if let Some(kin) = self.pending_kin() => format!("linked {}", kin.case),
            (Stage::Diagnosed, _) if let Some(delay) = &self.delay => {
                format!("delayed until {}", delay.until)
            }
            (Stage::Treating, Some(treatment)) => {
                let number = self.treatments.len();
                let tracks = treatment.steps.iter().chain(&treatment.undos);
                let settled = tracks.filter(|track| track.is_settled()).count();
                format!("{} {number}.{settled}", self.phase_word())
            }
            _ => "looking".into(),
        }
    }

    /// The same in one word, as the status comment is headed.
    pub fn phase_word(&self) -> &'static str {
        match (self.stage, self.treatments.last().map(|treatment| &treatment.phase)) {
            (Stage::Concluded | Stage::Ended, _) => "ended",
            _ if self.paused.is_some() => "paused",
            (Stage::Diagnosed, _) if self.asked.is_some() => "asking",
            (Stage::Diagnosed, _) if self.pending_kin().is_some() => "linked",
            (Stage::Diagnosed, _) if self.delay.is_some() => "delayed",
            (Stage::Treating, Some(Phase::Applying)) => "treating",
            (Stage::Treating, Some(Phase::Verifying(_))) => "verifying",
            (Stage::Treating, Some(Phase::Undoing { .. })) => "undoing",
            _ => "looking",
        }
    }

    /// Whether the status comment may be edited. What stays so for a while is shown at once; what passes
    /// is not shown more often than people can read.
    pub fn may_edit_status(&self, now: DateTime<Utc>) -> bool {
        let passes = matches!(self.phase_word(), "looking" | "treating" | "verifying" | "undoing");
        !passes || self.talk.edited_at.is_none_or(|at| now - at >= READABLE)
    }
}
