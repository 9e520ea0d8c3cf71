//! Plans: a remedy with every value in place, fixed before the first change.

use crate::diagnosis::evidence::Evidence;
use crate::expr::value_type::ValueType;
use crate::ids::{HostName, PlaybookName};
use crate::playbook::command::{Command, Unrenderable, Values};
use crate::playbook::inventory::System;
use crate::playbook::{Fault, SystemType};
use crate::policy::mode::Risk;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The placeholder for the folder of a step's backup; no parameter may have this name.
pub const BACKUP: &str = "backup_name";
/// The folder of backups, below the home directory of the user who runs a step.
pub const KEPT_DIR: &str = ".fieldmedic/kept";

/// The ordered changes of one playbook, rendered from one diagnosis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The playbook of the fault that it fixes.
    pub playbook: PlaybookName,
    /// The risk that the playbook declares.
    pub risk: Risk,
    /// The steps, in the order in which they are made; one for each step of the playbook.
    pub steps: Vec<PlannedStep>,
    /// SHA-256 in hex over the playbook, hosts and command lines: the same plan has the same hash.
    pub hash: String,
}

/// One change of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// The step's name, as the playbook has it.
    pub name: String,
    /// The host on which it and its rollback run.
    pub host: HostName,
    /// A step whose values are unknown can still be skipped by its `only_if`, but never run.
    pub command: Result<Command, Unrenderable>,
    /// What reverses it; `None` if nothing does, or if its own command could not be rendered.
    pub rollback: Option<Command>,
    /// The directory on the host that holds what the step kept before it changed anything.
    #[serde(default)]
    pub backup: Option<String>,
}

/// How many digits of a hash people are shown, and have to write: 64 bits. The hash covers values that hosts
/// report, and a lying host must not find a second plan with the digits of one that was approved.
const SHORT: usize = 16;

/// How many digits approvals of version 2 hold.
const SHORT_IN_VERSION_2: usize = 4;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPlan {
    /// The system has no host in the role of a step; this is the role.
    #[error("no host of this system has the role `{0}`")]
    NoHost(String),
    /// A value of a command is unknown or refused.
    #[error("the step {step:?} cannot be written: {why}")]
    Unrenderable {
        /// The step's name, behind `rollback of ` if its rollback is meant.
        step: String,
        /// Which value, and what is wrong with it.
        why: Unrenderable,
    },
}

/// Where a command's placeholders get their values: parameters by their type, facts by theirs.
pub struct CommandValues<'a> {
    system_type: &'a SystemType,
    params: BTreeMap<String, Value>,
    evidence: &'a Evidence,
    /// For the step that is being written.
    backup: Option<String>,
}

impl<'a> CommandValues<'a> {
    /// The values for the commands of `site`: its parameters, the defaults of its type, and the facts of the
    /// evidence.
    pub fn new(system_type: &'a SystemType, site: &System, evidence: &'a Evidence) -> Self {
        Self { system_type, params: system_type.params(&site.params), evidence, backup: None }
    }
}

impl Values for CommandValues<'_> {
    fn value(&self, name: &str) -> Result<(Value, ValueType), String> {
        if name == BACKUP {
            let keep = self.backup.clone().ok_or("only a step can keep something")?;
            return Ok((Value::String(keep), ValueType::Name));
        }
        let Some((probe, fact)) = name.split_once('.') else {
            let param = self.system_type.params.get(name).ok_or("there is no such parameter")?;
            let value = self.params.get(name).ok_or("it has no value in the configuration")?;
            let value = if param.is_absent(value) { Value::Null } else { value.clone() };
            return Ok((value, param.value_type));
        };
        let declared =
            self.system_type.probes.get(probe).and_then(|p| p.facts.iter().find(|f| f.name.as_str() == fact));
        let declared = declared.ok_or("there is no such fact")?;
        let kind = declared.value_type.ok_or("it has no type that a command may use")?;
        let known = self.evidence.facts.get(probe).and_then(|facts| facts.get(fact));
        let value = known.cloned().unwrap_or_else(|| Err("it was not read".into()))?;
        let value = declared.check(value, |param| self.params.get(param.as_str()).cloned())?;
        Ok((value, kind))
    }
}

/// Renders the remedy of a fault. `keep` is a name that no other remediation has: what is kept on a host is
/// found by it, after a crash too.
///
/// # Errors
/// A role has no host, or a step that nothing could skip cannot be rendered.
pub fn plan(
    system: &SystemType,
    site: &System,
    fault: &Fault,
    evidence: &Evidence,
    keep: &str,
) -> Result<Plan, NoPlan> {
    let mut values = CommandValues::new(system, site, evidence);
    let mut hash = Sha256::new();
    hash.update(format!("{}\0", fault.name));
    let mut steps = Vec::new();
    for (index, step) in fault.remediation.iter().enumerate() {
        let keep = format!("{keep}-{index}");
        values.backup = Some(keep.clone());
        let host = site.host(&step.host).ok_or_else(|| NoPlan::NoHost(step.host.to_string()))?;
        let command = step.command.render(&values);
        if let (Err(why), None, false) = (&command, &step.only_if, step.optional) {
            return Err(NoPlan::Unrenderable { step: step.name.clone(), why: why.clone() });
        }
        let line = command.as_ref().map_or_else(ToString::to_string, Command::line);
        let undo =
            match &step.rollback {
                Some(undo) if command.is_ok() => Some(undo.render(&values).map_err(|why| {
                    NoPlan::Unrenderable { step: format!("rollback of {}", step.name), why }
                })?),
                _ => None,
            };
        let undo_line = undo.as_ref().map(Command::line).unwrap_or_default();
        // Where something is kept is another place in each case, and makes no other plan.
        let place = |line: &str| line.replace(&keep, BACKUP);
        hash.update(format!("{host}\0{}\0{}\0", place(&line), place(&undo_line)));
        let home = if step.command.is_root() { "~root" } else { "~" };
        let kept = step.command.names().contains(BACKUP).then(|| format!("{home}/{KEPT_DIR}/{keep}"));
        steps.push(PlannedStep {
            name: step.name.clone(),
            host: host.clone(),
            rollback: undo,
            command,
            backup: kept,
        });
    }
    let hash = hex::encode(hash.finalize());
    Ok(Plan { playbook: fault.name.clone(), risk: fault.risk, steps, hash })
}

impl Plan {
    /// The beginning of the hash, as people read and write it.
    pub fn short_id(&self) -> &str {
        self.hash.get(..SHORT).unwrap_or(&self.hash)
    }

    /// Whether what a person wrote means this plan: the beginning of its hash, and not less of it than
    /// they are shown.
    pub fn matches_id(&self, text: &str) -> bool {
        text.len() >= SHORT && self.is_named_by(text)
    }

    /// Whether a recorded approval names this plan. What people write was checked by [`Plan::matches_id`] before
    /// it was recorded; version 2 recorded fewer digits.
    pub(crate) fn is_named_by(&self, recorded: &str) -> bool {
        recorded.len() >= SHORT_IN_VERSION_2 && self.hash.starts_with(&recorded.to_ascii_lowercase())
    }

    /// Every host that the plan touches.
    pub fn hosts(&self) -> std::collections::BTreeSet<HostName> {
        self.steps.iter().map(|step| step.host.clone()).collect()
    }
}
