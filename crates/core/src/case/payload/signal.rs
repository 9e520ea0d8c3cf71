//! Payloads of signals and pauses.

use crate::case::inquiry::ReporterAnswer;
use crate::case::payload::convert::{payload, payload_enum};
use crate::case::signal::{QueuedSignal, Signal, SignalKind};
use crate::policy::pause_order::{PauseOrder, PauseOrderKind, PauseOrigin};
use crate::policy::permit::Pause;
use crate::text::redact::Redacted;
use crate::ticket::Repo;
use chrono::{DateTime, Utc};

payload! {
    /// A signal to a case.
    struct SignalPayload for Signal {
        by: String,
        at: DateTime<Utc>,
        kind: SignalKindPayload,
    }

    /// A signal with the key of its origin.
    struct QueuedSignalPayload for QueuedSignal {
        key: String,
        signal: SignalPayload,
    }

    /// A pause of all changes.
    struct PausePayload for Pause {
        by: String,
        at: DateTime<Utc>,
        why: Redacted,
    }

    /// The newest order to pause or resume all changes.
    struct PauseOrderPayload for PauseOrder {
        by: String,
        given_at: DateTime<Utc>,
        origin: PauseOriginPayload,
        kind: PauseOrderKindPayload,
    }
}

payload_enum! {
    /// What a signal says.
    enum SignalKindPayload for SignalKind {
        Approve { plan: String },
        Deny,
        Cancel,
        Pause,
        Resume,
        Answer(says: ReporterAnswerPayload),
    }

    /// What a reporter answers.
    enum ReporterAnswerPayload for ReporterAnswer {
        Works,
        Broken,
        Details,
    }

    /// Where a pause was ordered.
    enum PauseOriginPayload for PauseOrigin {
        Terminal,
        Comment { repo: Repo, id: u64 },
    }

    /// What is ordered.
    enum PauseOrderKindPayload for PauseOrderKind {
        Pause { why: Redacted },
        Resume,
    }
}
