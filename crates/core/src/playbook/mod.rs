//! Playbooks as the agent uses them: checked, compiled, and ordered by cause.
//!
//! They are made by `library` from YAML files; what is here is already free of mistakes that a
//! loader can find.

mod causality;
pub mod command;
pub mod discovery;
pub mod inventory;
mod param;
pub mod parse;
pub mod series;
mod symptom;

use crate::expr::FactValue;
use crate::expr::value_type::{ValueType, is_below, words};
use crate::expr::{Expr, MessageTemplate};
pub use crate::ids::LibraryHash;
use crate::ids::{FactName, ParamName, PlaybookName, ProbeName, Role, SymptomName, SystemTypeName};
use crate::playbook::command::Template;
pub use crate::playbook::param::{Bounds, Param, ParamError};
use crate::playbook::parse::OutputParser;
use crate::playbook::series::SeriesSpec;
pub use crate::playbook::symptom::{Symptom, SymptomCatalogue};
use crate::policy::mode::{Mode, Risk};
use crate::text::pattern::Pattern;
use crate::text::pattern_set::{Candidates, PatternSet};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Every kind of system that the agent knows, with its playbooks.
#[derive(Debug, Clone)]
pub struct Library {
    /// The hash of the files that the library was loaded from.
    pub hash: LibraryHash,
    /// The system types by name.
    pub systems: BTreeMap<SystemTypeName, SystemType>,
}

/// A kind of system: its parameters, its probes and its playbooks.
#[derive(Debug, Clone)]
pub struct SystemType {
    /// The name, the same as the folder's.
    pub name: SystemTypeName,
    /// A description for people; empty if `system.yaml` has none.
    pub summary: String,
    /// The system types that it extends: it has what they have, unless it says otherwise.
    pub extends: Vec<SystemTypeName>,
    /// Words in a ticket that mean this kind of system.
    pub aliases: Vec<String>,
    /// Words that say that something is wrong: a text with one of them is a complaint.
    pub problem_patterns: Vec<Pattern>,
    /// What a host says while something starts or restarts: a first look that meets it is repeated.
    pub transient_patterns: Vec<Pattern>,
    /// What people notice when something of it does not work; its faults name these.
    pub symptoms: Arc<SymptomCatalogue>,
    /// What the configuration may set.
    pub params: BTreeMap<ParamName, Param>,
    /// The probes that all its playbooks share.
    pub probes: BTreeMap<ProbeName, Probe>,
    /// What its scripts run by `sudo -n`.
    pub sudo: Vec<Template>,
    /// A constant command that looks for systems of this type on a new host; `None`: they are not looked for.
    pub discover: Option<Template>,
    /// The faults in causal order: a cause stands before its consequences.
    pub faults: Vec<Fault>,
    /// The playbooks that answer questions.
    pub requests: Vec<Request>,
    /// The playbooks that change something because a person orders it.
    pub operations: Vec<Operation>,
    /// An index over the patterns of what people write, see [`SystemType::candidates`].
    pub pattern_set: PatternSet,
}

/// A command that only looks.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// The name, which expressions use as a namespace: `disk` in `disk.used`.
    pub name: ProbeName,
    /// The role of the host that it runs on; `main` by default.
    pub host: Role,
    /// A read-only command.
    pub command: Template,
    /// How the output is read.
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
    /// Sweeps run it no more often than this, and leave out the faults that need it in between. `None`: each sweep.
    pub sweep_every: Option<Duration>,
    /// Probes whose facts this one uses.
    pub needs: BTreeSet<ProbeName>,
    /// Of those, the ones whose facts are part of its command; they run first.
    pub command_needs: BTreeSet<ProbeName>,
    /// The facts that it reads, in the order of the file.
    pub facts: Vec<Fact>,
}

/// A named value read from a probe's output. Without a type it cannot become part of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// The name after the namespace: `used` in `disk.used`.
    pub name: FactName,
    /// Over the parsed output, `exit`, `stderr`, parameters, and facts of other probes.
    pub value: Expr,
    /// What the value must be; `None` if it may be any JSON value.
    pub value_type: Option<ValueType>,
    /// For paths: the parameter that holds the directory they lie below.
    pub below: Option<ParamName>,
    /// How its values are kept over time; `None`: they are not.
    pub series: Option<SeriesSpec>,
}

