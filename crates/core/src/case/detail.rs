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
    Text {
        /// The sentence.
        text: String,
    },
    /// The ticket names no managed system, or more than one.
    NoSystem,
    /// There are no playbooks for the type of the system.
    NoPlaybooks {
        /// The type of the system.
        system_type: SystemTypeName,
    },
    /// The pinned playbooks do not hold this one.
    PlaybookGone {
        /// The missing playbook.
        playbook: PlaybookName,
    },
    /// The journal does not hold the pinned playbooks.
    PlaybooksMissing,
    /// This version cannot read the pinned playbooks. `problem` is the first, with its place.
    PlaybooksUnreadable {
        /// The first problem, as `path:line: message`.
        problem: String,
    },
    /// The issue is closed.
    IssueClosed,
    /// The issue was closed while Fieldmedic worked on it.
    ClosedMeanwhile,
    /// The issue's conversation is locked.
    Locked,
    /// No host could be reached.
    Unreachable {
        /// The hosts that could not be reached, in order.
        hosts: Vec<HostProblem>,
    },
    /// It is unknown whether the fault is there.
    FaultUnknown {
        /// The playbook of the fault.
        playbook: PlaybookName,
        /// Why its condition is unknown.
        problem: String,
    },
    /// It is unknown whether a fault is there that could cause the one that was found.
    CauseUnknown {
        /// The playbook of the fault that may be there.
        cause: PlaybookName,
        /// The playbook of the fault that was found.
        playbook: PlaybookName,
        /// Why the condition of the cause is unknown.
        problem: String,
    },
    /// A fault is there that can cause the requested one.
    CausePresent {
        /// The playbook of the fault that is there.
        cause: PlaybookName,
        /// Its evidence, in one sentence.
        summary: String,
    },
    /// A probe that the answer needs was not run.
    ProbeNotRun {
        /// The probe.
        probe: ProbeName,
    },
    /// A fact that the answer needs is unknown.
    FactUnknown {
        /// The fact, as `probe.fact`.
        fact: String,
        /// Why it is unknown.
        problem: String,
    },
    /// The answer's template cannot be filled.
    AnswerNotFilled {
        /// What is wrong with the template or its values.
        problem: String,
    },
    /// Every fault is ruled out.
    NothingFound,
    /// A fault was found, and was gone before a change was made.
    WentAway {
        /// The title of the fault.
        title: String,
        /// The evidence with which it was found, in one sentence.
        summary: String,
    },
    /// What was fixed does not account for the ticket.
    NotExplained,
    /// The requested fault is ruled out.
    RuledOut {
        /// The playbook of the fault.
        playbook: PlaybookName,
    },
    /// What the operation is for is so already.
    NothingToDo {
        /// The playbook of the operation.
        playbook: PlaybookName,
    },
    /// Only a person may fix it.
    NeedsPerson {
        /// The playbook of the fault.
        playbook: PlaybookName,
        /// Its evidence, in one sentence.
        summary: String,
    },
    /// The remediation cannot be planned.
    NoPlan {
        /// The playbook of the fault.
        playbook: PlaybookName,
        /// Which step cannot be written, or which role has no host.
        problem: String,
    },
    /// A question about the state of the system is not answered by "well": this is not.
    NotWell {
        /// What is not well, or cannot be told, each in one sentence.
        what: Vec<String>,
    },
    /// Policy issued no permit.
    NotPermitted {
        /// The playbook of the fault.
        playbook: PlaybookName,
        /// Its evidence, in one sentence.
        summary: String,
        /// Why policy issued no permit.
        refusal: NotPermitted,
    },
    /// The case has had as many remediations as policy allows.
    TooManyRemediations {
        /// How many remediations the case has had.
        count: usize,
    },
    /// The fault came back after it was fixed in this case.
    CameBack {
        /// The playbook of the fault.
        playbook: PlaybookName,
    },
    /// A person denied the plan.
    Denied {
        /// Who denied it.
        by: String,
    },
    /// Nobody approved or denied the plan in time. `plan` is its short id.
    NoAnswer {
        /// The first 16 hex digits of the hash of the plan.
        plan: String,
    },
    /// The plan was another one at each request for approval.
    PlanKeepsChanging {
        /// The playbook that was planned last.
        playbook: PlaybookName,
    },
    /// The recent changes are unknown, so the limits cannot be computed.
    LimitsUnknown,
    /// A limit is exceeded for longer than a case may wait.
    HeldBack {
        /// The playbook that was planned.
        playbook: PlaybookName,
        /// Which limit is exceeded, and until when.
        deferral: Deferral,
    },
    /// The remediation failed, and was rolled back.
    NotFixed {
        /// The playbook that was applied.
        playbook: PlaybookName,
        /// Why the remediation failed.
        failure: Failure,
    },
    /// The remediation failed, and so did its rollback.
    RollbackFailed {
        /// The playbook that was applied.
        playbook: PlaybookName,
        /// Why the remediation failed, not why its rollback did.
        failure: Failure,
    },
    /// A change may or may not have run.
    InDoubt {
        /// The playbook that was applied.
        playbook: PlaybookName,
        /// The name of the step.
        step: String,
        /// Why nobody knows, and why it is not tried again.
        doubt: Doubt,
    },
    /// Another case about the same fault could not fix it.
    RelatedFailed {
        /// The playbook of the fault.
        playbook: PlaybookName,
        /// The ticket of the other case.
        ticket: TicketId,
    },
    /// Another case about the same fault does not end.
    RelatedUnfinished {
        /// The playbook of the fault.
        playbook: PlaybookName,
        /// The ticket of the other case.
        ticket: TicketId,
        /// Since when this case waits.
        since: DateTime<Utc>,
    },
    /// A person disputes the close of an earlier case. `by` is `None` if nobody saw who.
    StillBroken {
        /// Who disputes it.
        by: Option<String>,
        /// How it was disputed.
        via: Via,
        /// What the probes say now.
        now: NowSeen,
    },
    /// A person cancelled the case.
    Cancelled {
        /// Who cancelled it.
        by: String,
    },
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
    Unreachable {
        /// The hosts that could not be reached, in order.
        hosts: Vec<HostProblem>,
    },
    /// A fault is there.
    Fault {
        /// The title of the fault.
        title: String,
        /// Its evidence, in one sentence.
        summary: String,
    },
    /// It is unknown whether this fault is there.
    Unknown {
        /// The playbook of the fault.
        playbook: PlaybookName,
        /// Why its condition is unknown.
        problem: String,
    },
    /// Every fault is ruled out.
    Nothing,
}

