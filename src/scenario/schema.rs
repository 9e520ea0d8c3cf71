//! The JSON Schemas of the files of a scenario, for editors.

use crate::library::schema::schema_of;
use crate::sandbox::host::HostSpec;
use crate::scenario::files::Expect;
use serde_json::{Value, json};

/// The schema of `expect.yaml`.
pub fn expect() -> Value {
    schema_of::<Expect>("The expected result of a scenario of Fieldmedic: expect.yaml")
}

/// The schema of `host.yaml`.
pub fn host() -> Value {
    let mut schema = schema_of::<HostSpec>("The host of a scenario of Fieldmedic: host.yaml");
    // It is merged with its bases before it is read as one host.
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        let base = json!({ "type": "string", "description": "Another file beneath this one: its state is merged, its commands come after." });
        properties.insert("base".into(), base);
    }
    schema
}
