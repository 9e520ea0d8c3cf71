//! Scope: what a case was opened for, and so what it may do.

use crate::ids::{ParamName, PlaybookName, SystemName};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a case may do. A command can narrow it; every other source opens a case for the full ticket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "do")]
pub enum CaseScope {
    /// Everything that the ticket needs.
    #[default]
    FullTicket,
    /// Probe a system and report. Nothing is changed.
    Diagnose {
        /// The system to probe.
        system: SystemName,
    },
    /// Fix this fault, if the evidence confirms it, and no other.
    FixOne {
        /// The system that may have the fault.
        system: SystemName,
        /// The fault's playbook.
        playbook: PlaybookName,
    },
    /// Answer a service request. Nothing is changed. The values have their parameters' types.
    AnswerRequest {
        /// The system that is asked about.
        system: SystemName,
        /// The request's playbook.
        request: PlaybookName,
        /// The arguments that were given; the defaults of other parameters are not in it.
        values: BTreeMap<ParamName, Value>,
    },
    /// Carry out an operation, if there is something to do, and nothing else. The values have their parameters' types.
    Operate {
        /// The system that is changed.
        system: SystemName,
        /// The operation's playbook.
        operation: PlaybookName,
        /// The arguments that were given; the defaults of other parameters are not in it.
        values: BTreeMap<ParamName, Value>,
    },
}

impl CaseScope {
    /// The system that the command is for.
    pub fn system(&self) -> Option<&SystemName> {
        match self {
            CaseScope::FullTicket => None,
            CaseScope::Diagnose { system }
            | CaseScope::FixOne { system, .. }
            | CaseScope::AnswerRequest { system, .. }
            | CaseScope::Operate { system, .. } => Some(system),
        }
    }

    /// Nothing is changed on any host, nor are the labels and state.
    pub fn is_read_only(&self) -> bool {
        matches!(self, CaseScope::Diagnose { .. } | CaseScope::AnswerRequest { .. })
    }

    /// The one fault that may be fixed, or the operation.
    pub fn fault(&self) -> Option<&PlaybookName> {
        match self {
            CaseScope::FixOne { playbook, .. } => Some(playbook),
            CaseScope::Operate { operation, .. } => Some(operation),
            _ => None,
        }
    }
}
