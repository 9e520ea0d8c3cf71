//! Actions: what `decide` orders. The engine performs one, records what came of it, and asks again.

use crate::case::event::{ChangeId, Event, ProbeReason};
use crate::ids::{HostName, ProbeName};
use crate::playbook::command::Command;
use crate::policy::permit::Permit;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Record a decision; nothing happens outside.
    Record(Event),
    /// Run these probes, side by side.
    RunProbes { purpose: ProbeReason, probes: BTreeSet<ProbeName> },
    /// See whether the issue is still open.
    RefreshTicket,
    /// Take these hosts for this case alone.
    LeaseHosts { hosts: Vec<HostName> },
    /// Make a change.
    Change(ChangeRequest),
    /// Ask in the ticket whether the plan may be carried out.
    RequestApproval,
    /// Create or edit the status comment.
    ShowStatus,
    /// Set the label of the ticket's stage.
    SetLabel,
    /// Open the issue again: its fault is back, or a person objects to its close.
    Reopen,
    /// Open a ticket about a fault that comes back again and again.
    OpenProblemTicket,
    /// Post the final report.
    PostReport,
    /// Assign and mention the people on call.
    CallPeople,
    /// Close the issue.
    Close,
    /// Wait, and keep what is held.
    Wait { until: DateTime<Utc> },
    /// Let go of the case, hosts included, until somebody takes it up again: at this moment, or when a
    /// word was left for it.
    Suspend { until: DateTime<Utc> },
    /// The case has ended; there is nothing to do.
    Done,
}

/// An order to make one change. It carries policy's permit; the engine adds the lease.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeRequest {
    pub change: ChangeId,
    pub attempt: u32,
    pub host: HostName,
    pub command: Command,
    pub permit: Permit,
}
