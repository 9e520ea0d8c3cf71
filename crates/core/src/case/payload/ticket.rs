//! Payloads of tickets and of where they came from.

use crate::case::dispute::{CloseDispute, Via};
use crate::case::event::{CaseId, Source};
use crate::case::payload::convert::{payload, payload_enum};
use crate::chatops::scope::CaseScope;
use crate::ids::{ParamName, PlaybookName, ScheduleName, SystemName};
use crate::text::redact::Redacted;
use crate::ticket::triage::DetectedFault;
use crate::ticket::{Ticket, TicketId, TicketState};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::BTreeMap;

payload! {
    /// The issue as it was when the case was opened.
    struct TicketPayload for Ticket {
        id: TicketId,
        title: Redacted,
        body: Redacted,
        author: String,
        labels: Vec<String>,
        state: TicketStatePayload,
        locked: bool,
        created_at: DateTime<Utc>,
        updated_at: DateTime<Utc>,
        url: String,
    }

    /// A fault that the agent found by itself.
    struct DetectedFaultPayload for DetectedFault {
        system: SystemName,
        playbook: PlaybookName,
    }

    /// Who disputes which close.
    struct DisputePayload for CloseDispute {
        case: CaseId,
        by: String,
        via: ViaPayload,
    }
}

payload_enum! {
    /// Whether the issue is open.
    enum TicketStatePayload for TicketState {
        Open,
        Closed,
    }

    /// Where a case came from.
    #[serde(tag = "kind")]
    enum SourcePayload for Source {
        Webhook,
        Poll,
        Command { user: String, comment: Option<u64>, scope: ScopePayload },
        Terminal,
        Sweep { suspect: Option<DetectedFaultPayload> },
        Recurrence { of: CaseId, suspect: DetectedFaultPayload },
        CloseDispute(dispute: DisputePayload),
        Schedule { schedule: ScheduleName, scope: ScopePayload },
        Alert { by: String, scope: ScopePayload },
    }

    /// What a case was opened for.
    #[serde(tag = "kind")]
    enum ScopePayload for CaseScope {
        FullTicket,
        Diagnose { system: SystemName },
        FixOne { system: SystemName, playbook: PlaybookName },
        AnswerRequest { system: SystemName, request: PlaybookName, values: BTreeMap<ParamName, Value> },
        Operate { system: SystemName, operation: PlaybookName, values: BTreeMap<ParamName, Value> },
    }

    /// How a close was disputed.
    enum ViaPayload for Via {
        Reopened,
        Comment,
        Confirmation,
    }
}
