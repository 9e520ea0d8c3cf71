//! What a case has published on the forge, and what failed.

use crate::case::published::{LabelState, Publication, Published, StatusKey};
use chrono::{DateTime, Utc};

/// What has been published on the forge.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Publishing {
    /// For which stage the status comment and the label were last set.
    pub status: Option<StatusKey>,
    /// The label that was set last; `None` before the first.
    pub label: Option<LabelState>,
    /// When the status comment was last edited; that it was created does not count.
    pub edited_at: Option<DateTime<Utc>>,
    /// The plan that people were asked about last, by its hash.
    pub approval_request: Option<String>,
    /// The reporter is asked, or the forge will never take the question.
    pub inquired: bool,
    /// The reporter is reminded, or the forge will never take that.
    pub inquiry_reminded: bool,
    /// The forge will never take the question to the reporter.
    pub refused_inquiry: bool,
    /// The issue is open again.
    pub reopened: bool,
    /// The ticket about what comes back again and again; empty if the forge never takes one.
    pub problem: Option<String>,
    /// The report is posted, or the forge will never take it.
    pub reported: bool,
    /// The people on call are told and assigned, or the forge will never take that. Also if there are none.
    pub called: bool,
    /// The issue is closed, or the forge will never close it.
    pub closed: bool,
    /// When the agent closed the issue. A close that the forge will never take is none.
    pub closed_at: Option<DateTime<Utc>>,
    /// The forge will never take the report; nothing is closed without one.
    pub refused_report: bool,
    /// Attempts of the act that the forge refused last, and when.
    pub failure: Option<PublishFailure>,
}

/// A refusal is believed at this attempt in a row. With the pauses between them that is after four minutes.
const BELIEVED_AT: u32 = 7;

/// A publication that the forge did not take.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishFailure {
    /// What was not taken.
    pub publication: Publication,
    /// How often in a row it was not taken, from 1.
    pub attempts: u32,
    /// When it was last tried.
    pub at: DateTime<Utc>,
}

impl Publishing {
    /// Whether one more refusal of this publication is the forge's last word. Right after something was created,
    /// GitHub refuses for a moment what it takes later.
    pub fn is_believed(&self, publication: Publication) -> bool {
        self.attempts(publication) + 1 >= BELIEVED_AT
    }

    /// How often in a row the forge has not taken this publication.
    fn attempts(&self, publication: Publication) -> u32 {
        let failure = self.failure.as_ref().filter(|failure| failure.publication == publication);
        failure.map_or(0, |failure| failure.attempts)
    }

    /// The forge took it.
    pub(crate) fn published(&mut self, what: &Published, at: DateTime<Utc>) {
        if *what == Published::Close {
            self.closed_at = Some(at);
        }
        self.mark(what, at);
    }

    /// The forge will never take it, or it is not worth another attempt.
    pub(crate) fn given_up(&mut self, what: &Published, at: DateTime<Utc>) {
        self.mark(what, at);
        self.refused_report |= *what == Published::Report;
        self.refused_inquiry |= *what == Published::Inquiry;
    }

    /// The forge did not take it now.
    pub(crate) fn failed(&mut self, publication: Publication, at: DateTime<Utc>) {
        let attempts = self.attempts(publication) + 1;
        self.failure = Some(PublishFailure { publication, attempts, at });
    }

    /// Nothing more is to be published of this kind in this state.
    fn mark(&mut self, what: &Published, at: DateTime<Utc>) {
        match what {
            Published::TicketRefresh => {}
            Published::Inquiry => self.inquired = true,
            Published::InquiryReminder => self.inquiry_reminded = true,
            Published::Reopen => self.reopened = true,
            Published::Problem { ticket } => {
                self.problem = Some(ticket.as_ref().map_or_else(String::new, ToString::to_string));
            }
            Published::ApprovalRequest { plan } => self.approval_request = Some(plan.clone()),
            Published::Status(key) => {
                self.edited_at = self.status.is_some().then_some(at);
                self.status = Some(key.clone());
            }
            Published::Label(state) => self.label = Some(*state),
            Published::Report => self.reported = true,
            Published::Assign => self.called = true,
            Published::Close => self.closed = true,
        }
        self.failure = None;
    }
}
