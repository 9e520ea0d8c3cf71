//! Why a case, a remediation or a step ended as it did: data, without a sentence. The sentences stand in
//! `prompts/_details.md`, so that they can be overridden and translated.
//!
//! Records of version 2 hold finished sentences. Each type has a `Text` variant for those.

use crate::case::dispute::Via;
use crate::diagnosis::verify::NotVerified;
use crate::ids::{HostName, PlaybookName, ProbeName, SystemTypeName};
use crate::policy::deferral::Deferral;
use crate::policy::refusal::NotPermitted;
use crate::ticket::TicketId;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// Why a case ended with its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Detail {
    /// A finished sentence, as records of version 2 hold it.
    Text { text: String },
    /// The ticket names no managed system, or more than one.
    NoSystem,
    /// There are no playbooks for the type of the system.
    NoPlaybooks { system_type: SystemTypeName },
    /// The pinned playbooks do not hold this one.
    PlaybookGone { playbook: PlaybookName },
    /// The journal does not hold the pinned playbooks.
    PlaybooksMissing,
    /// This version cannot read the pinned playbooks. `problem` is the first, with its place.
    PlaybooksUnreadable { problem: String },
    /// The issue is closed.
    IssueClosed,
    /// The issue was closed while Fieldmedic worked on it.
    ClosedMeanwhile,
    /// The issue's conversation is locked.
    Locked,
    /// No host could be reached.
    Unreachable { hosts: Vec<HostProblem> },
    /// It is unknown whether the fault is there.
    FaultUnknown { playbook: PlaybookName, problem: String },
    /// It is unknown whether a fault is there that could cause the one that was found.
    CauseUnknown { cause: PlaybookName, playbook: PlaybookName, problem: String },
    /// A fault is there that can cause the requested one.
    CausePresent { cause: PlaybookName, summary: String },
    /// A probe that the answer needs was not run.
    ProbeNotRun { probe: ProbeName },
    /// A fact that the answer needs is unknown.
    FactUnknown { fact: String, problem: String },
    /// The answer's template cannot be filled.
    AnswerNotFilled { problem: String },
    /// Every fault is ruled out.
    NothingFound,
    /// A fault was found, and was gone before a change was made.
    WentAway { title: String, summary: String },
    /// What was fixed does not account for the ticket.
    NotExplained,
    /// The requested fault is ruled out.
    RuledOut { playbook: PlaybookName },
    /// Only a person may fix it.
    NeedsPerson { playbook: PlaybookName, summary: String },
    /// The remediation cannot be planned.
    NoPlan { playbook: PlaybookName, problem: String },
    /// Policy issued no permit.
    NotPermitted { playbook: PlaybookName, summary: String, refusal: NotPermitted },
    /// The case has had as many remediations as policy allows.
    TooManyRemediations { count: usize },
    /// The fault came back after it was fixed in this case.
    CameBack { playbook: PlaybookName },
    /// A person denied the plan.
    Denied { by: String },
    /// Nobody approved or denied the plan in time. `plan` is its short id.
    NoAnswer { plan: String },
    /// The plan was another one at each request for approval.
    PlanKeepsChanging { playbook: PlaybookName },
    /// The recent changes are unknown, so the limits cannot be computed.
    LimitsUnknown,
    /// A limit is exceeded for longer than a case may wait.
    HeldBack { playbook: PlaybookName, deferral: Deferral },
    /// The remediation failed, and was rolled back.
    NotFixed { playbook: PlaybookName, failure: Failure },
    /// The remediation failed, and so did its rollback.
    RollbackFailed { playbook: PlaybookName, failure: Failure },
    /// A change may or may not have run.
    InDoubt { playbook: PlaybookName, step: String, doubt: Doubt },
    /// Another case about the same fault could not fix it.
    RelatedFailed { playbook: PlaybookName, ticket: TicketId },
    /// Another case about the same fault does not end.
    RelatedUnfinished { playbook: PlaybookName, ticket: TicketId, since: DateTime<Utc> },
    /// A person disputes the close of an earlier case. `by` is `None` if nobody saw who.
    StillBroken { by: Option<String>, via: Via, now: NowSeen },
    /// A person cancelled the case.
    Cancelled { by: String },
}

/// A host that could not be reached, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct HostProblem {
    /// The host.
    pub host: HostName,
    /// What the connection failed with.
    pub problem: String,
}

/// What probes say after a close was disputed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum NowSeen {
    /// No host could be reached.
    Unreachable { hosts: Vec<HostProblem> },
    /// A fault is there.
    Fault { title: String, summary: String },
    /// It is unknown whether this fault is there.
    Unknown { playbook: PlaybookName, problem: String },
    /// Every fault is ruled out.
    Nothing,
}

/// Why a remediation failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Failure {
    /// A finished sentence, as records of version 2 hold it.
    Text { text: String },
    /// A step ran and failed, or its host could not be asked.
    Step { step: String, problem: String },
    /// Policy does not permit a step.
    StepNotPermitted { step: String, refusal: NotPermitted },
    /// It is unknown whether a step is needed.
    NeedUnknown { step: String, problem: String },
    /// No step could be applied.
    NothingApplied,
    /// The steps ran and changed nothing. `output` is what this one wrote.
    NothingToChange { step: String, output: String },
    /// The plan has no such step.
    NoSuchStep,
    /// A person cancelled the case.
    Cancelled { by: String },
    /// The verification did not pass.
    NotVerified { reason: NotVerified },
}

/// Why a step was not needed, or could be left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum SkipReason {
    /// A finished sentence, as records of version 2 hold it.
    Text { text: String },
    /// Its condition is false.
    NotNeeded { condition: String },
    /// Its condition is unknown, and the step is optional.
    NeedUnknown { problem: String },
    /// Its command cannot be written, and the step is optional.
    Unrenderable { problem: String },
}

/// Why nobody knows whether a change ran, and why it is not tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Doubt {
    /// A finished sentence, as records of version 2 hold it.
    Text { text: String },
    /// It must not be tried again.
    Once { cause: DoubtCause },
    /// It was tried as often as is allowed.
    Repeated { cause: DoubtCause, attempts: u32 },
    /// It is unknown whether it was done.
    CheckUnknown { cause: DoubtCause, problem: String },
}

/// What made a change doubtful.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum DoubtCause {
    /// Fieldmedic stopped while it ran.
    Stopped,
    /// The connection or the host failed while it ran.
    Lost { problem: String },
}

macro_rules! from_text {
    ($($name:ident),*) => {$(
        impl From<String> for $name {
            fn from(text: String) -> Self {
                $name::Text { text }
            }
        }
    )*};
}
from_text!(Detail, Failure, SkipReason, Doubt);
