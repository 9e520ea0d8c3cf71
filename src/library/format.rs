//! The format that a `system.yaml` declares for itself and the playbooks beside it.

use crate::library::decode::Map;
use crate::library::migrate::FORMAT;
use crate::library::node::Span;
use serde_json::Value;

/// What a `system.yaml` says about its format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Format {
    /// The format that this version decodes.
    Current,
    /// Format 0: there is no key `format`, and the keys have their old names.
    Old,
    /// There is no key `format`, and the keys have today's names.
    Missing,
    /// Another value, which an unknown or later version wrote.
    Unknown { span: Span, value: String },
}

/// Reads the format from the map of a `system.yaml`.
pub(super) fn read(map: &Map<'_>) -> Format {
    let Some(node) = map.peek("format") else {
        let has_new_keys = ["system_type", "problem_patterns"].iter().any(|key| map.peek(key).is_some());
        return if has_new_keys { Format::Missing } else { Format::Old };
    };
    match node.value() {
        Value::Number(number) if number.as_u64() == Some(FORMAT.into()) => Format::Current,
        Value::Number(number) if number.as_u64() == Some(0) => Format::Old,
        Value::String(text) => Format::Unknown { span: node.span, value: text },
        other => Format::Unknown { span: node.span, value: other.to_string() },
    }
}
