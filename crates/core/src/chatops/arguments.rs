//! Arguments: the values that a person gives to a playbook, checked against the playbook's parameters. All
//! errors are reported at once.

use crate::ids::ParamName;
use crate::playbook::Param;
use crate::text::suggest::closest_match;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What is wrong with an argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "wrong")]
pub enum ArgumentError {
    /// The playbook has no such parameter.
    Key {
        /// The key, as written.
        key: String,
        /// The name of a similar parameter; `None` if none is similar.
        near: Option<String>,
    },
    /// It was given more than once.
    Twice {
        /// The name of the parameter.
        key: String,
    },
    /// The parameter cannot hold this value.
    Value {
        /// The name of the parameter.
        key: String,
        /// What is wrong with the value: `0 is less than 1`.
        why: String,
    },
    /// It looks like a secret. Arguments are recorded, so a secret is refused.
    Secret {
        /// The name of the parameter. The value is not repeated.
        key: String,
    },
    /// A parameter without a default was not given.
    Missing {
        /// The name of the parameter.
        key: String,
    },
}

/// Checks the given values against the parameters.
///
/// # Errors
/// Every error in the order of the values, then the missing parameters.
pub fn parse_arguments(
    params: &BTreeMap<ParamName, Param>,
    given: &[(String, String)],
) -> Result<BTreeMap<ParamName, Value>, Vec<ArgumentError>> {
    let (mut values, mut wrong) = (BTreeMap::new(), Vec::new());
    for (key, text) in given {
        let Some((name, param)) = params.get_key_value(key.as_str()) else {
            let near = closest_match(key, params.keys().map(ParamName::as_str)).map(str::to_owned);
            wrong.push(ArgumentError::Key { key: key.clone(), near });
            continue;
        };
        if values.contains_key(name) {
            wrong.push(ArgumentError::Twice { key: key.clone() });
            continue;
        }
        match param.parse(text) {
            Ok(value) => drop(values.insert(name.clone(), value)),
            Err(error) => wrong.push(ArgumentError::Value { key: key.clone(), why: error.to_string() }),
        }
    }
    let is_given = |name: &ParamName| given.iter().any(|(key, _)| key == name.as_str());
    let missing = params.iter().filter(|(name, param)| param.default.is_none() && !is_given(name));
    wrong.extend(missing.map(|(name, _)| ArgumentError::Missing { key: name.to_string() }));
    if wrong.is_empty() { Ok(values) } else { Err(wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::value_type::ValueType;
    use crate::playbook::Bounds;
    use serde_json::json;

    fn params() -> BTreeMap<ParamName, Param> {
        let param = |value_type, default, bounds| Param {
            value_type,
            default,
            optional: false,
            bounds,
            help: String::new(),
        };
        let lines = Bounds { min: Some(1), max: Some(500), one_of: Vec::new() };
        let choice = Bounds { one_of: vec!["failed".into(), "all".into()], ..Bounds::default() };
        [
            ("service", param(ValueType::Name, None, Bounds::default())),
            ("lines", param(ValueType::Integer, Some(json!(50)), lines)),
            ("only", param(ValueType::Name, Some(json!("all")), choice)),
            ("names", param(ValueType::Names, Some(json!([])), Bounds::default())),
        ]
        .into_iter()
        .map(|(name, param)| (ParamName::new(name).unwrap(), param))
        .collect()
    }

    fn given(text: &str) -> Result<Value, Value> {
        let pairs: Vec<(String, String)> = text
            .split_whitespace()
            .map(|word| word.split_once('=').unwrap())
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        parse_arguments(&params(), &pairs).map(|values| json!(values)).map_err(|wrong| json!(wrong))
    }

    #[test]
    fn values_get_the_types_of_their_parameters() {
        for (text, expect) in [
            ("service=app", json!({ "service": "app" })),
            ("service=app lines=100", json!({ "service": "app", "lines": 100 })),
            ("service=app only=failed", json!({ "service": "app", "only": "failed" })),
            ("service=app names=a,b", json!({ "service": "app", "names": ["a", "b"] })),
        ] {
            assert_eq!(given(text), Ok(expect), "{text}");
        }
    }

    #[test]
    fn all_errors_are_reported_at_once() {
        let errors = given("servce=app lines=0 lines=x only=some nothing=1 only=all only=all").unwrap_err();
        let errors: Vec<String> = errors.as_array().unwrap().iter().map(Value::to_string).collect();
        for expect in [
            r#""key":"servce","near":"service""#,
            r#""key":"lines","why":"0 is less than 1""#,
            r#""key":"lines","why":"\"x\" is not a whole number"#,
            r#"some is none of failed, all"#,
            r#""key":"nothing","near":null"#,
            r#""key":"only","wrong":"twice""#,
            r#""key":"service","wrong":"missing""#,
        ] {
            assert!(errors.iter().any(|line| line.contains(expect)), "{expect} is not in {errors:#?}");
        }
        for text in [
            "service=-f",
            "service=a;b",
            "service=$(x)",
            "service=",
            "service=app lines=501",
            "service=a\u{200B}",
        ] {
            assert!(given(text).is_err(), "{text}");
        }
    }
}
