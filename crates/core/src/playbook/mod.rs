//! Playbooks as the agent uses them: checked, compiled, and ordered by cause.
//!
//! They are made by `library` from YAML files; what is here is already free of mistakes that a
//! loader can find.

pub mod command;
pub mod inventory;
mod param;
pub mod parse;

use crate::expr::FactValue;
use crate::expr::value_type::{ValueType, is_below, words};
use crate::expr::{Expr, MessageTemplate};
pub use crate::ids::LibraryHash;
use crate::ids::{FactName, ParamName, PlaybookName, ProbeName, Role, SystemTypeName};
use crate::playbook::command::Template;
pub use crate::playbook::param::{Bounds, Param, ParamError};
use crate::playbook::parse::OutputParser;
use crate::policy::mode::{Mode, Risk};
use regex::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Every kind of system that the agent knows, with its playbooks.
#[derive(Debug, Clone)]
pub struct Library {
    pub hash: LibraryHash,
    pub systems: BTreeMap<SystemTypeName, SystemType>,
}

/// A kind of system: its parameters, its probes and its playbooks.
#[derive(Debug, Clone)]
pub struct SystemType {
    pub name: SystemTypeName,
    pub summary: String,
    /// Words in a ticket that mean this kind of system.
    pub aliases: Vec<String>,
    /// Words that say that something is wrong: a text with one of them is a complaint.
    pub problem_patterns: Vec<Regex>,
    /// What a host says while something starts or restarts: a first look that meets it is repeated.
    pub transient_patterns: Vec<Regex>,
    pub params: BTreeMap<ParamName, Param>,
    pub probes: BTreeMap<ProbeName, Probe>,
    /// What its scripts run by `sudo -n`.
    pub sudo: Vec<Template>,
    /// The faults in causal order: a cause stands before its consequences.
    pub faults: Vec<Fault>,
    pub requests: Vec<Request>,
}

/// A command that only looks.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    pub name: ProbeName,
    pub host: Role,
    pub command: Template,
    pub parser: OutputParser,
    /// Exit codes under which the output can be read.
    pub ok_exits: Vec<i32>,
    /// Over the output: what it reports as wrong, as a text. Unless that is empty, every fact is unknown.
    pub error: Option<Expr>,
    /// Values of keys that a row may lack.
    pub row_defaults: BTreeMap<String, Value>,
    /// Over `row`: which rows count.
    pub row_if: Option<Expr>,
    /// How often it is tried again when it could not be started.
    pub retries: u32,
    /// Probes whose facts this one uses; they run first.
    pub needs: BTreeSet<ProbeName>,
    pub facts: Vec<Fact>,
}

/// A named value read from a probe's output. Without a type it cannot become part of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    pub name: FactName,
    pub value: Expr,
    pub value_type: Option<ValueType>,
    /// For paths: the parameter that holds the directory they lie below.
    pub below: Option<ParamName>,
}

impl Fact {
    /// The value, if the fact's type admits it. `params`: the system's parameters.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check(&self, value: Value, params: impl Fn(&ParamName) -> FactValue) -> FactValue {
        let Some(value_type) = self.value_type else { return Ok(value) };
        let value = value_type.check(&value).map_err(|problem| problem.to_string())?;
        if let Some(below) = &self.below {
            let directory = params(below)?;
            let directory = directory.as_str().ok_or_else(|| format!("`{below}` is not a path"))?;
            if let Some(path) = words(&value).iter().find(|path| !is_below(path, directory)) {
                return Err(format!(
                    "{path} is not below {directory}, the parameter `{below}` of the system"
                ));
            }
        }
        Ok(value)
    }
}

/// A playbook for a fault: when it is one, what to change, how to prove that it is gone.
#[derive(Debug, Clone)]
pub struct Fault {
    pub name: PlaybookName,
    pub title: String,
    pub symptoms: Symptoms,
    pub when: Expr,
    pub summary: MessageTemplate,
    /// Everyday life in small numbers: it counts only for a ticket whose words it explains.
    pub reported_only: bool,
    /// Its consequences: playbooks that come after this one.
    pub causes: BTreeSet<PlaybookName>,
    pub risk: Risk,
    pub mode: Option<Mode>,
    /// Where it holds, or is unknown, the fix needs approval.
    pub ask_if: Option<Expr>,
    /// Empty: this fault is a person's.
    pub remediation: Vec<Step>,
    pub verify: Vec<Check>,
    /// What a person should do if the agent cannot mend it.
    pub advice: String,
    /// What happened and is well again, in a sentence for those who reported it.
    pub reporter_message: Option<String>,
    /// Said in the report even when the fault was mended: how to keep it from coming back.
    pub prevention: Option<MessageTemplate>,
}

