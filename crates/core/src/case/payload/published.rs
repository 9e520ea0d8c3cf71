//! Payloads of what was published on the forge.

use crate::case::event::{CaseId, Publication};
use crate::case::payload::convert::payload_enum;
use crate::case::published::{LabelState, Published, StatusKey};
use crate::ticket::TicketId;
use chrono::{DateTime, Utc};

payload_enum! {
    /// A publication, with the data that says whether it is up to date.
    enum PublishedPayload for Published {
        TicketRefresh,
        ApprovalRequest { plan: String },
        Inquiry,
        InquiryReminder,
        Reopen,
        Problem { ticket: Option<TicketId> },
        Status(key: StatusKeyPayload),
        Label(state: LabelStatePayload),
        Report,
        Assign,
        Close,
    }

    /// What the status comment shows.
    enum StatusKeyPayload for StatusKey {
        Looking,
        Paused { remediations: usize },
        Asking { plan: String },
        AskingReporter,
        Linked { case: CaseId },
        Delayed { until: DateTime<Utc> },
        Treating { number: usize, settled: usize },
        Verifying { number: usize, settled: usize },
        Undoing { number: usize, settled: usize },
        Ended,
    }

    /// Which label the ticket has.
    enum LabelStatePayload for LabelState {
        Working,
        NeedsApproval,
        PleaseConfirm,
        Resolved,
        NeedsHuman,
        None,
    }

    /// What was to be published.
    enum PublicationPayload for Publication {
        TicketRefresh,
        ApprovalRequest,
        Inquiry,
        InquiryReminder,
        Reopen,
        Problem,
        Status,
        Label,
        Report,
        Assign,
        Close,
    }
}