impl Fact {
    /// The value, if the fact's type admits it. `param`: a parameter of the system.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check(&self, value: Value, param: impl Fn(&ParamName) -> Option<Value>) -> FactValue {
        let Some(value_type) = self.value_type else { return Ok(value) };
        let value = value_type.check(&value).map_err(|problem| problem.to_string())?;
        if let Some(below) = &self.below {
            let directory = param(below);
            let directory = directory.as_ref().and_then(Value::as_str).filter(|path| !path.is_empty());
            let directory = directory.ok_or_else(|| format!("the parameter `{below}` has no path"))?;
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
    /// The name, the same as the file's.
    pub name: PlaybookName,
    /// The fault for people, such as `Worker containers are not running`.
    pub title: String,
    /// The reported problems that the fault explains.
    pub symptoms: Symptoms,
    /// The condition that proves the fault.
    pub when: Expr,
    /// Probes whose facts its condition, its texts, its steps or its verification use.
    pub needs: BTreeSet<ProbeName>,
    /// The evidence in one sentence, with values of facts and parameters.
    pub summary: MessageTemplate,
    /// Everyday life in small numbers: it counts only for a ticket whose words it explains.
    pub reported_only: bool,
    /// Its consequences: playbooks that come after this one.
    pub causes: BTreeSet<PlaybookName>,
    /// The faults that it neither causes nor is caused by, and that need not be mended before it or after it. Both
    /// faults name each other.
    pub independent_of: BTreeSet<PlaybookName>,
    /// Above the policy's `max_risk`, the fix needs approval; `low` by default.
    pub risk: Risk,
    /// `ask` or `observe`; the strictest mode holds. `None` adds no restriction.
    pub mode: Option<Mode>,
    /// Where it holds, or is unknown, the fix needs approval.
    pub ask_if: Option<Expr>,
    /// Empty: this fault is a person's.
    pub remediation: Vec<Step>,
    /// What must hold after a fix, besides that `when` is false. Empty only if there is no remediation.
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
    /// The symptoms of the system type that the fault causes.
    pub names: BTreeSet<SymptomName>,
    /// Over the ticket's own words, without quotations; not case-sensitive.
    pub patterns: Vec<Pattern>,
    /// Labels of the ticket; not case-sensitive.
    pub labels: Vec<String>,
}

/// A playbook that answers a question.
#[derive(Debug, Clone)]
pub struct Request {
    /// The name, the same as the file's.
    pub name: PlaybookName,
    /// The request for people.
    pub title: String,
    /// Phrases that ask for it.
    pub question_patterns: Vec<Pattern>,
    /// What whoever asks for it gives.
    pub params: BTreeMap<ParamName, Param>,
    /// What the answer rests on: probes of the system, and its own.
    pub probes: BTreeSet<ProbeName>,
    /// Probes that only this request has; they may use its parameters.
    pub extra_probes: BTreeMap<ProbeName, Probe>,
    /// A Markdown template over the facts.
    pub answer: String,
    /// It asks whether all is well: faults that are found are fixed before it is answered.
    pub health: bool,
    /// What is not well although it is no fault that a playbook knows. The answer closes the ticket only if none of
    /// it is so.
    pub not_well: Vec<NotWell>,
}

/// A playbook that a person orders, with parameters: restart a service, deploy a release.
///
/// It runs as a fault does: `when` says that there is something to do, and has to be false afterwards. But it is found
/// only in a case that was opened for it.
#[derive(Debug, Clone)]
pub struct Operation {
    /// What is done, under which condition, and what proves it.
    pub fault: Fault,
    /// What whoever orders it gives.
    pub params: BTreeMap<ParamName, Param>,
    /// Probes that only this operation has; they may use its parameters.
    pub extra_probes: BTreeMap<ProbeName, Probe>,
}

/// Something that is not well.
#[derive(Debug, Clone)]
pub struct NotWell {
    /// The condition; unknown counts as true.
    pub when: Expr,
    /// What is not well, in one sentence.
    pub summary: MessageTemplate,
}

/// One change of a remedy.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What people read while it runs; also the `$0` of its script.
    pub name: String,
    /// The role of the host that it runs on; `main` by default.
    pub host: Role,
    /// What makes the change. If the step has a backup, its script makes that first.
    pub command: Template,
    /// What to do if nobody knows whether the step ran.
    pub if_interrupted: IfInterrupted,
    /// Its failure does not end the remedy.
    pub optional: bool,
    /// Unless this is true, the step is skipped. `None`: it always runs.
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
    /// Over facts and parameters.
    pub that: Expr,
    /// How long it may take to become true.
    pub timeout: Duration,
    /// How long it must stay true, without a break.
    pub hold_for: Duration,
}

impl SystemType {
    /// Which of its patterns may match what somebody wrote: a few of thousands, found in one pass.
    pub fn candidates(&self, text: &str) -> Candidates {
        let of_requests = || self.requests.iter().flat_map(|request| &request.question_patterns);
        let of_faults = || self.faults.iter().flat_map(|fault| &fault.symptoms.patterns);
        self.pattern_set
            .candidates(|| self.problem_patterns.iter().chain(of_requests()).chain(of_faults()), text)
    }

    /// The fault of this name; `None` if the system type has none.
    pub fn fault(&self, name: &PlaybookName) -> Option<&Fault> {
        self.faults.iter().find(|fault| fault.name == *name)
    }

