//! The gate: what a host itself admits of the agent, and nothing beside.
//!
//! [`Rules`] are drawn up from the playbooks and a host's parameters. What is constant in a command must be
//! there byte for byte, and a fact's value must be of its type. The rules are read on the host by
//! `fieldmedic gate`, or written out as a shell script that decides alike (`gate::posix`).

pub mod script;
pub mod sudoers;

use crate::diagnosis::plan::BACKUP;
use crate::expr::value_type::ValueType;
use crate::ids::{HostName, ParamName, PlaybookName, ProbeName};
use crate::playbook::command::{Binding, PatternPart, Template, ValueShape, take_word};
use crate::playbook::inventory::System;
use crate::playbook::{Operation, Param, Probe, Request, SystemType};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Asks a gate which rules it has. A host without a gate does not know this command.
pub const QUESTION: &str = "fieldmedic-gate-version";
/// What its answer begins with.
pub const NAME: &str = "fieldmedic-gate ";
/// What the answer of a gate begins with that writes no [`MARKER`](crate::playbook::command::envelope::MARKER)
/// before a command's output.
pub const OLD: &str = "fieldmedic-gate 1 ";
/// How a gate ends that has run nothing; no program that a playbook runs is known to end so.
pub const REFUSED: i32 = 97;
/// All that such a gate says, on stderr.
pub const DENIED: &str = "fieldmedic gate: not admitted, nothing was run";
/// Longer lines are refused unread; in bytes.
pub const LONGEST: usize = 100_000;
/// As many values as a list may have.
const MOST: usize = 1000;
/// The gate ends a command that is so much later than the agent's own deadline, in seconds: OpenSSH
/// passes no signal on to a forced command.
const LATER: u64 = 1;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyScope {
    /// What probes ask.
    Probes,
    /// What steps and their undos do.
    Changes,
    /// The one key that there is for both.
    All,
}

/// The commands of a host that one key may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// No two have the same parts. The first that admits a line holds.
    pub rules: Vec<Rule>,
}

/// One command, with its values left open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Whose it is, for people.
    pub of: String,
    /// The line from its beginning to its end, in pieces.
    pub parts: Vec<PatternPart>,
    /// After so many seconds it is ended.
    pub limit_s: u64,
}

/// What a gate does with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateAnswer<'a> {
    /// Say which rules there are.
    Version,
    /// Run the line, no longer than the rule's limit.
    Run(&'a Rule),
    /// Run nothing: say [`DENIED`] and end with [`REFUSED`].
    Refuse,
}

/// A command that no gate could tell from others.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{of}: {why}")]
pub struct RuleError {
    /// Whose command it is, for people: `disk-full: clean the cache`.
    pub of: String,
    /// Why it cannot be told from others.
    pub why: String,
}

/// A system that stands on a host.
#[derive(Debug, Clone, Copy)]
pub struct HostedSystem<'a> {
    /// The type, which has the probes and playbooks.
    pub system_type: &'a SystemType,
    /// The instance, which has the hosts and parameters.
    pub system: &'a System,
}

impl Rules {
    /// The rules of a host, for everything that stands on it.
    ///
    /// # Errors
    /// Every command that could not be told from others.
    pub fn new(
        host: &HostName,
        admits: KeyScope,
        standing: &[HostedSystem<'_>],
    ) -> Result<Self, Vec<RuleError>> {
        let (mut rules, mut bad) = (Vec::new(), Vec::new());
        for one in standing {
            for AllowedCommand { of, template, given } in one.commands(host, admits) {
                // A program without a value that it needs is never run.
                let is_absent = |name: &&str| matches!(one.known(name, given), Ok(Binding::Absent));
                if template.words().is_some() && template.names().iter().any(is_absent) {
                    continue;
                }
                // One rule for a script with an optional value, and one for that without.
                for absent in subsets(&optional_names(template, given)) {
                    let known = |name: &str| match absent.contains(name) {
                        true => Ok(Binding::Absent),
                        false => one.known(name, given),
                    };
                    let limit_s = limit(template.timeout());
                    match template.pattern(&known) {
                        Ok(parts) => rules.push(Rule { of: of.clone(), parts, limit_s }),
                        Err(why) => bad.push(RuleError { of: of.clone(), why }),
                    }
                }
            }
        }
        // Two systems of a kind that differ in nothing, or two steps that do the same.
        let mut seen = Vec::new();
        rules.retain(|rule| {
            let is_new = !seen.contains(&rule.parts);
            seen.push(rule.parts.clone());
            is_new
        });
        if bad.is_empty() { Ok(Self { rules }) } else { Err(bad) }
    }

    /// What to do with a line that a key was used for.
    pub fn answer(&self, line: &str) -> GateAnswer<'_> {
        if line.len() > LONGEST {
            return GateAnswer::Refuse;
        }
        if line == QUESTION {
            return GateAnswer::Version;
        }
        self.rules.iter().find(|rule| rule.admits(line)).map_or(GateAnswer::Refuse, GateAnswer::Run)
    }

