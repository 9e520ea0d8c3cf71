//! One log record as data: its message, its fields and those of the spans around it, redacted.

use crate::console;
use serde_json::{Map, Value, json};
use std::fmt;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The fields of one span.
#[derive(Default)]
struct SpanFields(Map<String, Value>);

/// Keeps the fields of each span as data, and hands each event to `emit` with all of them.
pub(super) struct RecordLayer<F> {
    emit: F,
}

impl<F: Fn(LogRecord)> RecordLayer<F> {
    /// `emit` is called for each event. It must not log.
    pub(super) fn new(emit: F) -> Self {
        Self { emit }
    }
}

/// One event. All strings in it are redacted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LogRecord {
    pub level: tracing::Level,
    pub target: String,
    /// The fields of the spans around it and its own, flat. Those of an inner span replace those of an outer
    /// one with the same name, and the event's own replace both. `message` is one of them.
    pub fields: Map<String, Value>,
    /// The names of the spans around it, the outermost first.
    pub spans: Vec<&'static str>,
}

impl LogRecord {
    /// The object of one line: `timestamp`, `level`, `target`, then the fields, then `spans`.
    pub(super) fn to_json(&self, timestamp: &str) -> Value {
        let mut line = Map::new();
        line.insert("timestamp".into(), timestamp.into());
        line.insert("level".into(), self.level.as_str().into());
        line.insert("target".into(), self.target.as_str().into());
        for (name, value) in &self.fields {
            line.entry(name.clone()).or_insert_with(|| value.clone());
        }
        line.insert("spans".into(), json!(self.spans));
        Value::Object(line)
    }
}

impl<S, F> Layer<S> for RecordLayer<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    F: Fn(LogRecord) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = SpanFields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<SpanFields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut all = SpanFields::default();
        let mut spans = Vec::new();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            spans.push(span.name());
            if let Some(fields) = span.extensions().get::<SpanFields>() {
                all.0.extend(fields.0.clone());
            }
        }
        event.record(&mut all);
        let fields = match console::redact_value(Value::Object(all.0)) {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        let metadata = event.metadata();
        (self.emit)(LogRecord {
            level: *metadata.level(),
            target: metadata.target().to_owned(),
            fields,
            spans,
        });
    }
}

impl SpanFields {
    fn set(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for SpanFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::spans;
    use crate::telemetry::spans::field;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt;

    fn logged(say: impl FnOnce()) -> Vec<LogRecord> {
        let kept: Arc<Mutex<Vec<LogRecord>>> = Arc::default();
        let sink = Arc::clone(&kept);
        let layer = RecordLayer::new(move |record| sink.lock().unwrap().push(record));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), say);
        let kept = kept.lock().unwrap();
        kept.clone()
    }

    #[test]
    fn a_record_has_the_fields_of_its_spans() {
        let records = logged(|| {
            let _task = spans::task("poll").entered();
            let request = spans::github_request("GET", "/repos/{owner}/{repo}");
            request.record(field::STATUS, 404);
            let _request = request.entered();
            tracing::warn!(answer = "not found", "the repository is gone");
        });
        let [record] = records.as_slice() else { panic!("{records:?}") };
        assert_eq!(record.spans, ["task", "github.request"]);
        assert_eq!(
            record.to_json("now"),
            json!({
                "timestamp": "now", "level": "WARN", "target": "fieldmedic::telemetry::record::tests",
                "message": "the repository is gone", "answer": "not found", "name": "poll", "method": "GET",
                "route": "/repos/{owner}/{repo}", "status": 404, "spans": ["task", "github.request"]
            })
        );
    }

    #[test]
    fn an_inner_field_replaces_an_outer_one_and_none_replaces_the_frame() {
        let records = logged(|| {
            let _outer = spans::task("outer").entered();
            let _inner = spans::task("inner").entered();
            tracing::error!(level = "mine", target = "mine", "said");
        });
        let line = records[0].to_json("now");
        assert_eq!((&line["name"], &line["level"]), (&json!("inner"), &json!("ERROR")));
        assert_eq!(line["target"], "fieldmedic::telemetry::record::tests");
    }

    #[test]
    fn fields_of_spans_and_events_are_redacted() {
        let token = format!("ghp_{}", "a1B2".repeat(9));
        let records = logged(|| {
            let _task = spans::task(&format!("task {token}")).entered();
            tracing::error!(why = %token, password = "hunter2-and-more", "the token is {token}");
        });
        let line = records[0].to_json("now").to_string();
        assert!(!line.contains(&token) && !line.contains("hunter2"), "{line}");
        assert_eq!(line.matches("[redacted]").count(), 4, "{line}");
    }
}
