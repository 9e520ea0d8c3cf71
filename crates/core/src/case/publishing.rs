//! Talk: what a case has told on the forge, and what it has to tell next.

use crate::case::event::Publication;
use crate::case::outcome::Outcome;
use crate::case::{Case, Phase, RelatedCase, Stage};
use chrono::{DateTime, TimeDelta, Utc};

/// The shortest time between two edits of the status comment.
const STATUS_EDIT_INTERVAL: TimeDelta = TimeDelta::seconds(10);

/// What has been told on the forge.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Publishing {
    /// For which stage the status comment and the label were last set.
    pub status: Option<String>,
    pub label: Option<String>,
    /// When the status comment was last edited; that it was created does not count.
    pub edited_at: Option<DateTime<Utc>>,
    /// The plan that people were asked about last, by its hash.
    pub approval_request: Option<String>,
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
    pub failure: Option<PublishFailure>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PublishFailure {
    pub publication: Publication,
    pub attempts: u32,
    pub at: DateTime<Utc>,
}

impl Case {
    pub(crate) fn published(&mut self, act: Publication, stage: &str, at: DateTime<Utc>) {
        if act == Publication::Close {
            self.publishing.closed_at = Some(at);
        }
        self.mark_published(act, stage, at);
    }

    /// Nothing more is to be said here.
    fn mark_published(&mut self, act: Publication, stage: &str, at: DateTime<Utc>) {
        match act {
            Publication::TicketRefresh => {}
            Publication::Reopen => self.publishing.reopened = true,
            Publication::Problem => self.publishing.problem = Some(stage.to_owned()),
            Publication::ApprovalRequest => self.publishing.approval_request = Some(stage.to_owned()),
            Publication::Status => {
                self.publishing.edited_at = self.publishing.status.is_some().then_some(at);
                self.publishing.status = Some(stage.to_owned());
            }
            Publication::Label => self.publishing.label = Some(stage.to_owned()),
            Publication::Report => self.publishing.reported = true,
            Publication::Assign => self.publishing.called = true,
            Publication::Close => self.publishing.closed = true,
        }
        self.publishing.failure = None;
    }

    /// What the forge will never take counts as told, so that the case can end; the journal says why.
    /// A status or a label is not worth waiting for.
    pub(crate) fn publish_failed(&mut self, act: Publication, lasting: bool, at: DateTime<Utc>) {
        // While the case is at work the next stage brings the next chance; its last word is waited for.
        let passing = matches!(act, Publication::Status | Publication::Label) && self.outcome.is_none();
        if lasting || passing {
            let word = match act {
                Publication::Label => self.label_state().to_owned(),
                Publication::ApprovalRequest => {
                    self.pending_approval.as_ref().map_or_else(String::new, |asked| asked.plan.hash.clone())
                }
                Publication::Problem => String::new(),
                _ => self.status_key(),
            };
            self.mark_published(act, &word, at);
            self.publishing.refused_report |= act == Publication::Report;
            return;
        }
        let before = self.publishing.failure.as_ref().filter(|trouble| trouble.publication == act);
        let attempts = before.map_or(0, |trouble| trouble.attempts) + 1;
        self.publishing.failure = Some(PublishFailure { publication: act, attempts, at });
    }

    /// Which label the ticket should have.
    pub fn label_state(&self) -> &'static str {
        match &self.outcome {
            None if self.pending_approval.is_some() => "needs-approval",
            None => "working",
            Some(_) if self.closes() => "resolved",
            Some(Outcome::Escalated(_)) => "needs-human",
            Some(_) => "none",
        }
    }

    /// The case that it waits for.
    pub fn pending_related(&self) -> Option<&RelatedCase> {
        self.related.as_ref().filter(|kin| kin.is_awaited)
    }

    /// Where the case stands, as people are told: the status comment is edited when this changes.
    pub fn status_key(&self) -> String {
        match (self.stage, self.remediations.last()) {
            (Stage::Decided | Stage::Ended, _) => "ended".into(),
            _ if self.paused.is_some() => format!("paused {}", self.remediations.len()),
            (Stage::Diagnosed, _) if let Some(asked) = &self.pending_approval => {
                format!("asking {}", asked.plan.short_id())
            }
            (Stage::Diagnosed, _) if let Some(kin) = self.pending_related() => format!("linked {}", kin.case),
            (Stage::Diagnosed, _) if let Some(delay) = &self.deferral => {
                format!("delayed until {}", delay.until)
            }
            (Stage::Remediating, Some(treatment)) => {
                let number = self.remediations.len();
                let tracks = treatment.steps.iter().chain(&treatment.rollbacks);
                let settled = tracks.filter(|track| track.is_settled()).count();
                format!("{} {number}.{settled}", self.phase_key())
            }
            _ => "looking".into(),
        }
    }

    /// The same in one word, as the status comment is headed.
    pub fn phase_key(&self) -> &'static str {
        match (self.stage, self.remediations.last().map(|treatment| &treatment.phase)) {
            (Stage::Decided | Stage::Ended, _) => "ended",
            _ if self.paused.is_some() => "paused",
            (Stage::Diagnosed, _) if self.pending_approval.is_some() => "asking",
            (Stage::Diagnosed, _) if self.pending_related().is_some() => "linked",
            (Stage::Diagnosed, _) if self.deferral.is_some() => "delayed",
            (Stage::Remediating, Some(Phase::Applying)) => "treating",
            (Stage::Remediating, Some(Phase::Verifying(_))) => "verifying",
            (Stage::Remediating, Some(Phase::RollingBack { .. })) => "undoing",
            _ => "looking",
        }
    }

    /// Whether the status comment may be edited. What stays so for a while is shown at once; what passes
    /// is not shown more often than people can read.
    pub fn may_edit_status(&self, now: DateTime<Utc>) -> bool {
        let passes = matches!(self.phase_key(), "looking" | "treating" | "verifying" | "undoing");
        !passes || self.publishing.edited_at.is_none_or(|at| now - at >= STATUS_EDIT_INTERVAL)
    }
}
