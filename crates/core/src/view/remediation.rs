//! A remediation, as a report shows it: its steps, what came of them, and the proof.

use crate::case::detail::{Doubt, Failure, SkipReason};
use crate::case::{Case, ChangeState, Phase, Remediation, RemediationResult, StepState};
use crate::diagnosis::plan::PlannedStep;
use crate::diagnosis::verify::Proof;
use crate::playbook::Fault;
use crate::playbook::command::Command;
use crate::text::format::{format_minute, seconds};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// One remediation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RemediationView {
    /// Of the fault.
    pub title: String,
    /// The evidence for the fault in one sentence.
    pub summary: String,
    /// How it stands.
    pub result: RemediationState,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Why nobody knows whether a change ran.
    pub doubt: Option<Doubt>,
    /// While it is verified: when that is over at the latest.
    pub until: Option<String>,
    /// The steps, in their order.
    pub steps: Vec<StepView>,
    /// The rollbacks that were tried or are left, in the order of their steps.
    pub rollbacks: Vec<StepView>,
    /// What held when the verification passed.
    pub proof: Vec<Proof>,
}

/// How a remediation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RemediationState {
    /// Its steps run.
    Applying,
    /// Its verification runs.
    Verifying,
    /// It is rolled back.
    RollingBack,
    /// Fixed, with proof.
    Fixed,
    /// It failed, and was rolled back.
    NotFixed,
    /// It failed, and so did its rollback.
    RollbackFailed,
    /// A change may or may not have run.
    InDoubt,
}

/// One step, or one rollback.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepView {
    /// As the playbook names it.
    pub name: String,
    /// Where it runs.
    pub host: String,
    /// The exact line, so that a person can repeat it; `None` if it could not be written.
    pub command: Option<String>,
    /// How it stands.
    pub state: StepStatus,
    /// Why it failed or is in doubt.
    pub problem: Option<String>,
    /// Why it was skipped.
    pub skipped: Option<SkipReason>,
    /// It ran, and found nothing to change.
    pub did_nothing: bool,
    /// How long it took, if it ended.
    pub seconds: Option<f64>,
    /// The last line of its output.
    pub output: Option<String>,
    /// Where the host keeps what was there before.
    pub backup: Option<String>,
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Not tried yet.
    Pending,
    /// It runs.
    Running,
    /// The host could not be asked.
    NotStarted,
    /// It may or may not have run.
    InDoubt,
    /// It succeeded.
    Done,
    /// It failed.
    Failed,
    /// It was not needed, or could be left out.
    Skipped,
}

/// Draws up one remediation of a case.
pub(crate) fn remediation(case: &Case, remediation: &Remediation, fault: Option<&Fault>) -> RemediationView {
    let (result, failure, doubt) = state_of(&remediation.phase);
    let planned = || remediation.plan.steps.iter();
    // The first rollback that fails is the last that is tried; a person has the others to do, too.
    let is_left = |planned: &PlannedStep, step: &StepState| {
        result == RemediationState::RollbackFailed
            && planned.rollback.is_some()
            && matches!(step.state, ChangeState::Done | ChangeState::Failed(_))
    };
    let rollbacks = planned().zip(&remediation.steps).zip(&remediation.rollbacks);
    RemediationView {
        title: fault.map_or(remediation.plan.playbook.to_string(), |fault| fault.title.clone()),
        summary: fault.map(|fault| summary_of(case, fault)).unwrap_or_default(),
        result,
        failure: failure.cloned(),
        doubt: doubt.cloned(),
        until: fault.and_then(|fault| verified_by(remediation, fault)).map(format_minute),
        steps: planned()
            .zip(&remediation.steps)
            .enumerate()
            .map(|(index, (planned, step))| {
                let spec = fault.and_then(|fault| fault.remediation.get(index));
                let did_nothing = spec.is_some_and(|spec| step.did_nothing(spec));
                StepView { did_nothing, ..view(planned, planned.command.as_ref().ok(), step) }
            })
            .collect(),
        rollbacks: rollbacks
            .filter(|((planned, step), back)| back.state != ChangeState::Pending || is_left(planned, step))
            .map(|((planned, _), back)| view(planned, planned.rollback.as_ref(), back))
            .collect(),
        proof: remediation.proof.iter().flatten().cloned().collect(),
    }
}

fn state_of(phase: &Phase) -> (RemediationState, Option<&Failure>, Option<&Doubt>) {
    match phase {
        Phase::Applying => (RemediationState::Applying, None, None),
        Phase::Verifying(_) => (RemediationState::Verifying, None, None),
        Phase::RollingBack { why } => (RemediationState::RollingBack, Some(why), None),
        Phase::Finished { result, .. } => match result {
            RemediationResult::Fixed => (RemediationState::Fixed, None, None),
            RemediationResult::NotFixed { why } => (RemediationState::NotFixed, Some(why), None),
            RemediationResult::RollbackFailed { why } => (RemediationState::RollbackFailed, Some(why), None),
            RemediationResult::InDoubt { why, .. } => (RemediationState::InDoubt, None, Some(why)),
        },
    }
}

fn view(planned: &PlannedStep, command: Option<&Command>, step: &StepState) -> StepView {
    let (state, problem, skipped) = match &step.state {
        ChangeState::Pending => (StepStatus::Pending, None, None),
        ChangeState::Started => (StepStatus::Running, None, None),
        ChangeState::NotStarted(why) => (StepStatus::NotStarted, Some(why), None),
        ChangeState::InDoubt(why) => (StepStatus::InDoubt, Some(why), None),
        ChangeState::Done => (StepStatus::Done, None, None),
        ChangeState::Failed(why) => (StepStatus::Failed, Some(why), None),
        ChangeState::Skipped(why) => (StepStatus::Skipped, None, Some(why)),
    };
    let seen = step.observation.as_ref();
    StepView {
        name: planned.name.clone(),
        host: planned.host.to_string(),
        command: command.map(Command::line),
        state,
        problem: problem.cloned(),
        skipped: skipped.cloned(),
        did_nothing: false,
        seconds: seen.map(|seen| seconds(seen.took_ms)),
        output: seen.map(|seen| seen.last_line().to_owned()).filter(|line| !line.is_empty()),
        backup: planned.backup.clone(),
    }
}

/// When the last condition of a verification must have come true.
pub fn verified_by(remediation: &Remediation, fault: &Fault) -> Option<DateTime<Utc>> {
    let Phase::Verifying(progress) = &remediation.phase else { return None };
    let latest = fault.verify.iter().map(|check| check.timeout + check.hold_for).max()?;
    Some(progress.since + latest)
}

/// What this case's first finding of a fault said; empty if it never found it.
pub(crate) fn summary_of(case: &Case, fault: &Fault) -> String {
    let findings = case.diagnoses.iter().flat_map(|diagnosis| &diagnosis.findings);
    let mut of_fault = findings.filter(|finding| finding.playbook == fault.name);
    of_fault.next().map_or_else(String::new, |finding| finding.summary.clone())
}