/// Why a remediation failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Failure {
    /// A finished sentence, as records of version 2 hold it.
    Text {
        /// The sentence.
        text: String,
    },
    /// A step ran and failed, or its host could not be asked.
    Step {
        /// The name of the step.
        step: String,
        /// How its command ended, why it could not be started, or why it has no command.
        problem: String,
    },
    /// Policy does not permit a step.
    StepNotPermitted {
        /// The name of the step.
        step: String,
        /// Why policy issued no permit.
        refusal: NotPermitted,
    },
    /// It is unknown whether a step is needed.
    NeedUnknown {
        /// The name of the step.
        step: String,
        /// Why its `only_if` is unknown.
        problem: String,
    },
    /// No step could be applied.
    NothingApplied,
    /// The steps ran and changed nothing. `output` is what this one wrote.
    NothingToChange {
        /// The name of the first step that had nothing to change.
        step: String,
        /// The last line of its output; may be empty.
        output: String,
    },
    /// The plan has no such step.
    NoSuchStep,
    /// A person cancelled the case.
    Cancelled {
        /// Who cancelled it.
        by: String,
    },
    /// The verification did not pass.
    NotVerified {
        /// Which condition did not hold, and how.
        reason: NotVerified,
    },
}

/// Why a step was not needed, or could be left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum SkipReason {
    /// A finished sentence, as records of version 2 hold it.
    Text {
        /// The sentence.
        text: String,
    },
    /// Its condition is false.
    NotNeeded {
        /// The `only_if` of the step, as the playbook has it.
        condition: String,
    },
    /// Its condition is unknown, and the step is optional.
    NeedUnknown {
        /// Why its `only_if` is unknown.
        problem: String,
    },
    /// Its command cannot be written, and the step is optional.
    Unrenderable {
        /// Which value is missing or refused, and why.
        problem: String,
    },
}

/// Why nobody knows whether a change ran, and why it is not tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Doubt {
    /// A finished sentence, as records of version 2 hold it.
    Text {
        /// The sentence.
        text: String,
    },
    /// It must not be tried again.
    Once {
        /// What made it doubtful.
        cause: DoubtCause,
    },
    /// It was tried as often as is allowed.
    Repeated {
        /// What made it doubtful.
        cause: DoubtCause,
        /// How often it was tried.
        attempts: u32,
    },
    /// It is unknown whether it was done.
    CheckUnknown {
        /// What made it doubtful.
        cause: DoubtCause,
        /// Why the `check` of its `if_interrupted` is unknown.
        problem: String,
    },
}

/// What made a change doubtful.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum DoubtCause {
    /// Fieldmedic stopped while it ran.
    Stopped,
    /// The connection or the host failed while it ran.
    Lost {
        /// What the connection or the host reported.
        problem: String,
    },
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
