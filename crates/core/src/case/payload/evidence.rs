//! Payloads of probe results, observations and facts.

use crate::case::payload::convert::{Payload, payload, payload_enum};
use crate::diagnosis::evidence::{Evidence, Exit, Observation, Output, ProbeResult, ProbeStatus};
use crate::expr::Truth;
use crate::ids::{FactName, HostName, ProbeName};
use crate::text::redact::Redacted;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

payload! {
    /// The results of one round of probes.
    struct EvidencePayload for Evidence {
        at: DateTime<Utc>,
        took_ms: u64,
        connect_ms: u64,
        probes: BTreeMap<ProbeName, ProbeResultPayload>,
        facts: BTreeMap<ProbeName, BTreeMap<FactName, FactPayload>>,
    }

    /// The result of one probe.
    struct ProbeResultPayload for ProbeResult {
        host: Option<HostName>,
        command: Redacted,
        status: ProbeStatusPayload,
    }

    /// What a command returned.
    struct ObservationPayload for Observation {
        exit: ExitPayload,
        stdout: OutputPayload,
        stderr: OutputPayload,
        took_ms: u64,
    }

    /// One stream of a command.
    struct OutputPayload for Output {
        text: Redacted,
        length: u64,
        sha256: String,
        cut: bool,
        binary: bool,
    }
}

payload_enum! {
    /// What became of a probe.
    enum ProbeStatusPayload for ProbeStatus {
        Completed(observation: ObservationPayload),
        Unreachable(why: Redacted),
        Interrupted(why: Redacted),
        Skipped(why: Redacted),
    }

    /// How a command ended.
    enum ExitPayload for Exit {
        Code(code: i32),
        Signal(name: String),
        Unknown,
    }

    /// The answer to a condition.
    enum TruthPayload for Truth {
        True,
        False,
        Unknown(why: String),
    }
}

/// A fact: its value, or why it is unknown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FactPayload {
    /// The value.
    Value(Value),
    /// The reason.
    Unknown(String),
}

impl Payload for FactPayload {
    type Domain = Result<Value, String>;

    fn encode(domain: &Self::Domain) -> Self {
        match domain {
            Ok(value) => FactPayload::Value(value.clone()),
            Err(why) => FactPayload::Unknown(why.clone()),
        }
    }

    fn decode(self) -> Self::Domain {
        match self {
            FactPayload::Value(value) => Ok(value),
            FactPayload::Unknown(why) => Err(why),
        }
    }
}