    /// Whether a finding counts for nobody who has not reported it.
    pub fn is_reported_only(&self, name: &PlaybookName) -> bool {
        self.fault(name).is_some_and(|fault| fault.reported_only)
    }

    /// The request of this name; `None` if the system type has none.
    pub fn request(&self, name: &PlaybookName) -> Option<&Request> {
        self.requests.iter().find(|request| request.name == *name)
    }

    /// The operation of this name; `None` if the system type has none.
    pub fn operation(&self, name: &PlaybookName) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.fault.name == *name)
    }

    /// Every fault, and every operation in the form of one: all that has steps.
    pub fn faults_and_operations(&self) -> impl Iterator<Item = &Fault> + Clone {
        self.faults.iter().chain(self.operations.iter().map(|operation| &operation.fault))
    }

    /// The same system as an operation sees it: with its parameters and its probes beside the others, and with nothing
    /// else to fix.
    pub fn operated(&self, operation: &Operation) -> SystemType {
        let mut system = self.extended(&operation.params, &operation.extra_probes);
        system.faults = vec![operation.fault.clone()];
        system
    }

    /// The same system as a request sees it: with its parameters and its probes beside the others.
    pub fn asked(&self, request: &Request) -> SystemType {
        self.extended(&request.params, &request.extra_probes)
    }

    fn extended(
        &self,
        params: &BTreeMap<ParamName, Param>,
        probes: &BTreeMap<ProbeName, Probe>,
    ) -> SystemType {
        let mut system = self.clone();
        system.params.extend(params.clone());
        system.probes.extend(probes.clone());
        system
    }

    /// The probes that some fault can need, and those that they need in turn.
    pub fn fault_probes(&self) -> BTreeSet<ProbeName> {
        self.with_needs(self.faults.iter().flat_map(|fault| fault.needs.iter().cloned()))
    }

    /// The probes that a sweep runs: those that some fault can need, those that measure a series, and those that they
    /// need in turn.
    pub fn sweep_probes(&self) -> BTreeSet<ProbeName> {
        let measuring = self.probes.values().flat_map(|probe| self.probes_of_series(probe));
        self.with_needs(self.faults.iter().flat_map(|fault| fault.needs.iter().cloned()).chain(measuring))
    }

    /// What has to be probed for the series of a probe: nothing if it has none.
    fn probes_of_series(&self, probe: &Probe) -> BTreeSet<ProbeName> {
        let mut probes = BTreeSet::new();
        for series in probe.facts.iter().filter_map(|fact| fact.series.as_ref()) {
            let names = series.only_if.as_ref().map(Expr::names).unwrap_or_default();
            probes.extend(self.probes_named(names.iter().map(String::as_str)));
            probes.insert(probe.name.clone());
        }
        probes
    }

    /// The same system type without these probes' series, and without the faults that need one of them.
    pub fn without_probes(&self, left_out: &BTreeSet<ProbeName>) -> Cow<'_, SystemType> {
        if left_out.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut rest = self.clone();
        rest.faults.retain(|fault| self.with_needs(fault.needs.iter().cloned()).is_disjoint(left_out));
        for (name, probe) in &mut rest.probes {
            let needed = self.probes.get(name).map(|probe| self.probes_of_series(probe)).unwrap_or_default();
            if !self.with_needs(needed).is_disjoint(left_out) {
                probe.facts.iter_mut().for_each(|fact| fact.series = None);
            }
        }
        Cow::Owned(rest)
    }

    /// The probes behind names of the form `probe.fact`, and those that they need in turn.
    pub fn probes_of<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> BTreeSet<ProbeName> {
        self.with_needs(self.probes_named(names))
    }

    /// The probes behind names of the form `probe.fact`.
    pub fn probes_named<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> BTreeSet<ProbeName> {
        let named = names.into_iter().filter_map(|name| self.probes.get_key_value(name.split('.').next()?));
        named.map(|(name, _)| name.clone()).collect()
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
    /// These and others.
    #[must_use]
    pub fn and(mut self, others: Symptoms) -> Symptoms {
        self.names.extend(others.names);
        self.patterns.extend(others.patterns);
        self.labels.extend(others.labels);
        self
    }

    /// The first phrase or label that this cause accounts for. `candidates` are those of the text.
    pub fn matches(&self, text: &str, labels: &[String], candidates: &Candidates) -> Option<String> {
        let label = self.labels.iter().find(|label| labels.iter().any(|l| l.eq_ignore_ascii_case(label)));
        let phrase = || {
            let mut patterns = self.patterns.iter().filter(|pattern| candidates.may_match(pattern));
            patterns.find_map(|pattern| pattern.find(text)).map(str::to_owned)
        };
        label.cloned().or_else(phrase)
    }
}
