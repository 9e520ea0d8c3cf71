//! JSON Schemas of the files that people write, for editors. Each is made from a Rust type; the texts are its doc
//! comments.
//!
//! The configuration and the scenarios are read into the types that the schema is made from. The YAML of playbooks is
//! decoded by hand, so that all problems are reported at once with their places, and [`form`] says what it looks like.
//! `tests/suite/schemas.rs` holds, key by key, that decoders and forms agree.

mod duration;
mod form;

pub(crate) use crate::library::schema::duration::{DurationOrNever, DurationText};

use crate::library::schema::form::{PlaybookFile, SymptomFile, SystemFile};
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};
use std::time::Duration;

/// The schema of `system.yaml`.
pub fn system() -> Value {
    schema_of::<SystemFile>("A system type of Fieldmedic: system.yaml")
}

/// The schema of a playbook.
pub fn playbook() -> Value {
    schema_of::<PlaybookFile>("A playbook of Fieldmedic")
}

/// The schema of a symptom.
pub fn symptom() -> Value {
    schema_of::<SymptomFile>("A symptom of a system type of Fieldmedic")
}

/// The schema of a file that is read into a type. It is of draft 7, which all editors know.
pub(crate) fn schema_of<T: JsonSchema>(title: &str) -> Value {
    let settings = SchemaSettings::draft07().with_transform(Readable);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("title".into(), title.into());
    schema.into()
}

/// Makes a schema of the compiler's words one of an author's.
#[derive(Debug, Clone)]
struct Readable;

impl Transform for Readable {
    fn transform(&mut self, schema: &mut Schema) {
        // Links of doc comments lead nowhere here.
        if let Some(Value::String(text)) = schema.get_mut("description") {
            *text = text.replace("[`", "`").replace("`]", "`").replace('\n', " ");
        }
        // A default is shown as it would be written.
        let default = schema.get("default").map(written);
        match default {
            Some(Some(value)) => drop(schema.insert("default".into(), value)),
            Some(None) => drop(schema.remove("default")),
            None => {}
        }
        // A repetition is no mistake for those who read sets.
        schema.remove("uniqueItems");
        // `uint32` and the like are no formats of JSON Schema, and editors warn of them.
        if schema.get("format").and_then(Value::as_str).is_some_and(|name| name.contains("int")) {
            schema.remove("format");
        }
        transform_subschemas(self, schema);
    }
}

/// A default as it would be written; `None` if it says nothing.
fn written(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(items) if items.is_empty() => None,
        Value::String(text) if text.is_empty() => None,
        Value::Object(map) => match (map.get("secs").and_then(Value::as_u64), map.get("nanos")) {
            (Some(secs), Some(_)) => {
                Some(json!(humantime::format_duration(Duration::from_secs(secs)).to_string()))
            }
            // A section's defaults stand at its keys.
            _ => None,
        },
        _ => Some(value.clone()),
    }
}
