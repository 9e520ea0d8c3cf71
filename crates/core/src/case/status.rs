//! Where a case stands, as its status comment and its label show it.

use crate::case::outcome::Outcome;
use crate::case::{Case, Phase, Stage};
use chrono::{DateTime, TimeDelta, Utc};

/// The shortest time between two edits of the status comment.
const STATUS_EDIT_INTERVAL: TimeDelta = TimeDelta::seconds(10);

impl Case {
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

    /// Where the case stands, as people are told: the status comment is edited when this changes.
    pub fn status_key(&self) -> String {
        match (self.stage, self.remediations.last()) {
            (Stage::Decided | Stage::Ended, _) => "ended".into(),
            _ if self.paused.is_some() => format!("paused {}", self.remediations.len()),
            (Stage::Diagnosed, _) if let Some(asked) = &self.pending_approval => {
                format!("asking {}", asked.plan.short_id())
            }
            (Stage::Diagnosed, _) if let Some(related) = self.pending_related() => {
                format!("linked {}", related.case)
            }
            (Stage::Diagnosed, _) if let Some(deferral) = &self.deferral => {
                format!("delayed until {}", deferral.until)
            }
            (Stage::Remediating, Some(remediation)) => {
                let number = self.remediations.len();
                let steps = remediation.steps.iter().chain(&remediation.rollbacks);
                let settled = steps.filter(|step| step.is_settled()).count();
                format!("{} {number}.{settled}", self.phase_key())
            }
            _ => "looking".into(),
        }
    }

    /// The same in one word, as the status comment is headed.
    pub fn phase_key(&self) -> &'static str {
        match (self.stage, self.remediations.last().map(|remediation| &remediation.phase)) {
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
