//! The way of a redacted record into the systemd journal.
//!
//! `tracing-journald` takes events of `tracing` as they are, and has no place for a redactor. So each record,
//! which is redacted, is given to it as a new event. It is given directly and not by a macro: while `tracing`
//! hands one event out, it drops others of the same thread.

use crate::telemetry::record::LogRecord;
use serde_json::Value as Json;
use std::io;
use tracing::callsite::{Callsite, Identifier};
use tracing::field::{FieldSet, Value};
use tracing::metadata::Kind;
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Level, Metadata};
use tracing_subscriber::layer::SubscriberExt;

/// The fields of an entry. The names of `tracing` are constants; whatever has another name stands in the
/// message.
const FIELDS: &[&str] = &[
    "message",
    "origin",
    "case",
    "ticket",
    "system",
    "host",
    "probe",
    "playbook",
    "step",
    "attempt",
    "method",
    "route",
    "status",
    "kind",
    "seq",
    "guid",
    "event",
    "name",
    "outcome",
    "duration_ms",
];

/// An open journal.
pub(super) struct SystemdJournal(Dispatch);

impl SystemdJournal {
    /// # Errors
    /// If no systemd-journald listens on this machine.
    pub(super) fn connect() -> io::Result<Self> {
        let layer = tracing_journald::layer()?;
        let layer = layer.with_field_prefix(None).with_syslog_identifier("fieldmedic".into());
        Ok(Self(Dispatch::new(tracing_subscriber::registry().with(layer))))
    }

    /// Writes one entry. What the journal does not take is lost: there is nobody to tell.
    pub(super) fn write(&self, record: &LogRecord) {
        let texts = texts(record);
        let values: Vec<Option<&dyn Value>> =
            texts.iter().map(|text| text.as_ref().map(|text| text as &dyn Value)).collect();
        let metadata = metadata(record.level);
        self.0.event(&Event::new(metadata, &metadata.fields().value_set_all(&values)));
    }
}

/// A value for each of [`FIELDS`], in their order.
fn texts(record: &LogRecord) -> Vec<Option<String>> {
    let text = |name: &str| match record.fields.get(name)? {
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let mut message = text("message").unwrap_or_default();
    for name in record.fields.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
        message.push_str(&format!(" {name}={}", text(name).unwrap_or_default()));
    }
    FIELDS
        .iter()
        .map(|name| match *name {
            "message" => Some(message.clone()),
            "origin" => Some(record.target.clone()),
            name => text(name),
        })
        .collect()
}

/// Where entries of one level come from, as `tracing` wants to know.
struct Site(&'static Metadata<'static>);

impl Callsite for Site {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0
    }
}

macro_rules! site {
    ($site:ident, $metadata:ident, $level:expr) => {
        static $site: Site = Site(&$metadata);
        static $metadata: Metadata<'static> = Metadata::new(
            "log record",
            "fieldmedic",
            $level,
            None,
            None,
            None,
            FieldSet::new(FIELDS, Identifier(&$site)),
            Kind::EVENT,
        );
    };
}

site!(ERROR_SITE, ERROR, Level::ERROR);
site!(WARN_SITE, WARN, Level::WARN);
site!(INFO_SITE, INFO, Level::INFO);
site!(DEBUG_SITE, DEBUG, Level::DEBUG);
site!(TRACE_SITE, TRACE, Level::TRACE);

fn metadata(level: Level) -> &'static Metadata<'static> {
    match level {
        Level::ERROR => &ERROR,
        Level::WARN => &WARN,
        Level::INFO => &INFO,
        Level::DEBUG => &DEBUG,
        Level::TRACE => &TRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn stable_fields_stand_by_themselves_and_others_in_the_message() {
        let fields = json!({ "message": "refused", "case": "c1", "status": 404, "why": "it is gone" });
        let record = LogRecord {
            level: Level::WARN,
            target: "fieldmedic::github".into(),
            fields: fields.as_object().expect("an object").clone(),
            spans: vec!["case"],
        };
        let texts = texts(&record);
        let named: Vec<_> =
            FIELDS.iter().zip(&texts).filter_map(|(name, text)| Some((*name, text.as_deref()?))).collect();
        assert_eq!(
            named,
            [
                ("message", "refused why=it is gone"),
                ("origin", "fieldmedic::github"),
                ("case", "c1"),
                ("status", "404")
            ]
        );
    }
}
