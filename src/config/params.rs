//! Values of parameters, checked against what playbooks accept.

use crate::core::ids::ParamName;
use crate::core::playbook::{Param, ParamError};
use crate::core::text::suggest::closest_match;
use serde_json::Value;
use std::collections::BTreeMap;

/// What is wrong with a parameter. The section that holds it puts it in words.
pub(super) enum ParamProblem<'a> {
    /// The parameter cannot hold the value.
    Wrong(ParamError),
    /// There is no such parameter.
    Unknown {
        /// The name that may be meant, or all names.
        hint: String,
    },
    /// It has no default, and no value was given.
    Missing {
        /// What it is for.
        help: &'a str,
    },
}

/// The values with the types of their parameters.
///
/// # Errors
/// Every problem, in the words of `tell`.
pub(super) fn checked(
    given: &BTreeMap<ParamName, Value>,
    params: &BTreeMap<ParamName, Param>,
    tell: impl Fn(&ParamName, ParamProblem<'_>) -> String,
) -> Result<BTreeMap<ParamName, Value>, Vec<String>> {
    let (mut values, mut problems) = (BTreeMap::new(), Vec::new());
    for (name, value) in given {
        match params.get(name).map(|param| param.check(value)) {
            Some(Ok(value)) => drop(values.insert(name.clone(), value)),
            Some(Err(error)) => problems.push(tell(name, ParamProblem::Wrong(error))),
            None => {
                let hint = hint(name.as_str(), params.keys().map(ParamName::as_str));
                problems.push(tell(name, ParamProblem::Unknown { hint }));
            }
        }
    }
    let missing = params.iter().filter(|(name, param)| param.default.is_none() && !given.contains_key(*name));
    problems.extend(missing.map(|(name, param)| tell(name, ParamProblem::Missing { help: &param.help })));
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

/// The known word that may be meant, or all of them.
pub(super) fn hint<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match closest_match(word, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are: {}", known.collect::<Vec<_>>().join(", ")),
    }
}
