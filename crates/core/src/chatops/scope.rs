//! Errands: what a case was opened for.

use crate::ids::{ParamName, PlaybookName, SystemName};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a person set the agent to do, by a command; or to treat a ticket, by whichever way it came in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "do")]
pub enum CaseScope {
    /// Whatever the ticket needs.
    #[default]
    FullTicket,
    /// To say how a system is. Nothing is changed.
    Diagnose { system: SystemName },
    /// To mend one fault, if the evidence confirms it, and no other.
    FixOne { system: SystemName, playbook: PlaybookName },
    /// To answer a service request. Nothing is changed. The values are of their parameters' types.
    AnswerRequest { system: SystemName, request: PlaybookName, values: BTreeMap<ParamName, Value> },
}

impl CaseScope {
    /// The system that a person named for it.
    pub fn system(&self) -> Option<&SystemName> {
        match self {
            CaseScope::FullTicket => None,
            CaseScope::Diagnose { system }
            | CaseScope::FixOne { system, .. }
            | CaseScope::AnswerRequest { system, .. } => Some(system),
        }
    }

    /// It changes nothing on any host, and neither the labels nor the state of its issue.
    pub fn is_read_only(&self) -> bool {
        matches!(self, CaseScope::Diagnose { .. } | CaseScope::AnswerRequest { .. })
    }

    /// The one fault that may be treated.
    pub fn fault(&self) -> Option<&PlaybookName> {
        match self {
            CaseScope::FixOne { playbook, .. } => Some(playbook),
            _ => None,
        }
    }
}