    /// SHA-256 in hex: equal rules have equal hashes.
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(serde_json::to_vec(self).unwrap_or_default()))
    }

    /// What a gate with these rules says to [`QUESTION`].
    pub fn version(&self) -> String {
        format!("{NAME}2 {}", self.hash())
    }
}

impl Rule {
    /// Whether a value of the command may be a path anywhere on the host.
    pub fn admits_any_path(&self) -> bool {
        self.parts.iter().any(|part| match part {
            PatternPart::Text(_) => false,
            PatternPart::Value { shape, .. }
            | PatternPart::List { shape, .. }
            | PatternPart::Words(shape) => *shape == ValueShape::Path,
        })
    }

    fn admits(&self, line: &str) -> bool {
        let mut rest = line;
        for part in &self.parts {
            match take(part, rest) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        rest.is_empty()
    }
}

/// What is left of a line behind a part; `None` if it does not begin with it.
fn take<'l>(part: &PatternPart, line: &'l str) -> Option<&'l str> {
    match part {
        PatternPart::Text(text) => line.strip_prefix(text.as_str()),
        PatternPart::Value { before, shape, after } => {
            let (word, rest) = take_word(line)?;
            let value = word.strip_prefix(before.as_str())?.strip_suffix(after.as_str())?;
            shape.admits(value).then_some(rest)
        }
        PatternPart::List { before, shape } => {
            let (word, rest) = take_word(line)?;
            let list = word.strip_prefix(before.as_str())?;
            let values: Vec<&str> = if list.is_empty() { Vec::new() } else { list.split(' ').collect() };
            (values.len() <= MOST && values.iter().all(|value| shape.admits(value))).then_some(rest)
        }
        PatternPart::Words(shape) => {
            let (mut rest, mut count) = (line, 0);
            while !rest.is_empty() {
                let (word, after) = take_word(rest.strip_prefix(' ')?)?;
                count += 1;
                if count > MOST || !shape.admits(&word) {
                    return None;
                }
                rest = after;
            }
            Some(rest)
        }
    }
}

