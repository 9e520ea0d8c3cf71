//! The menu: which playbooks can be run on a system, and what a `run` command comes to.

use crate::chatops::arguments::{ArgumentError, parse_arguments};
use crate::chatops::command::RunRequest;
use crate::chatops::reply::{ParamUsage, PlaybookUsage, Reply, shown};
use crate::chatops::scope::CaseScope;
use crate::expr::value_type::words;
use crate::ids::{ParamName, PlaybookName};
use crate::playbook::inventory::System;
use crate::playbook::{Fault, Library, Operation, Param, Request};
use crate::text::redact::Redactor;
use crate::text::suggest::closest_match;
use serde_json::Value;
use std::collections::BTreeMap;

/// The playbooks of one system.
pub(crate) struct PlaybookMenu<'a> {
    system: &'a System,
    requests: &'a [Request],
    operations: &'a [Operation],
    faults: &'a [Fault],
}

impl<'a> PlaybookMenu<'a> {
    /// The menu of a system; empty if the library does not know its type.
    pub(crate) fn of(system: &'a System, library: &'a Library) -> Self {
        let system_type = library.systems.get(&system.system_type);
        Self {
            system,
            requests: system_type.map_or(&[][..], |system_type| &system_type.requests),
            operations: system_type.map_or(&[][..], |system_type| &system_type.operations),
            faults: system_type.map_or(&[][..], |system_type| &system_type.faults),
        }
    }

    /// Every playbook that can be run, with the command that runs it.
    pub(crate) fn usages(&self) -> Vec<PlaybookUsage> {
        let requests = self.requests.iter().map(|request| PlaybookUsage {
            title: request.title.clone(),
            run: usage(&request.name, &request.params),
            params: params(&request.params),
            fixes: false,
        });
        let operations = self.operations.iter().map(|operation| PlaybookUsage {
            title: operation.fault.title.clone(),
            run: usage(&operation.fault.name, &operation.params),
            params: params(&operation.params),
            fixes: true,
        });
        let faults = self.faults.iter().filter(|fault| !fault.remediation.is_empty());
        let faults = faults.map(|fault| PlaybookUsage {
            title: fault.title.clone(),
            run: format!("run {}", fault.name),
            params: Vec::new(),
            fixes: true,
        });
        requests.chain(operations).chain(faults).collect()
    }

    /// A `run` command that works; the one with the most arguments shows the most.
    pub(crate) fn example(&self) -> Option<String> {
        let request = self.requests.iter().max_by_key(|request| request.params.len())?;
        Some(usage(&request.name, &request.params))
    }

    /// What running a playbook lets a case do.
    ///
    /// # Errors
    /// The reply that names everything that is wrong with the command.
    pub(crate) fn scope(&self, run: &RunRequest, redactor: &Redactor) -> Result<CaseScope, Reply> {
        let (name, system) = (run.playbook.as_str(), self.system.name.clone());
        let values = |playbook: &PlaybookName, known: &BTreeMap<ParamName, Param>| {
            values(known, run, redactor).map_err(|errors| Reply::InvalidArguments {
                playbook: name.to_owned(),
                errors,
                params: params(known),
                example: usage(playbook, known),
            })
        };
        if let Some(Request { name, params, .. }) =
            self.requests.iter().find(|request| request.name.as_str() == name)
        {
            let values = values(name, params)?;
            return Ok(CaseScope::AnswerRequest { system, request: name.clone(), values });
        }
        if let Some(Operation { fault, params, .. }) =
            self.operations.iter().find(|operation| operation.fault.name.as_str() == name)
        {
            let values = values(&fault.name, params)?;
            return Ok(CaseScope::Operate { system, operation: fault.name.clone(), values });
        }
        let Some(fault) = self.faults.iter().find(|fault| fault.name.as_str() == name) else {
            return Err(self.unknown(name));
        };
        if run.values.is_empty() {
            Ok(CaseScope::FixOne { system, playbook: fault.name.clone() })
        } else {
            Err(Reply::TakesNoValues { playbook: name.to_owned() })
        }
    }

    fn unknown(&self, playbook: &str) -> Reply {
        let requests = self.requests.iter().map(|request| &request.name);
        let operations = self.operations.iter().map(|operation| &operation.fault.name);
        let names = requests.chain(operations).chain(self.faults.iter().map(|fault| &fault.name));
        let known: Vec<String> = names.map(ToString::to_string).collect();
        Reply::UnknownPlaybook {
            said: shown(playbook),
            near: closest_match(playbook, known.iter().map(String::as_str)).map(str::to_owned),
            system: self.system.name.clone(),
            example: self.example(),
            known,
        }
    }
}

/// The values of a request or an operation. They are recorded, so none may be a secret.
fn values(
    known: &BTreeMap<ParamName, Param>,
    run: &RunRequest,
    redactor: &Redactor,
) -> Result<BTreeMap<ParamName, Value>, Vec<ArgumentError>> {
    let values = parse_arguments(known, &run.values)?;
    let is_secret = |value: &Value| redactor.value(value.clone()) != *value;
    let secrets: Vec<ArgumentError> = values
        .iter()
        .filter(|(_, value)| is_secret(value))
        .map(|(name, _)| ArgumentError::Secret { key: name.to_string() })
        .collect();
    if secrets.is_empty() { Ok(values) } else { Err(secrets) }
}

/// A playbook as a command that works.
fn usage(playbook: &PlaybookName, params: &BTreeMap<ParamName, Param>) -> String {
    let needed = params.iter().filter(|(_, param)| !param.optional);
    let examples = needed.map(|(name, param)| (name, param.example()));
    // A list that is empty by default is left out, and so is what is optional.
    let pairs = examples
        .filter(|(_, example)| !example.is_empty())
        .map(|(name, example)| format!(" {name}={example}"));
    format!("run {playbook}{}", pairs.collect::<String>())
}

fn params(params: &BTreeMap<ParamName, Param>) -> Vec<ParamUsage> {
    let params = params.iter().map(|(name, param)| ParamUsage {
        name: name.clone(),
        accepts: param.accepts(),
        optional: param.optional,
        default: param.default.as_ref().map(|value| words(value).join(",")),
        help: param.help.clone(),
    });
    params.collect()
}
