//! Payloads of outcomes.

use crate::case::outcome::{Code, Escalation, Outcome};
use crate::case::payload::convert::{Payload, payload, payload_enum};
use crate::ids::PlaybookName;

payload_enum! {
    /// How a case ended.
    #[serde(tag = "kind")]
    enum OutcomePayload for Outcome {
        Resolved,
        Answered { request: PlaybookName },
        Healthy,
        Escalated(escalation: EscalationPayload),
        Declined { why: String },
        Cancelled,
    }
}

payload! {
    /// Why a person is needed.
    struct EscalationPayload for Escalation {
        code: Code,
        why: String,
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
