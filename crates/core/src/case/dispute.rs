//! Objections: a person says that a ticket, which the agent has closed, is not settled. The close was
//! false, as long as nobody knows better, and is counted as that.

use crate::ids::CaseId;
use serde::Serialize;

/// Who objects to which close.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CloseDispute {
    /// The case that closed the ticket.
    pub case: CaseId,
    /// Empty if nobody saw who it was.
    pub by: String,
    /// How the close was disputed.
    pub via: Via,
}

/// How a person disputes a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// Opened the issue again.
    Reopened,
    /// Said so in a comment.
    Comment,
    /// Answered so when asked whether a fix works.
    Confirmation,
}
