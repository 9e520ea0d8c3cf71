//! What a case has published on the forge, with the data that says whether it is still up to date.

use crate::ids::CaseId;
use crate::ticket::TicketId;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::fmt;

/// What is published on the forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Publication {
    /// Whether the issue is still open.
    TicketRefresh,
    /// Whether a plan may be carried out.
    ApprovalRequest,
    /// That the issue is open again, because its fault is back or a person objects to its close.
    Reopen,
    /// That a fault comes back again and again, in a ticket of its own.
    Problem,
    Status,
    Label,
    Report,
    Assign,
    Close,
}

/// A publication that the forge took, or will never take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// The issue was read again.
    TicketRefresh,
    /// The comment that asks for approval of the plan with this hash.
    ApprovalRequest { plan: String },
    /// The issue was reopened.
    Reopen,
    /// The problem ticket; `None` if the forge will never take one.
    Problem { ticket: Option<TicketId> },
    /// The status comment, and what it shows.
    Status(StatusKey),
    /// The label of the ticket.
    Label(LabelState),
    /// The report.
    Report,
    /// People were assigned.
    Assign,
    /// The issue was closed.
    Close,
}

impl Published {
    /// What was published, without its data.
    pub fn publication(&self) -> Publication {
        match self {
            Published::TicketRefresh => Publication::TicketRefresh,
            Published::ApprovalRequest { .. } => Publication::ApprovalRequest,
            Published::Reopen => Publication::Reopen,
            Published::Problem { .. } => Publication::Problem,
            Published::Status(_) => Publication::Status,
            Published::Label(_) => Publication::Label,
            Published::Report => Publication::Report,
            Published::Assign => Publication::Assign,
            Published::Close => Publication::Close,
        }
    }
}

/// What the status comment shows. The comment is edited when this changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusKey {
    /// The system is probed.
    Looking,
    /// Changes are paused, after so many remediations were started.
    Paused { remediations: usize },
    /// A person is asked to approve the plan with this short id.
    Asking { plan: String },
    /// The case waits for another one.
    Linked { case: CaseId },
    /// A limit defers the case.
    Delayed { until: DateTime<Utc> },
    /// A remediation runs. `number` counts from 1, `settled` counts its changes that are done.
    Treating { number: usize, settled: usize },
    /// Its result is verified.
    Verifying { number: usize, settled: usize },
    /// It is rolled back.
    Undoing { number: usize, settled: usize },
    /// The outcome is decided.
    Ended,
}

impl StatusKey {
    /// The heading of the status comment.
    pub fn word(&self) -> &'static str {
        match self {
            StatusKey::Looking => "looking",
            StatusKey::Paused { .. } => "paused",
            StatusKey::Asking { .. } => "asking",
            StatusKey::Linked { .. } => "linked",
            StatusKey::Delayed { .. } => "delayed",
            StatusKey::Treating { .. } => "treating",
            StatusKey::Verifying { .. } => "verifying",
            StatusKey::Undoing { .. } => "undoing",
            StatusKey::Ended => "ended",
        }
    }
}

impl fmt::Display for StatusKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.word();
        match self {
            StatusKey::Looking | StatusKey::Ended => f.write_str(word),
            StatusKey::Paused { remediations } => write!(f, "{word} {remediations}"),
            StatusKey::Asking { plan } => write!(f, "{word} {plan}"),
            StatusKey::Linked { case } => write!(f, "{word} {case}"),
            StatusKey::Delayed { until } => write!(f, "{word} until {until}"),
            StatusKey::Treating { number, settled }
            | StatusKey::Verifying { number, settled }
            | StatusKey::Undoing { number, settled } => write!(f, "{word} {number}.{settled}"),
        }
    }
}

/// Which label the ticket has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelState {
    /// A case works on the ticket.
    Working,
    /// A plan waits for approval.
    NeedsApproval,
    /// The ticket is resolved.
    Resolved,
    /// A person has to act.
    NeedsHuman,
    /// No label of the agent.
    None,
}

impl LabelState {
    /// The word of this state; label names end with it.
    pub fn as_str(self) -> &'static str {
        match self {
            LabelState::Working => "working",
            LabelState::NeedsApproval => "needs-approval",
            LabelState::Resolved => "resolved",
            LabelState::NeedsHuman => "needs-human",
            LabelState::None => "none",
        }
    }
}