/// Which complaints a cause accounts for.
#[derive(Debug, Clone, Default)]
pub struct Symptoms {
    pub patterns: Vec<Regex>,
    pub labels: Vec<String>,
}

/// A playbook that answers a question.
#[derive(Debug, Clone)]
pub struct Request {
    pub name: PlaybookName,
    pub title: String,
    /// Phrases that ask for it.
    pub question_patterns: Vec<Regex>,
    /// What whoever asks for it gives.
    pub params: BTreeMap<ParamName, Param>,
    /// What the answer rests on: probes of the system, and its own.
    pub probes: BTreeSet<ProbeName>,
    /// Probes that only this request has; they may use its parameters.
    pub extra_probes: BTreeMap<ProbeName, Probe>,
    /// A Markdown template over the facts.
    pub answer: String,
    /// It asks whether all is well: faults that are found are treated before it is answered.
    pub health: bool,
}

/// One change of a remedy.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub name: String,
    pub host: Role,
    pub command: Template,
    pub if_interrupted: IfInterrupted,
    /// Its failure does not end the remedy.
    pub optional: bool,
    pub only_if: Option<Expr>,
    /// Over `exit`, `text` and `stderr`; without it, exit 0 is success.
    pub expect: Option<Expr>,
    /// Over the same names: the step succeeded and there was nothing to change.
    pub did_nothing: Option<Expr>,
    /// Reverses the step. It may be run twice.
    pub rollback: Option<Template>,
}

/// What to do with a change that may or may not have run.
#[derive(Debug, Clone, PartialEq)]
pub enum IfInterrupted {
    /// Run it again at once: two at a time do no harm.
    RerunNow,
    /// Run it again, but never while another attempt may still be running.
    Rerun,
    /// Ask the evidence whether it is done.
    Check(Expr),
    /// Do not touch it; a person decides.
    Escalate,
}

/// One condition of a verification.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    pub that: Expr,
    /// How long it may take to become true.
    pub timeout: Duration,
    /// How long it must stay true, without a break.
    pub hold_for: Duration,
}

impl SystemType {
    pub fn fault(&self, name: &PlaybookName) -> Option<&Fault> {
        self.faults.iter().find(|fault| fault.name == *name)
    }

    /// Whether a finding counts for nobody who has not reported it.
    pub fn is_reported_only(&self, name: &PlaybookName) -> bool {
        self.fault(name).is_some_and(|fault| fault.reported_only)
    }

    pub fn request(&self, name: &PlaybookName) -> Option<&Request> {
        self.requests.iter().find(|request| request.name == *name)
    }

    /// The same system as a request sees it: with its parameters and its probes beside the others.
    pub fn asked(&self, request: &Request) -> SystemType {
        let mut system = self.clone();
        system.params.extend(request.params.clone());
        system.probes.extend(request.extra_probes.clone());
        system
    }

    /// The probes behind names of the form `probe.fact`, and those that they need in turn.
    pub fn probes_of<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> BTreeSet<ProbeName> {
        let direct = names.into_iter().filter_map(|name| {
            let probe = name.split('.').next()?;
            self.probes.get_key_value(probe).map(|(name, _)| name.clone())
        });
        self.with_needs(direct)
    }

    /// These probes and everything they need.
    pub fn with_needs(&self, probes: impl IntoIterator<Item = ProbeName>) -> BTreeSet<ProbeName> {
        let mut all = BTreeSet::new();
        let mut open: Vec<ProbeName> = probes.into_iter().collect();
        while let Some(name) = open.pop() {
            if let Some(probe) = self.probes.get(&name) {
                open.extend(probe.needs.iter().filter(|need| !all.contains(*need)).cloned());
                all.insert(name);
            }
        }
        all
    }

    /// The parameters in force: the configured ones over the defaults.
    pub fn params(&self, configured: &BTreeMap<ParamName, Value>) -> BTreeMap<String, Value> {
        let defaults = self
            .params
            .iter()
            .filter_map(|(name, param)| param.default.clone().map(|value| (name.to_string(), value)));
        let configured = configured.iter().map(|(name, value)| (name.to_string(), value.clone()));
        defaults.chain(configured).collect()
    }
}

impl Symptoms {
    /// The first phrase or label that this cause accounts for.
    pub fn matches(&self, text: &str, labels: &[String]) -> Option<String> {
        let label = self.labels.iter().find(|label| labels.iter().any(|l| l.eq_ignore_ascii_case(label)));
        let phrase =
            || self.patterns.iter().find_map(|regex| regex.find(text)).map(|m| m.as_str().to_owned());
        label.cloned().or_else(phrase)
    }
}
