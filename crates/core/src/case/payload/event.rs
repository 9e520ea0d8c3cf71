//! The payload of an event.

use crate::case::event::{CaseId, Event};
use crate::case::payload::change::{ChangeIdPayload, ProbeReasonPayload};
use crate::case::payload::convert::{Payload, payload_enum};
use crate::case::payload::detail::{DoubtPayload, FailurePayload, SkipReasonPayload};
use crate::case::payload::error::PayloadError;
use crate::case::payload::evidence::{ObservationPayload, PackedEvidence, TruthPayload};
use crate::case::payload::outcome::OutcomePayload;
use crate::case::payload::plan::PlanPayload;
use crate::case::payload::published::{PublicationPayload, PublishedPayload};
use crate::case::payload::reading::{InquiryPurposePayload, ReadingPayload};
use crate::case::payload::signal::{PausePayload, QueuedSignalPayload};
use crate::case::payload::ticket::{DisputePayload, SourcePayload, TicketPayload};
use crate::case::payload::triage::{DeferralPayload, DiagnosisPayload, TriagePayload};
use crate::case::upcast::upcast;
use crate::ids::{HostName, PlaybookName, ProbeName};
use crate::playbook::LibraryHash;
use crate::text::redact::Redacted;
use crate::ticket::TicketId;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

payload_enum! {
    /// An event. Its JSON begins with the kind: the store reads its `kind` column from there.
    #[serde(tag = "event", content = "with")]
    enum EventPayload for Event {
        Opened { ticket: TicketPayload, source: SourcePayload, library: LibraryHash },
        TicketRead(reading: ReadingPayload),
        Triaged(triage: TriagePayload),
        Probed {
            reason: ProbeReasonPayload,
            evidence: PackedEvidence,
            #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
            unchanged: BTreeSet<ProbeName>,
        },
        Diagnosed(diagnosis: DiagnosisPayload),
        HostsLeased { hosts: Vec<HostName>, waited: bool },
        Rechecked { open: bool },
        Paused(pause: PausePayload),
        Resumed,
        ApprovalRequested { plan: PlanPayload, until: DateTime<Utc> },
        ReporterAsked { purpose: InquiryPurposePayload, remind_at: DateTime<Utc>, until: DateTime<Utc> },
        Deferred(deferral: DeferralPayload),
        RecurrenceDetected { playbook: PlaybookName, hosts: BTreeSet<HostName>, count: usize },
        CloseDisputed(dispute: DisputePayload),
        Linked { case: CaseId, ticket: TicketId, playbook: PlaybookName },
        SignalReceived(signal: QueuedSignalPayload),
        RemediationStarted(plan: PlanPayload),
        ChangeStarted { change: ChangeIdPayload, attempt: u32, host: HostName, command: Redacted },
        ChangeEnded { change: ChangeIdPayload, observation: ObservationPayload, success: bool },
        ChangeNotStarted { change: ChangeIdPayload, why: Redacted },
        ChangeBlocked { change: ChangeIdPayload, why: Redacted },
        ChangeInDoubt { change: ChangeIdPayload, why: Redacted, may_still_run: bool },
        ChangeSkipped { change: ChangeIdPayload, why: SkipReasonPayload },
        ChangeConfirmed { change: ChangeIdPayload },
        ChangeAbandoned { change: ChangeIdPayload, why: DoubtPayload },
        StepsCompleted,
        ConditionsChecked { truths: Vec<TruthPayload> },
        VerificationPassed { conditions: Vec<String> },
        VerificationFailed { why: FailurePayload },
        RemediationFailed { why: FailurePayload },
        RolledBack { clean: bool },
        OutcomeDecided(outcome: OutcomePayload),
        Published { what: PublishedPayload, took_ms: u64 },
        PublishFailed { publication: PublicationPayload, why: Redacted, lasting: bool },
        Ended,
    }
}

/// The body of a record of version [`Event::VERSION`].
///
/// # Errors
/// The event cannot be written as JSON.
pub fn encode_event(event: &Event) -> Result<String, PayloadError> {
    serde_json::to_string(&EventPayload::encode(event))
        .map_err(|error| PayloadError::Unwritable(error.to_string()))
}

/// The event in the body of a record of this version.
///
/// # Errors
/// A later version wrote it, or it does not have the form of its version.
pub fn decode_event(version: u32, body: &str) -> Result<Event, PayloadError> {
    let malformed = |error: serde_json::Error| PayloadError::Malformed { version, why: error.to_string() };
    // An old body is written out again and read as text. To read a payload from a `Value` too would double the
    // code of all payloads, which is a third of this crate's.
    let upcasted = if version == Event::VERSION {
        None
    } else {
        Some(upcast(version, serde_json::from_str(body).map_err(malformed)?)?.to_string())
    };
    let payload: EventPayload =
        serde_json::from_str(upcasted.as_deref().unwrap_or(body)).map_err(malformed)?;
    Ok(payload.decode())
}
