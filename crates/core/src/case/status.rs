//! Where a case stands, as its status comment and its label show it.

use crate::case::outcome::Outcome;
use crate::case::published::{LabelState, Publication, Published, StatusKey};
use crate::case::{Case, Phase, Stage};
use chrono::{DateTime, TimeDelta, Utc};

/// The shortest time between two edits of the status comment.
const STATUS_EDIT_INTERVAL: TimeDelta = TimeDelta::seconds(10);

impl Case {
    /// What a publication is now, with the data that says whether it is up to date.
    pub fn due(&self, publication: Publication) -> Published {
        match publication {
            Publication::TicketRefresh => Published::TicketRefresh,
            Publication::ApprovalRequest => {
                let plan = self.pending_approval.as_ref().map(|asked| asked.plan.hash.clone());
                Published::ApprovalRequest { plan: plan.unwrap_or_default() }
            }
            Publication::Inquiry => Published::Inquiry,
            Publication::InquiryReminder => Published::InquiryReminder,
            Publication::Reopen => Published::Reopen,
            Publication::Problem => Published::Problem { ticket: None },
            Publication::Status => Published::Status(self.status_key()),
            Publication::Label => Published::Label(self.label_state()),
            Publication::Report => Published::Report,
            Publication::Assign => Published::Assign,
            Publication::Close => Published::Close,
        }
    }

    /// Which label the ticket should have.
    pub fn label_state(&self) -> LabelState {
        match &self.outcome {
            None if self.pending_approval.is_some() => LabelState::NeedsApproval,
            None if self.pending_inquiry().is_some() => LabelState::PleaseConfirm,
            None => LabelState::Working,
            // Resolved or not, nobody can read so on the ticket, and it stays open.
            Some(_) if self.publishing.refused_report && !self.scope().is_read_only() => {
                LabelState::NeedsHuman
            }
            Some(_) if self.closes() => LabelState::Resolved,
            Some(Outcome::Escalated(_)) => LabelState::NeedsHuman,
            Some(_) => LabelState::None,
        }
    }

    /// What the status comment has to show: it is edited when this changes.
    pub fn status_key(&self) -> StatusKey {
        match (self.stage, self.remediations.last()) {
            (Stage::Decided | Stage::Ended, _) => StatusKey::Ended,
            _ if self.paused.is_some() => StatusKey::Paused { remediations: self.remediations.len() },
            (Stage::Diagnosed, _) if let Some(asked) = &self.pending_approval => {
                StatusKey::Asking { plan: asked.plan.short_id().to_owned() }
            }
            (Stage::Diagnosed, _) if self.pending_inquiry().is_some() => StatusKey::AskingReporter,
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

    /// Whether the status comment may be edited to show what passes: not more often than people can read.
    pub fn may_edit_status(&self, now: DateTime<Utc>) -> bool {
        self.publishing.edited_at.is_none_or(|at| now - at >= STATUS_EDIT_INTERVAL)
    }
}
