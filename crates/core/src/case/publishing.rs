//! Talk: what a case has told on the forge, and what it has to tell next.

use crate::case::event::Publication;
use crate::case::outcome::Outcome;
use crate::case::published::{LabelState, Published, StatusKey};
use crate::case::{Case, Phase, RelatedCase, Stage};
use chrono::{DateTime, TimeDelta, Utc};

/// The shortest time between two edits of the status comment.
const STATUS_EDIT_INTERVAL: TimeDelta = TimeDelta::seconds(10);

/// What has been told on the forge.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Publishing {
    /// For which stage the status comment and the label were last set.
    pub status: Option<StatusKey>,
    pub label: Option<LabelState>,
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
    pub(crate) fn published(&mut self, what: &Published, at: DateTime<Utc>) {
        if *what == Published::Close {
            self.publishing.closed_at = Some(at);
        }
        self.mark_published(what, at);
    }

    /// Nothing more is to be said here.
    fn mark_published(&mut self, what: &Published, at: DateTime<Utc>) {
        match what {
            Published::TicketRefresh => {}
            Published::Reopen => self.publishing.reopened = true,
            Published::Problem { ticket } => {
                self.publishing.problem = Some(ticket.as_ref().map_or_else(String::new, ToString::to_string));
            }
            Published::ApprovalRequest { plan } => self.publishing.approval_request = Some(plan.clone()),
            Published::Status(key) => {
                self.publishing.edited_at = self.publishing.status.is_some().then_some(at);
                self.publishing.status = Some(key.clone());
            }
            Published::Label(state) => self.publishing.label = Some(*state),
            Published::Report => self.publishing.reported = true,
            Published::Assign => self.publishing.called = true,
            Published::Close => self.publishing.closed = true,
        }
        self.publishing.failure = None;
    }

    /// What a publication is now, with the data that says whether it is up to date.
    pub fn due(&self, publication: Publication) -> Published {
        match publication {
            Publication::TicketRefresh => Published::TicketRefresh,
            Publication::ApprovalRequest => {
                let plan = self.pending_approval.as_ref().map(|asked| asked.plan.hash.clone());
                Published::ApprovalRequest { plan: plan.unwrap_or_default() }
            }
            Publication::Reopen => Published::Reopen,
            Publication::Problem => Published::Problem { ticket: None },
            Publication::Status => Published::Status(self.status_key()),
            Publication::Label => Published::Label(self.label_state()),
            Publication::Report => Published::Report,
            Publication::Assign => Published::Assign,
            Publication::Close => Published::Close,
        }
    }

    /// What the forge will never take counts as told, so that the case can end; the journal says why.
    /// A status or a label is not worth waiting for.
    pub(crate) fn publish_failed(&mut self, act: Publication, lasting: bool, at: DateTime<Utc>) {
        // While the case is at work the next stage brings the next chance; its last word is waited for.
        let passing = matches!(act, Publication::Status | Publication::Label) && self.outcome.is_none();
        if lasting || passing {
            self.mark_published(&self.due(act), at);
            self.publishing.refused_report |= act == Publication::Report;
            return;
        }
        let before = self.publishing.failure.as_ref().filter(|trouble| trouble.publication == act);
        let attempts = before.map_or(0, |trouble| trouble.attempts) + 1;
        self.publishing.failure = Some(PublishFailure { publication: act, attempts, at });
    }

    /// Which label the ticket should have.
    pub fn label_state(&self) -> LabelState {
        match &self.outcome {
            None if self.pending_approval.is_some() => LabelState::NeedsApproval,
            None => LabelState::Working,
            Some(_) if self.closes() => LabelState::Resolved,
            Some(Outcome::Escalated(_)) => LabelState::NeedsHuman,
            Some(_) => LabelState::None,
        }
    }

    /// The case that it waits for.
    pub fn pending_related(&self) -> Option<&RelatedCase> {
        self.related.as_ref().filter(|kin| kin.is_awaited)
    }

    /// What the status comment has to show: it is edited when this changes.
    pub fn status_key(&self) -> StatusKey {
        match (self.stage, self.remediations.last()) {
            (Stage::Decided | Stage::Ended, _) => StatusKey::Ended,
            _ if self.paused.is_some() => StatusKey::Paused { remediations: self.remediations.len() },
            (Stage::Diagnosed, _) if let Some(asked) = &self.pending_approval => {
                StatusKey::Asking { plan: asked.plan.short_id().to_owned() }
            }
            (Stage::Diagnosed, _) if let Some(related) = self.pending_related() => {
                StatusKey::Linked { case: related.case.clone() }
            }
            (Stage::Diagnosed, _) if let Some(deferral) = &self.deferral => {
                StatusKey::Delayed { until: deferral.until }
            }
            (Stage::Remediating, Some(remediation)) => {
                let number = self.remediations.len();
                let steps = remediation.steps.iter().chain(&remediation.rollbacks);
                let settled = steps.filter(|step| step.is_settled()).count();
                match &remediation.phase {
                    Phase::Applying => StatusKey::Treating { number, settled },
                    Phase::Verifying(_) => StatusKey::Verifying { number, settled },
                    Phase::RollingBack { .. } => StatusKey::Undoing { number, settled },
                    Phase::Finished { .. } => StatusKey::Looking,
                }
            }
            _ => StatusKey::Looking,
        }
    }

    /// The same in one word, as the status comment is headed.
    pub fn phase_key(&self) -> &'static str {
        self.status_key().word()
    }

    /// Whether the status comment may be edited. What stays so for a while is shown at once; what passes
    /// is not shown more often than people can read.
    pub fn may_edit_status(&self, now: DateTime<Utc>) -> bool {
        let passes = matches!(self.phase_key(), "looking" | "treating" | "verifying" | "undoing");
        !passes || self.publishing.edited_at.is_none_or(|at| now - at >= STATUS_EDIT_INTERVAL)
    }
}
