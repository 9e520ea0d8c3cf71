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
    /// A question to the reporter.
    Inquiry,
    /// A reminder of that question.
    InquiryReminder,
    /// That the issue is open again, because its fault is back or a person objects to its close.
    Reopen,
    /// That a fault comes back again and again, or that the run of a schedule needs a person, in a ticket of its own.
    Problem,
    /// The status comment.
    Status,
    /// The label that shows the state of the ticket.
    Label,
    /// The final report.
    Report,
    /// The comment that calls the people on call, and their assignment.
    Assign,
    /// The close of the issue.
    Close,
}

/// A publication that the forge took, or will never take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// The issue was read again.
    TicketRefresh,
    /// The comment that asks for approval of the plan with this hash.
    ApprovalRequest {
        /// The hash of the plan, in full; empty if none waits for approval any more.
        plan: String,
    },
    /// The question to the reporter.
    Inquiry,
    /// The reminder of that question.
    InquiryReminder,
    /// The issue was reopened.
    Reopen,
    /// The problem ticket; `None` if the forge will never take one.
    Problem {
        /// The address of the problem ticket.
        ticket: Option<TicketId>,
    },
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
            Published::Inquiry => Publication::Inquiry,
            Published::InquiryReminder => Publication::InquiryReminder,
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
    Paused {
        /// How many remediations were started.
        remediations: usize,
    },
    /// A person is asked to approve the plan with this short id.
    Asking {
        /// The first 16 hex digits of the hash of the plan.
        plan: String,
    },
    /// The reporter is asked.
    AskingReporter,
    /// The case waits for another one.
    Linked {
        /// The other case.
        case: CaseId,
    },
    /// A limit defers the case.
    Delayed {
        /// When the case tries again.
        until: DateTime<Utc>,
    },
    /// A remediation runs. `number` counts from 1, `settled` counts its changes that are done.
    Treating {
        /// The number of the remediation within the case, from 1.
        number: usize,
        /// How many of its changes are done, failed or skipped.
        settled: usize,
    },
    /// Its result is verified.
    Verifying {
        /// The number of the remediation within the case, from 1.
        number: usize,
        /// How many of its changes are done, failed or skipped.
        settled: usize,
    },
    /// It is rolled back.
    Undoing {
        /// The number of the remediation within the case, from 1.
        number: usize,
        /// How many of its changes are done, failed or skipped, rollbacks included.
        settled: usize,
    },
    /// The outcome is decided.
    Ended,
}

impl StatusKey {
    /// Whether the case goes on from there by itself, and soon.
    pub fn passes(&self) -> bool {
        match self {
            StatusKey::Looking
            | StatusKey::Treating { .. }
            | StatusKey::Verifying { .. }
            | StatusKey::Undoing { .. } => true,
            StatusKey::Paused { .. }
            | StatusKey::Asking { .. }
            | StatusKey::AskingReporter
            | StatusKey::Linked { .. }
            | StatusKey::Delayed { .. }
            | StatusKey::Ended => false,
        }
    }

    /// The heading of the status comment.
    pub fn word(&self) -> &'static str {
        match self {
            StatusKey::Looking => "looking",
            StatusKey::Paused { .. } => "paused",
            StatusKey::Asking { .. } => "asking",
            StatusKey::AskingReporter => "asking_reporter",
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
            StatusKey::Looking | StatusKey::AskingReporter | StatusKey::Ended => f.write_str(word),
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
    /// The reporter is asked.
    PleaseConfirm,
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
            LabelState::PleaseConfirm => "please-confirm",
            LabelState::Resolved => "resolved",
            LabelState::NeedsHuman => "needs-human",
            LabelState::None => "none",
        }
    }
}
