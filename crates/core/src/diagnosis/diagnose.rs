//! Diagnosis: every playbook's condition against the evidence.

use crate::diagnosis::evidence::Evidence;
use crate::expr::Truth;
use crate::ids::PlaybookName;
use crate::playbook::SystemType;
use crate::playbook::inventory::System;
use serde::{Deserialize, Serialize};

/// What the evidence says about each fault, in causal order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The faults whose condition is true.
    pub findings: Vec<Finding>,
    /// The faults whose condition is false.
    pub ruled_out: Vec<PlaybookName>,
    /// The faults whose condition is unknown.
    pub unknown: Vec<Unknown>,
}

/// A fault that is confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The fault's playbook.
    pub playbook: PlaybookName,
    /// The playbook's title.
    pub title: String,
    /// The evidence in one sentence.
    pub summary: String,
}

/// A fault that can be neither confirmed nor ruled out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unknown {
    /// The fault's playbook.
    pub playbook: PlaybookName,
    /// Why the condition is unknown: `disk.free is unknown: exit 1: no such file`.
    pub why: String,
}

impl Unknown {
    /// The reason itself, without the facts on its way: what the host said.
    pub fn cause(&self) -> &str {
        cause(&self.why)
    }
}

/// What stands behind the facts that one unknown fact rests on.
pub(crate) fn cause(why: &str) -> &str {
    let mark = "is unknown: ";
    why.rfind(mark).and_then(|at| why.get(at + mark.len()..)).unwrap_or(why)
}

/// Evaluates the condition of every fault.
pub fn diagnose(system: &SystemType, site: &System, evidence: &Evidence) -> Diagnosis {
    let scope = evidence.scope(&system.params(&site.params));
    let mut diagnosis = Diagnosis::default();
    for fault in &system.faults {
        match fault.when.truth(&scope) {
            Truth::True => diagnosis.findings.push(Finding {
                playbook: fault.name.clone(),
                title: fault.title.clone(),
                summary: fault.summary.fill(&scope),
            }),
            Truth::False => diagnosis.ruled_out.push(fault.name.clone()),
            Truth::Unknown(why) => diagnosis.unknown.push(Unknown { playbook: fault.name.clone(), why }),
        }
    }
    diagnosis
}
