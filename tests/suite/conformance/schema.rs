//! From the schemas of OpenAPI 3.0 to those of JSON Schema, which says `null` in another way.

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// What is said of properties that a schema does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unnamed {
    /// As JSON Schema has it.
    Allowed,
    /// Where a schema says nothing of them: what is misspelt is found.
    Refused,
}

/// A validator for one schema of the description.
pub fn validator(document: &Value, schema: &Value, unnamed: Unnamed) -> Validator {
    let mut translation = Translation { document, unnamed, definitions: Map::new() };
    let mut root = translation.translate(schema);
    root["definitions"] = Value::Object(translation.definitions);
    jsonschema::options()
        .with_draft(Draft::Draft7)
        .should_validate_formats(true)
        .build(&root)
        .expect("a schema of the description")
}

struct Translation<'a> {
    document: &'a Value,
    unnamed: Unnamed,
    /// The named schemas that were met so far.
    definitions: Map<String, Value>,
}

impl Translation<'_> {
    fn translate(&mut self, schema: &Value) -> Value {
        let Some(schema) = schema.as_object() else { return schema.clone() };
        let translated = self.translate_object(schema);
        match schema.get("nullable") == Some(&Value::Bool(true)) {
            true => json!({ "anyOf": [translated, { "type": "null" }] }),
            false => translated,
        }
    }

    fn translate_object(&mut self, schema: &Map<String, Value>) -> Value {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            return self.refer(name);
        }
        let mut out = Map::new();
        for (key, value) in schema {
            let value = match (key.as_str(), value) {
                ("items" | "not" | "additionalProperties", value) => self.translate(value),
                ("allOf" | "anyOf" | "oneOf", Value::Array(all)) => {
                    all.iter().map(|one| self.translate(one)).collect()
                }
                ("properties", Value::Object(all)) => {
                    let all = all.iter().map(|(name, one)| (name.clone(), self.translate(one)));
                    Value::Object(all.collect())
                }
                ("type" | "enum" | "format" | "required" | "pattern", value) => value.clone(),
                ("minItems" | "maxItems" | "minLength" | "maxLength" | "minimum" | "maximum", value) => {
                    value.clone()
                }
                // Words for people, and GitHub's own additions.
                _ => continue,
            };
            out.insert(key.clone(), value);
        }
        let is_closed = self.unnamed == Unnamed::Refused
            && schema.contains_key("properties")
            && !["allOf", "anyOf", "oneOf", "additionalProperties"]
                .iter()
                .any(|key| schema.contains_key(*key));
        if is_closed {
            out.insert("additionalProperties".into(), Value::Bool(false));
        }
        Value::Object(out)
    }

    fn refer(&mut self, name: &str) -> Value {
        let short = name.strip_prefix("#/components/schemas/").expect("a named schema");
        if !self.definitions.contains_key(short) {
            // Put there first: it may name itself.
            self.definitions.insert(short.to_owned(), Value::Null);
            let target = &self.document["components"]["schemas"][short];
            assert!(target.is_object(), "the description has no schema `{short}`");
            let translated = self.translate(target);
            self.definitions.insert(short.to_owned(), translated);
        }
        json!({ "$ref": format!("#/definitions/{short}") })
    }
}

#[test]
fn null_is_allowed_where_the_description_says_so() {
    let document = json!({ "components": { "schemas": {
        "name": { "type": "string", "nullable": true, "enum": ["a", "b"] },
        "list": { "type": "object", "required": ["next"],
                  "properties": { "next": { "$ref": "#/components/schemas/list" }, "example": { "type": "integer" } } },
    } } });
    let check =
        |schema: Value, value: Value, unnamed| validator(&document, &schema, unnamed).is_valid(&value);
    let name = json!({ "$ref": "#/components/schemas/name" });
    let all_of = json!({ "nullable": true, "allOf": [{ "type": "integer" }] });
    for (schema, value, expect) in [
        (&name, Value::Null, true),
        (&name, json!("a"), true),
        (&name, json!("c"), false),
        (&all_of, Value::Null, true),
        (&all_of, json!("1"), false),
        (&json!({ "type": "string" }), Value::Null, false),
        (&json!({ "$ref": "#/components/schemas/list" }), json!({}), false),
    ] {
        assert_eq!(check(schema.clone(), value.clone(), Unnamed::Allowed), expect, "{schema} {value}");
    }
    let object = json!({ "type": "object", "properties": { "example": { "type": "integer" } } });
    let misspelt = json!({ "exmaple": 1 });
    assert!(check(object.clone(), misspelt.clone(), Unnamed::Allowed));
    assert!(!check(object.clone(), misspelt, Unnamed::Refused));
    assert!(!check(object, json!({ "example": "one" }), Unnamed::Refused));
}
