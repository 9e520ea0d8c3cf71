//! Inquiries: what a case asks the reporter of its ticket, and the answer.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What the reporter is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InquiryPurpose {
    /// A fault was fixed with proof, and the words do not clearly ask for it: does it work now?
    ConfirmFix,
    /// Words that may ask for the state of the system were answered: was it that?
    ConfirmAnswer,
    /// Nothing was found: what exactly happens, where, and since when?
    Details,
}

/// A question to the reporter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    /// What is asked.
    pub purpose: InquiryPurpose,
    /// When it was decided to ask. An answer from before is none.
    pub asked_at: DateTime<Utc>,
    /// When the reporter is reminded.
    pub remind_at: DateTime<Utc>,
    /// How long an answer is waited for.
    pub until: DateTime<Utc>,
    /// The first answer.
    pub answer: Option<InquiryAnswer>,
}

/// What the reporter, or another person who may speak for the ticket, has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InquiryAnswer {
    /// A GitHub login.
    pub by: String,
    /// What the answer says.
    pub says: ReporterAnswer,
}

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReporterAnswer {
    /// It works.
    Works,
    /// It does not work.
    Broken,
    /// Something else; people will read it.
    Details,
}

impl Inquiry {
    /// Whether an answer that was written at this moment can be for this question. GitHub's times are whole
    /// seconds.
    pub fn is_answered_at(&self, written_at: DateTime<Utc>) -> bool {
        self.answer.is_none() && written_at.timestamp() >= self.asked_at.timestamp()
    }
}
