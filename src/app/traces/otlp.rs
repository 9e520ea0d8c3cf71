//! A trace in the JSON form of OTLP, as OpenTelemetry's protocol has it: <https://opentelemetry.io/docs/specs/otlp/>.

use crate::core::ids::CaseId;
use crate::core::view::trace::Span;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// `SPAN_KIND_INTERNAL`.
const INTERNAL: u8 = 1;

/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

/// The request that exports the spans of one case. The identities follow from the case, so that a request that is
/// sent twice gives one trace.
pub(super) fn request(case: &CaseId, spans: &[Span]) -> Value {
    let resource = [
        attribute("service.name", &json!("fieldmedic")),
        attribute("service.version", &json!(env!("CARGO_PKG_VERSION"))),
    ];
    let spans: Vec<Value> = spans.iter().enumerate().map(|(number, it)| span(case, number, it)).collect();
    json!({
        "resourceSpans": [{
            "resource": { "attributes": resource },
            "scopeSpans": [{ "scope": { "name": "fieldmedic" }, "spans": spans }],
        }],
    })
}

fn span(case: &CaseId, number: usize, span: &Span) -> Value {
    let attributes: Vec<Value> = span.attributes.iter().map(|(name, value)| attribute(name, value)).collect();
    let status = if span.has_failed { json!({ "code": ERROR }) } else { json!({}) };
    json!({
        "traceId": identity(case, "trace", 16),
        "spanId": span_id(case, number),
        "parentSpanId": span.parent.map(|parent| span_id(case, parent)).unwrap_or_default(),
        "name": span.name,
        "kind": INTERNAL,
        "startTimeUnixNano": nanoseconds(span.start.min(span.end)),
        "endTimeUnixNano": nanoseconds(span.end),
        "attributes": attributes,
        "status": status,
    })
}

fn attribute(name: &str, value: &Value) -> Value {
    let value = match value {
        Value::Bool(it) => json!({ "boolValue": it }),
        // The JSON form writes 64 bits as a text.
        Value::Number(it) => json!({ "intValue": it.to_string() }),
        Value::String(it) => json!({ "stringValue": it }),
        other => json!({ "stringValue": other.to_string() }),
    };
    json!({ "key": name, "value": value })
}

fn span_id(case: &CaseId, number: usize) -> String {
    identity(case, &format!("span {number}"), 8)
}

/// So many bytes in hex.
fn identity(case: &CaseId, of: &str, bytes: usize) -> String {
    let hash = Sha256::digest(format!("{case} {of}"));
    hash.iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}

/// Since 1970. The JSON form writes 64 bits as a text.
fn nanoseconds(at: DateTime<Utc>) -> String {
    at.timestamp_nanos_opt().unwrap_or_default().to_string()
}
