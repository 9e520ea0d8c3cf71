//! Payloads of outcomes.

use crate::case::outcome::{Code, Escalation, Outcome, Remainder};
use crate::case::payload::convert::{payload, payload_enum};
use crate::case::payload::detail::DetailPayload;
use crate::ids::PlaybookName;
use crate::reading::Topic;

payload_enum! {
    /// How a case ended.
    #[serde(tag = "kind")]
    enum OutcomePayload for Outcome {
        Resolved,
        Confirmed { by: Option<String> },
        Partial { rest: Vec<RemainderPayload> },
        Unrelated { topic: Topic },
        Answered { request: PlaybookName },
        Escalated(escalation: EscalationPayload),
        Declined { detail: DetailPayload },
        Cancelled,
    }
}

payload! {
    /// What a ticket stays open for.
    struct RemainderPayload for Remainder {
        topic: Topic,
        words: String,
    }

    /// Why a person is needed.
    struct EscalationPayload for Escalation {
        code: Code,
        detail: DetailPayload,
    }
}
