//! Payloads of what was made of a ticket: triage, diagnosis, deferral.

use crate::case::payload::convert::{payload, payload_enum};
use crate::diagnosis::diagnose::{Diagnosis, Finding, Unknown};
use crate::ids::{HostName, ParamName, PlaybookName, Role, SystemName, SystemTypeName};
use crate::playbook::inventory::System;
use crate::policy::limits::{Deferral, ExceededLimit};
use crate::policy::permit::Mode;
use crate::ticket::triage::{Intent, SymptomMatch, Triage, UnknownSystemName};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

payload! {
    /// What a ticket is about.
    struct TriagePayload for Triage {
        system: Option<SystemPayload>,
        intent: IntentPayload,
        matched_faults: Vec<SymptomMatchPayload>,
        unknown_names: Vec<UnknownSystemNamePayload>,
    }

    /// A system as the inventory had it.
    struct SystemPayload for System {
        name: SystemName,
        system_type: SystemTypeName,
        hosts: BTreeMap<Role, HostName>,
        params: BTreeMap<ParamName, Value>,
        aliases: Vec<String>,
        mode: Option<ModePayload>,
    }

    /// A fault that would explain the ticket.
    struct SymptomMatchPayload for SymptomMatch {
        playbook: PlaybookName,
        words: String,
    }

    /// A name of a form that the inventory does not have.
    struct UnknownSystemNamePayload for UnknownSystemName {
        field: String,
        name: String,
    }

    /// What the evidence says about each fault.
    struct DiagnosisPayload for Diagnosis {
        findings: Vec<FindingPayload>,
        ruled_out: Vec<PlaybookName>,
        unknown: Vec<UnknownPayload>,
    }

    /// A confirmed fault.
    struct FindingPayload for Finding {
        playbook: PlaybookName,
        title: String,
        summary: String,
    }

    /// A fault that may or may not be there.
    struct UnknownPayload for Unknown {
        playbook: PlaybookName,
        why: String,
    }

    /// Nothing is started before this time.
    struct DeferralPayload for Deferral {
        until: DateTime<Utc>,
        exceeded: ExceededLimitPayload,
    }
}

payload_enum! {
    /// What kind of ticket it is.
    #[serde(tag = "kind")]
    enum IntentPayload for Intent {
        Problem,
        Question {
            request: PlaybookName,
            health: bool,
            #[serde(default)]
            in_doubt: bool,
        },
        Operation { operation: PlaybookName },
    }

    /// How much the agent may do.
    enum ModePayload for Mode {
        Observe,
        Ask,
        Act,
    }

    /// Which limit is reached.
    #[serde(tag = "limit")]
    enum ExceededLimitPayload for ExceededLimit {
        Cooldown { playbook: PlaybookName, at: DateTime<Utc> },
        Failures { playbook: PlaybookName, count: usize },
        Recurrences { playbook: PlaybookName, count: usize },
        Runs { host: HostName, count: usize },
        Changes { host: HostName, count: usize },
        BlastRadius { group: String, allowed: usize, changed: usize, window: Duration },
        ChangeFreeze { why: String },
    }
}
