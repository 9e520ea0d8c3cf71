//! Actions: what `decide` orders. The engine performs one, records what came of it, and asks again.

use crate::case::event::{ChangeId, Event, ProbeReason};
use crate::ids::{CaseId, HostName, ProbeName, SystemTypeName};
use crate::playbook::command::Command;
use crate::policy::permit::Permit;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// What the engine does next for a case.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Record a decision; nothing happens outside.
    Record(Event),
    /// Read the words of the ticket.
    ReadTicket {
        /// The system type whose symptoms are looked for.
        system_type: SystemTypeName,
    },
    /// Run these probes, side by side.
    RunProbes {
        /// Why they are run.
        purpose: ProbeReason,
        /// Which probes. They may depend on each other's facts.
        probes: BTreeSet<ProbeName>,
    },
    /// See whether the issue is still open.
    RefreshTicket,
    /// Take these hosts for this case alone.
    LeaseHosts {
        /// The hosts of the plan and the names of their groups, without those that the case has; never empty.
        hosts: Vec<HostName>,
    },
    /// Make a change.
    Change(ChangeRequest),
    /// Ask in the ticket whether the plan may be carried out.
    RequestApproval,
    /// Ask the reporter, in the ticket.
    AskReporter,
    /// Remind the reporter of the question.
    RemindReporter,
    /// Create or edit the status comment.
    ShowStatus,
    /// Set the label of the ticket's stage.
    SetLabel,
    /// Open the issue again: its fault is back, or a person objects to its close.
    Reopen,
    /// Open a ticket about a fault that comes back again and again, or about the run of a schedule that needs a person.
    OpenProblemTicket,
    /// Post the final report.
    PostReport,
    /// Assign and mention the people on call.
    CallPeople,
    /// Close the issue.
    Close,
    /// Wait, and keep what is held.
    Wait {
        /// When to decide again.
        until: DateTime<Utc>,
    },
    /// Let go of the case, hosts included, until it is taken up again.
    Suspend(Suspension),
    /// The case has ended; there is nothing to do.
    Done,
}

/// How long nobody has to look at a case. A signal to the case always ends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// When it ends at the latest.
    pub until: DateTime<Utc>,
    /// What else ends it.
    pub ends_with: Option<SuspensionEnd>,
}

/// What ends a suspension before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SuspensionEnd {
    /// This case has no remediation under way any more.
    RunOf(CaseId),
    /// No pause of all changes is in force any more.
    PauseOfAll,
}

impl Suspension {
    /// Ends at this moment, or with a signal.
    pub fn until(until: DateTime<Utc>) -> Self {
        Self { until, ends_with: None }
    }
}

/// An order to make one change. It carries policy's permit; the engine adds the lease.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeRequest {
    /// Which step of which remediation, and in which direction.
    pub change: ChangeId,
    /// The number of this attempt at the change, from 1.
    pub attempt: u32,
    /// Where it is made.
    pub host: HostName,
    /// What is run, with every value in place.
    pub command: Command,
    /// For the plan that the step belongs to.
    pub permit: Permit,
}
