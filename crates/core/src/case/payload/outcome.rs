//! Payloads of outcomes.

use crate::case::outcome::{Code, Escalation, Outcome};
use crate::case::payload::convert::{Payload, payload, payload_enum};
use crate::case::payload::detail::DetailPayload;
use crate::ids::PlaybookName;

payload_enum! {
    /// How a case ended.
    #[serde(tag = "kind")]
    enum OutcomePayload for Outcome {
        Resolved,
        Answered { request: PlaybookName },
        Escalated(escalation: EscalationPayload),
        Declined { detail: DetailPayload },
        Cancelled,
    }
}

payload! {
    /// Why a person is needed.
    struct EscalationPayload for Escalation {
        code: Code,
        detail: DetailPayload,
    }
}

/// A stable code is stored as its text.
impl Payload for Code {
    type Domain = Self;

    fn encode(domain: &Self) -> Self {
        *domain
    }

    fn decode(self) -> Self {
        self
    }
}