impl<'a> HostedSystem<'a> {
    /// Everything that may be asked of a host for this system.
    fn commands(&self, host: &HostName, admits: KeyScope) -> Vec<AllowedCommand<'a>> {
        let system = self.system_type;
        let here = |role| self.system.host(role) == Some(host);
        let mut commands = Vec::new();
        if admits != KeyScope::Changes {
            let probes = system.probes.values().filter(|probe| here(&probe.host));
            commands.extend(probes.map(|probe| {
                AllowedCommand::of(format!("{}: look {}", system.name, probe.name), &probe.command)
            }));
            let requests = system.requests.iter().map(Given::to_request);
            for given in requests.chain(system.operations.iter().map(Given::to_operation)) {
                for probe in given.extra_probes.values().filter(|probe| here(&probe.host)) {
                    let of = format!("{}: look {}", given.playbook, probe.name);
                    commands.push(AllowedCommand { of, template: &probe.command, given: Some(given) });
                }
            }
        }
        if admits != KeyScope::Probes {
            let faults = system.faults.iter().map(|fault| (fault, None));
            let operations = system.operations.iter();
            let operations =
                operations.map(|operation| (&operation.fault, Some(Given::to_operation(operation))));
            for (fault, given) in faults.chain(operations) {
                for step in fault.remediation.iter().filter(|step| here(&step.host)) {
                    let of = format!("{}: {}", fault.name, step.name);
                    commands.push(AllowedCommand { of, template: &step.command, given });
                    if let Some(template) = &step.rollback {
                        let of = format!("{}: undo {}", fault.name, step.name);
                        commands.push(AllowedCommand { of, template, given });
                    }
                }
            }
        }
        commands
    }

    /// What this host's configuration says of a placeholder. What a person gives to a request or an
    /// operation can be anything of its type.
    fn known(&self, name: &str, given: Option<Given<'_>>) -> Result<Binding, String> {
        if name == BACKUP {
            return Ok(Binding::Type(ValueType::Name));
        }
        if let Some(param) = given.and_then(|given| given.params.get(name)) {
            return Ok(Binding::Type(param.value_type));
        }
        let Some((probe, fact)) = name.split_once('.') else {
            let param =
                self.system_type.params.get(name).ok_or_else(|| format!("there is no parameter `{name}`"))?;
            let params = self.system_type.params(&self.system.params);
            let value =
                params.get(name).ok_or_else(|| format!("`{name}` has no value in the configuration"))?;
            if param.is_absent(value) {
                return Ok(Binding::Absent);
            }
            return Ok(Binding::Value(value.clone(), param.value_type));
        };
        let own = given.and_then(|given| given.extra_probes.get(probe));
        let probe = own.or_else(|| self.system_type.probes.get(probe));
        let declared = probe.and_then(|probe| probe.facts.iter().find(|known| known.name.as_str() == fact));
        let untyped = || format!("`{name}` has no type");
        let fact = declared.ok_or_else(untyped)?;
        let kind = fact.value_type.ok_or_else(untyped)?;
        let Some(below) = &fact.below else { return Ok(Binding::Type(kind)) };
        let params = self.system_type.params(&self.system.params);
        let directory = params.get(below.as_str()).and_then(Value::as_str).filter(|path| !path.is_empty());
        let directory = directory.ok_or_else(|| format!("`{below}` has no value in the configuration"))?;
        Ok(Binding::Below(kind, directory.to_owned()))
    }
}

/// A command that may be asked for.
struct AllowedCommand<'a> {
    /// Whose it is, for people.
    of: String,
    template: &'a Template,
    /// What it may use beside the system's own.
    given: Option<Given<'a>>,
}

/// What a command of a request or an operation may use beside the parameters and probes of the system type.
#[derive(Clone, Copy)]
struct Given<'a> {
    playbook: &'a PlaybookName,
    params: &'a BTreeMap<ParamName, Param>,
    extra_probes: &'a BTreeMap<ProbeName, Probe>,
}

impl<'a> Given<'a> {
    fn to_request(request: &'a Request) -> Self {
        Self { playbook: &request.name, params: &request.params, extra_probes: &request.extra_probes }
    }

    fn to_operation(operation: &'a Operation) -> Self {
        Self {
            playbook: &operation.fault.name,
            params: &operation.params,
            extra_probes: &operation.extra_probes,
        }
    }
}

impl<'a> AllowedCommand<'a> {
    fn of(of: String, template: &'a Template) -> Self {
        Self { of, template, given: None }
    }
}

/// What a person need not give, of that which a script uses. A program needs all of its values.
fn optional_names<'t>(template: &'t Template, given: Option<Given<'_>>) -> Vec<&'t str> {
    let is_optional =
        |name: &&str| given.and_then(|given| given.params.get(*name)).is_some_and(|param| param.optional);
    let names = if template.words().is_some() { BTreeSet::new() } else { template.names() };
    names.into_iter().filter(is_optional).collect()
}

/// Every choice of some of these names, none and all included. The loader lets a command use few.
fn subsets<'n>(names: &[&'n str]) -> Vec<BTreeSet<&'n str>> {
    let mut subsets = vec![BTreeSet::new()];
    for name in names {
        let with: Vec<BTreeSet<&str>> =
            subsets.iter().map(|subset| subset.iter().copied().chain([*name]).collect()).collect();
        subsets.extend(with);
    }
    subsets
}

fn limit(timeout: Duration) -> u64 {
    timeout.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX / 2) + LATER
}
