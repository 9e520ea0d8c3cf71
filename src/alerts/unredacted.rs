//! An alert as its monitor sent it, cut to bounds, and its way to one without secrets.

use crate::core::ids::{AlertSourceName, SystemName};
use crate::core::text::format::{one_line, shortened};
use crate::core::text::redact::{Redacted, Redactor};
use crate::core::ticket::alert::{Alert, AlertLabel, AlertState, Fingerprint};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// So many alerts of one delivery are taken.
pub const MAX_ALERTS: usize = 100;

/// The longest title, in characters.
const LONGEST_TITLE: usize = 150;
/// The longest text, in characters.
const LONGEST_TEXT: usize = 4000;
/// So many labels are kept of an alert.
const MAX_LABELS: usize = 40;
/// The longest name of a label, in characters.
const LONGEST_NAME: usize = 60;
/// The longest value of a label, in characters.
const LONGEST_VALUE: usize = 300;

/// A message as its monitor sent it, cut to the bounds. It is not redacted, so it must not be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct UnredactedAlert {
    /// What the monitor calls the alert: the same in every message about it.
    pub(super) identity: String,
    pub(super) state: AlertState,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) labels: Vec<(String, String)>,
}

/// Why a delivery cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableAlert {
    /// The body is not JSON, or a field has another type than the product gives it.
    #[error("the body is not what this format sends: {0}")]
    Json(#[from] serde_json::Error),
    /// A field that the format needs is missing or has an unknown value.
    #[error("{0}")]
    Field(&'static str),
}

impl UnredactedAlert {
    pub(super) fn new(identity: impl Into<String>, state: AlertState, title: &str) -> Self {
        Self {
            identity: identity.into(),
            state,
            title: cut_line(title, LONGEST_TITLE),
            text: String::new(),
            labels: Vec::new(),
        }
    }

    pub(super) fn text(mut self, text: &str) -> Self {
        self.text = shortened(text.trim(), LONGEST_TEXT);
        self
    }

    /// Adds a label, unless it is empty or there are too many.
    pub(super) fn label(mut self, name: &str, value: &str) -> Self {
        let (name, value) = (cut_line(name, LONGEST_NAME), cut_line(value, LONGEST_VALUE));
        if !name.is_empty() && !value.is_empty() && self.labels.len() < MAX_LABELS {
            self.labels.push((name, value));
        }
        self
    }

    /// The same for every pair whose value can be shown.
    pub(super) fn labels<'a>(self, labels: impl IntoIterator<Item = (&'a String, &'a Value)>) -> Self {
        labels.into_iter().fold(self, |alert, (name, value)| alert.label(name, &scalar(value)))
    }

    /// The alert without secrets. `source` and `system` are those of the configuration.
    pub fn redact(
        self,
        source: &AlertSourceName,
        system: Option<&SystemName>,
        received_at: DateTime<Utc>,
        redactor: &Redactor,
    ) -> Alert {
        let labels = self.labels.iter().map(|(name, value)| redact_label(name, value, redactor));
        Alert {
            source: source.clone(),
            // Names in a marker lose some characters, so the hash holds the whole name.
            fingerprint: Fingerprint::of(&format!("{source}\0{}", self.identity)),
            state: self.state,
            labels: labels.collect(),
            title: redactor.text(&self.title),
            text: redactor.text(&self.text),
            system: system.cloned(),
            received_at,
        }
    }
}

/// Whether a value is a secret may only its name say, so both are redacted together.
fn redact_label(name: &str, value: &str, redactor: &Redactor) -> AlertLabel {
    let pair: Redacted = redactor.text(&format!("{name}={value}"));
    let name = redactor.text(name);
    let value = pair.as_str().strip_prefix(&format!("{}=", name.as_str())).unwrap_or(pair.as_str());
    AlertLabel { value: redactor.text(value), name }
}

/// A text in one line, cut where it is too long.
fn cut_line(text: &str, limit: usize) -> String {
    shortened(&one_line(text), limit)
}

/// A value of JSON as a text; empty for what is no single value.
pub(super) fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

/// The first of these texts that says something.
pub(super) fn first_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> &'a str {
    texts.into_iter().find(|text| !text.trim().is_empty()).unwrap_or_default()
}
