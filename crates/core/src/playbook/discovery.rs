//! What a host says runs on it, as proposals for the configuration.
//!
//! Each system type looks for its own kind: `discover` in its `system.yaml` is a constant command, and prints a line for
//! each thing, with tabs between the fields:
//!
//! ```text
//! found     KEY  NAME  WHAT  [PARAMETER=VALUE …]   a system; lists of values have commas. Without a name, it has the
//!                                                  host's
//! covers    KEY                                    this is a part of what was found, whoever else finds it
//! unknown   WHY                                    something could not be read, and may be there
//! ```
//!
//! The key says what it is on the host, such as `unit:app` or `compose:/srv/app`: it is the same for every type that
//! finds it. The output is hostile. Values are checked by the types of the parameters, and lines by their form; what
//! does not fit is told, and not used.

use crate::expr::value_type::ValueType;
use crate::ids::{HostName, ParamName, SystemName, SystemTypeName};
use crate::playbook::{Library, SystemType};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A longer line is not read, in bytes.
const LONGEST_LINE: usize = 4096;
/// So many things of one type are proposed.
const MOST: usize = 20;
/// So many reasons of one type are told.
const MOST_REASONS: usize = 10;

/// A system that a host seems to have.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The type that found it.
    pub system_type: SystemTypeName,
    /// A name for it.
    pub name: SystemName,
    /// What it is, for people, in the words of the host.
    pub what: String,
    /// The parameters that the host shows. Each is of its type.
    pub params: BTreeMap<ParamName, Value>,
    /// The parameters that the host does not show and that have no default.
    pub missing: BTreeSet<ParamName>,
}

/// What was found on a host.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Discovery {
    /// In the order of the types, and of the host's answers.
    pub proposals: Vec<Proposal>,
    /// What could not be read: the type that looked for it, and why.
    pub unknown: Vec<(SystemTypeName, String)>,
}

enum Line<'a> {
    Found { key: &'a str, name: &'a str, what: &'a str, params: Vec<&'a str> },
    Covers(&'a str),
    Unknown(&'a str),
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Option<Self> {
        if line.len() > LONGEST_LINE {
            return None;
        }
        let mut fields = line.split('\t');
        let read = match fields.next()? {
            "found" => {
                let (key, name, what) = (fields.next()?, fields.next()?, fields.next()?);
                return (!key.is_empty()).then(|| Self::Found { key, name, what, params: fields.collect() });
            }
            "covers" => Self::Covers(fields.next().filter(|key| !key.is_empty())?),
            "unknown" => Self::Unknown(fields.next()?),
            _ => return None,
        };
        fields.next().is_none().then_some(read)
    }
}

impl Discovery {
    /// What the answers of a host mean: for each type that looked, what its command printed, or why there is nothing.
    pub fn read(
        library: &Library,
        host: &HostName,
        answers: &BTreeMap<SystemTypeName, Result<String, String>>,
    ) -> Self {
        let mut discovery = Self::default();
        let mut found: Vec<(&str, Proposal)> = Vec::new();
        let mut covered: BTreeMap<&str, BTreeSet<&SystemTypeName>> = BTreeMap::new();
        for (name, answer) in answers {
            let Some(system_type) = library.systems.get(name) else { continue };
            let mut reasons = Vec::new();
            match answer {
                Err(why) => reasons.push(why.clone()),
                Ok(text) => {
                    let mut count = 0_usize;
                    for line in text.lines().filter(|line| !line.trim().is_empty()) {
                        match Line::read(line) {
                            Some(Line::Covers(key)) => {
                                covered.entry(key).or_default().insert(name);
                            }
                            Some(Line::Unknown(why)) => reasons.push(why.to_owned()),
                            Some(Line::Found { .. }) if count == MOST => {
                                reasons.push(format!("there are more than {MOST}; the rest is left out"));
                                break;
                            }
                            Some(Line::Found { key, name, what, params }) => {
                                count += 1;
                                let name = if name.is_empty() { host.as_str() } else { name };
                                let proposal = propose(system_type, name, what, &params, &mut reasons);
                                found.extend(proposal.map(|proposal| (key, proposal)));
                            }
                            None => reasons.push("a line of the answer cannot be read".to_owned()),
                        }
                    }
                }
            }
            reasons.dedup();
            reasons.truncate(MOST_REASONS);
            discovery.unknown.extend(reasons.into_iter().map(|why| (name.clone(), why)));
        }
        let is_part = |key: &str, own: &SystemTypeName| {
            covered.get(key).is_some_and(|types| types.iter().any(|other| *other != own))
        };
        found.retain(|(key, proposal)| !is_part(key, &proposal.system_type));
        discovery.proposals = found.into_iter().map(|(_, proposal)| proposal).collect();
        discovery
    }
}

/// The proposal of one line; `None` with a reason if the parameter cannot have one of its values.
fn propose(
    system_type: &SystemType,
    name: &str,
    what: &str,
    params: &[&str],
    reasons: &mut Vec<String>,
) -> Option<Proposal> {
    let mut known = BTreeMap::new();
    for field in params {
        let checked = field.split_once('=').and_then(|(param, value)| {
            let (param, definition) = system_type.params.get_key_value(param)?;
            Some((param, definition.check(&value_of(definition.value_type, value))))
        });
        match checked {
            Some((param, Ok(value))) => {
                known.insert(param.clone(), value);
            }
            // Without what was found, its default would name something else.
            Some((param, Err(error))) => {
                reasons.push(format!("something is left out, because its {param} cannot be used: {error}"));
                return None;
            }
            None => {
                reasons.push("something is left out, because one of its parameters is not known".to_owned());
                return None;
            }
        }
    }
    let missing = system_type
        .params
        .iter()
        .filter(|(param, definition)| definition.default.is_none() && !known.contains_key(param.as_str()));
    Some(Proposal {
        system_type: system_type.name.clone(),
        name: system_name(name).or_else(|| system_name(system_type.name.as_str()))?,
        what: what.to_owned(),
        missing: missing.map(|(param, _)| param.clone()).collect(),
        params: known,
    })
}

/// A text as a value of a type: lists have commas, numbers are digits.
pub fn value_of(value_type: ValueType, text: &str) -> Value {
    match value_type {
        ValueType::Names | ValueType::Paths | ValueType::Images | ValueType::Uuids | ValueType::Units => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::Array(items.map(Value::from).collect())
        }
        _ => Value::from(text),
    }
}

/// A foreign word as the name of a system, with what a name cannot hold replaced; `None` if nothing is left.
pub fn system_name(word: &str) -> Option<SystemName> {
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c) => c,
        _ => '-',
    };
    let name: String = word.chars().take(64).map(plain).collect();
    SystemName::new(name.trim_matches(|c| "-_.".contains(c))).ok()
}
