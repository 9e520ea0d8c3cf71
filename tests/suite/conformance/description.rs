//! GitHub's description of its API, and what a request or an answer has against it.

use super::published;
use super::schema::{Unnamed, validator};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

/// What GitHub answers to any request, whether a single operation names it or not.
const EVERYWHERE: [u16; 8] = [301, 307, 401, 403, 404, 410, 422, 429];

pub struct Description {
    document: Value,
}

/// An operation that a request was found to be.
pub struct Operation<'a> {
    /// Such as `GET /repos/{owner}/{repo}`.
    pub name: String,
    path: &'a str,
    described: &'a Value,
    /// What stands for all operations of this path.
    shared: &'a Value,
}

impl Description {
    pub fn read() -> Self {
        Self { document: published("api.json") }
    }

    /// The operation with this path, which may have a query; `None` if GitHub describes none.
    pub fn operation(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        let path = path.split('?').next()?;
        let paths = self.document["paths"].as_object()?;
        // `/issues/comments` fits `/issues/{issue_number}` too: the one with more words of its own is meant.
        let (template, all) = paths
            .iter()
            .filter(|(template, _)| fits(template, path))
            .max_by_key(|(template, _)| template.split('/').filter(|part| !part.starts_with('{')).count())?;
        let described = all.get(method.to_lowercase())?;
        Some(Operation {
            name: format!("{method} {template}"),
            path: template,
            described,
            shared: &all["parameters"],
        })
    }

    /// What is wrong with a request; nothing, if it is as described.
    pub fn of_request(&self, operation: &Operation<'_>, path: &str, body: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let places = operation.path.split('/').zip(path.split('/'));
        for (name, value) in
            places.filter_map(|(part, value)| Some((part.strip_prefix('{')?.strip_suffix('}')?, value)))
        {
            wrong.extend(self.of_parameter(operation, "path", name, value));
        }
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            wrong.extend(self.of_parameter(operation, "query", name, value));
        }
        let wanted = &operation.described["requestBody"];
        let schema = &wanted["content"]["application/json"]["schema"];
        match (schema.is_object(), body.is_null()) {
            (true, false) => {
                wrong.extend(problems(&validator(&self.document, schema, Unnamed::Refused), body));
            }
            (true, true) if wanted["required"] == true => wrong.push("it lacks a body".into()),
            (false, false) => wrong.push("it has a body, and none is described".into()),
            _ => {}
        }
        wrong
    }

    /// What is wrong with an answer; nothing, if it is as described.
    pub fn of_answer(&self, operation: &Operation<'_>, status: u16, text: &str) -> Vec<String> {
        // "Not modified" is what anybody may ask for, on any GET: it stands in GitHub's guide to its API.
        if status == 304 {
            return if text.is_empty() { Vec::new() } else { vec!["its body should be empty".into()] };
        }
        let described = &operation.described["responses"][status.to_string()];
        let error = json!({ "$ref": "#/components/schemas/basic-error" });
        let schema = match self.resolve(described) {
            Value::Null if EVERYWHERE.contains(&status) => &error,
            Value::Null => return vec![format!("status {status} is not described")],
            described => &described["content"]["application/json"]["schema"],
        };
        if schema.is_null() {
            return if text.is_empty() { Vec::new() } else { vec!["its body should be empty".into()] };
        }
        match serde_json::from_str(text) {
            Ok(body) => problems(&validator(&self.document, schema, Unnamed::Allowed), &body),
            Err(error) => vec![format!("its body is not JSON: {error}")],
        }
    }

    fn of_parameter(&self, operation: &Operation<'_>, place: &str, name: &str, value: &str) -> Vec<String> {
        let all = [&operation.described["parameters"], operation.shared];
        let mut all = all.into_iter().filter_map(Value::as_array).flatten().map(|one| self.resolve(one));
        let Some(known) = all.find(|known| known["in"] == place && known["name"] == name) else {
            return vec![format!("the {place} parameter `{name}` is not described")];
        };
        let text = percent_decode_str(value).decode_utf8_lossy().into_owned();
        let value = match known["schema"]["type"].as_str() {
            Some("integer") => text.parse::<i64>().map_or(Value::String(text), Value::from),
            Some("boolean") => text.parse::<bool>().map_or(Value::String(text), Value::from),
            _ => Value::String(text),
        };
        let found = problems(&validator(&self.document, &known["schema"], Unnamed::Allowed), &value);
        found.into_iter().map(|problem| format!("the {place} parameter `{name}`: {problem}")).collect()
    }

    /// What a reference leads to, or the thing itself.
    fn resolve<'a>(&'a self, thing: &'a Value) -> &'a Value {
        match thing["$ref"].as_str().and_then(|name| name.strip_prefix('#')) {
            Some(pointer) => self.document.pointer(pointer).expect("a reference leads somewhere"),
            None => thing,
        }
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template.zip(path).all(|(part, word)| part == word || (part.starts_with('{') && !word.is_empty()))
}

fn problems(validator: &jsonschema::Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}
