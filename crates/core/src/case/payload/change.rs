//! Payloads of changes and of the reasons for probes.

use crate::case::event::{ChangeId, Direction, ProbeReason};
use crate::case::payload::convert::{payload, payload_enum};

payload! {
    /// Which change of which remediation.
    struct ChangeIdPayload for ChangeId {
        remediation: usize,
        step: usize,
        direction: DirectionPayload,
    }
}

payload_enum! {
    /// Forward or back.
    enum DirectionPayload for Direction {
        Forward,
        Rollback,
    }

    /// Why the system was probed.
    enum ProbeReasonPayload for ProbeReason {
        Diagnose,
        OnlyIf(change: ChangeIdPayload),
        ResolveDoubt(change: ChangeIdPayload, attempt: u32),
        Verify,
    }
}
