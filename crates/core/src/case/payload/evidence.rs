//! Payloads of probe results, observations and facts.

use crate::case::payload::convert::{Payload, payload, payload_enum};
use crate::diagnosis::evidence::{Evidence, Exit, Observation, Output, ProbeResult, ProbeStatus};
use crate::expr::Truth;
use crate::ids::{FactName, HostName, ProbeName};
use crate::text::redact::Redacted;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
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

/// Evidence in a record. Outputs of commands are most of a journal, and repeat themselves, so what is long is
/// compressed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "EvidenceForm", into = "EvidenceForm")]
pub(crate) struct PackedEvidence(EvidencePayload);

impl Payload for PackedEvidence {
    type Domain = Evidence;

    fn encode(domain: &Evidence) -> Self {
        Self(EvidencePayload::encode(domain))
    }

    fn decode(self) -> Evidence {
        self.0.decode()
    }
}

/// The two forms.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum EvidenceForm {
    /// The JSON of the other form, compressed with DEFLATE (RFC 1951), in base64.
    Packed {
        deflate: String,
    },
    Plain(EvidencePayload),
}

/// What is shorter, in bytes, is easier read than packed.
const PACKED_FROM: usize = 1024;

/// The level of compression, of 10: a higher one takes longer and saves little.
const LEVEL: u8 = 6;

/// No evidence is longer, in bytes; what unpacks to more is damaged.
const LONGEST: usize = 64 * 1024 * 1024;

impl From<PackedEvidence> for EvidenceForm {
    fn from(evidence: PackedEvidence) -> Self {
        match serde_json::to_vec(&evidence.0) {
            Ok(json) if json.len() >= PACKED_FROM => {
                EvidenceForm::Packed { deflate: STANDARD.encode(compress_to_vec(&json, LEVEL)) }
            }
            _ => EvidenceForm::Plain(evidence.0),
        }
    }
}

/// Why evidence cannot be unpacked.
#[derive(Debug, thiserror::Error)]
enum UnpackError {
    #[error("the evidence is no base64: {0}")]
    Encoding(#[from] base64::DecodeError),
    #[error("the evidence cannot be unpacked: {0}")]
    Compression(String),
    #[error("the evidence is no text: {0}")]
    Text(#[from] std::string::FromUtf8Error),
    #[error("the evidence: {0}")]
    Form(#[from] serde_json::Error),
}

impl TryFrom<EvidenceForm> for PackedEvidence {
    type Error = UnpackError;

    fn try_from(form: EvidenceForm) -> Result<Self, UnpackError> {
        let deflate = match form {
            EvidenceForm::Plain(evidence) => return Ok(Self(evidence)),
            EvidenceForm::Packed { deflate } => deflate,
        };
        let json = decompress_to_vec_with_limit(&STANDARD.decode(deflate)?, LONGEST)
            .map_err(|error| UnpackError::Compression(error.to_string()))?;
        let json = String::from_utf8(json)?;
        Ok(Self(serde_json::from_str(&json)?))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::event::{Event, ProbeReason};
    use crate::case::payload::{decode_event, encode_event};
    use serde_json::json;
    use std::collections::BTreeSet;

    fn look(output: &str) -> Event {
        let name = ProbeName::new("disk").unwrap();
        let facts = BTreeMap::from([(FactName::new("rows").unwrap(), Ok(json!(output)))]);
        let evidence = Evidence { facts: BTreeMap::from([(name, facts)]), ..Evidence::default() };
        Event::Probed { reason: ProbeReason::Diagnose, evidence, unchanged: BTreeSet::new() }
    }

    #[test]
    fn long_evidence_is_packed() {
        let long = look(&"/dev/sda1 91 % /\n".repeat(500));
        let body = encode_event(&long).unwrap();
        assert!(body.len() < 1000 && body.contains("deflate"), "{body}");
        assert_eq!(decode_event(Event::VERSION, &body), Ok(long));
        let short = look("91 %");
        let body = encode_event(&short).unwrap();
        assert!(body.contains("91 %"), "{body}");
        assert_eq!(decode_event(Event::VERSION, &body), Ok(short));
    }

    #[test]
    fn damaged_evidence_is_an_error() {
        let body = encode_event(&look(&"x".repeat(5000))).unwrap();
        for (part, instead) in [("deflate\":\"", "deflate\":\"AAAA"), ("deflate\":\"", "deflate\":\"ä")] {
            let damaged = body.replacen(part, instead, 1);
            assert!(decode_event(Event::VERSION, &damaged).is_err(), "{damaged}");
        }
        // Much more than anybody stores.
        let bomb = STANDARD.encode(compress_to_vec(&vec![b' '; LONGEST + 1], LEVEL));
        let body = format!(
            r#"{{"event":"probed","with":{{"reason":"diagnose","evidence":{{"deflate":"{bomb}"}}}}}}"#
        );
        assert!(decode_event(Event::VERSION, &body).is_err());
    }
}
