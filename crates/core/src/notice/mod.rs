//! Notices: what people are told outside of tickets, and by which channel and when.
//!
//! - `of_case`: the notices that follow from the records of a case.
//! - `watch`: those that follow from the state of hosts, systems and the daemon.
//! - `routing`: which channel takes a notice, and when it is due there. `quiet`: hours without notices.
//! - `breaker`: when a channel that fails is tried again.
//!
//! A notice is data. `prompts/_notice.md` puts it in words.

pub mod breaker;
pub mod of_case;
pub mod quiet;
pub mod routing;
pub mod watch;

use crate::ids::{CaseId, SystemName};
use crate::text::worded::worded_enum;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

worded_enum! {
    /// What people can be told of. The words are those of a configuration and of receivers.
    pub enum NoticeEvent {
        /// A ticket was handed over to a person.
        Escalated = "escalated",
        /// A plan waits for a person's yes, in the ticket.
        ApprovalWanted = "approval_wanted",
        /// The reporter is asked whether a fix works, or whether that was the question.
        ConfirmationWanted = "confirmation_wanted",
        /// The reporter is asked for details.
        DetailsWanted = "details_wanted",
        /// A fault that explains the ticket was fixed, with proof.
        Resolved = "resolved",
        /// A fix was confirmed by the reporter, or by silence.
        Confirmed = "confirmed",
        /// What Fieldmedic handles was done; the ticket stays open for the rest.
        Partial = "partial",
        /// The ticket is about something that Fieldmedic does not handle.
        Unrelated = "unrelated",
        /// A question was answered.
        Answered = "answered",
        /// A ticket was not taken on.
        Declined = "declined",
        /// A person cancelled a case.
        Cancelled = "cancelled",
        /// A sweep found a fault, and a ticket was opened for it.
        FaultFound = "fault_found",
        /// A fault that was fixed and closed is back.
        FaultReturned = "fault_returned",
        /// A fault comes back again and again.
        RecurrenceDetected = "recurrence_detected",
        /// A person says that a closed ticket is not settled.
        CloseDisputed = "close_disputed",
        /// The run of a schedule needs a person.
        ScheduleFound = "schedule_found",
        /// A host cannot be reached.
        HostUnreachable = "host_unreachable",
        /// A host can be reached again.
        HostReachable = "host_reachable",
        /// Checks of a system cannot be read.
        SystemUnreadable = "system_unreadable",
        /// All checks of a system can be read again.
        SystemReadable = "system_readable",
        /// A case is set aside, because its journal cannot be read.
        SetAside = "set_aside",
        /// The daemon is not ready: the journal, GitHub, or a task that is overdue.
        NotReady = "not_ready",
        /// The daemon is ready again.
        Ready = "ready",
    }
}

impl NoticeEvent {
    /// What a channel without a list of events is told: what needs a person, and its end.
    pub const USUAL: &[NoticeEvent] = &[
        NoticeEvent::Escalated,
        NoticeEvent::ApprovalWanted,
        NoticeEvent::FaultFound,
        NoticeEvent::FaultReturned,
        NoticeEvent::RecurrenceDetected,
        NoticeEvent::CloseDisputed,
        NoticeEvent::ScheduleFound,
        NoticeEvent::HostUnreachable,
        NoticeEvent::HostReachable,
        NoticeEvent::SystemUnreadable,
        NoticeEvent::SystemReadable,
        NoticeEvent::SetAside,
        NoticeEvent::NotReady,
        NoticeEvent::Ready,
    ];
}

/// Something that people are told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// The same for the same occasion, however often and by whomever it is derived.
    pub key: String,
    /// What happened.
    pub event: NoticeEvent,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The systems that it is about; empty if it is about the daemon, or a ticket without a system.
    pub systems: Vec<SystemName>,
    /// The case, if it is about one.
    pub case: Option<CaseId>,
    /// The ticket, if there is an issue.
    pub ticket: Option<NoticeTicket>,
    /// What the words of the event need. Its fields depend on the event.
    pub about: Value,
}

/// The ticket of a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeTicket {
    /// Its address, such as `example/tickets#12`.
    pub address: String,
    /// Its title, redacted. Strangers write it.
    pub title: String,
    /// The address of its page; empty if it is not known.
    pub url: String,
}
