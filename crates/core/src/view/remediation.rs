//! A treatment, told: its steps, what came of them, and the proof.

use crate::case::{Case, ChangeState, Phase, Remediation, RemediationResult, StepState};
use crate::diagnosis::verify::Proof;
use crate::playbook::Fault;
use crate::playbook::command::Command;
use crate::text::format::{format_minute, seconds};
use chrono::{DateTime, Utc};
use serde::Serialize;

/// One treatment, told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RemediationView {
    pub title: String,
    pub summary: String,
    /// `applying`, `verifying`, `undoing`, `mended`, `not-fixed`, `undo-failed` or `in-doubt`.
    pub result: String,
    pub why: String,
    /// While it is verified: when that is over at the latest, else empty.
    pub until: String,
    pub steps: Vec<StepView>,
    pub rollbacks: Vec<StepView>,
    pub proof: Vec<Proof>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepView {
    pub name: String,
    pub host: String,
    /// The exact line, so that a person can repeat it.
    pub command: String,
    pub summary: String,
    /// `pending`, `running`, `done`, `failed`, `skipped` or `in doubt`.
    pub state: String,
    pub why: String,
    pub seconds: Option<f64>,
    pub output: String,
    /// Where the host keeps what was there before; empty if the step keeps nothing.
    pub backup: String,
}

pub(crate) fn tell(case: &Case, treatment: &Remediation, fault: Option<&Fault>) -> RemediationView {
    let (result, why) = match &treatment.phase {
        Phase::Applying => ("applying", String::new()),
        Phase::Verifying(_) => ("verifying", String::new()),
        Phase::RollingBack { why } => ("undoing", why.clone()),
        Phase::Finished { result, .. } => match result {
            RemediationResult::Fixed => ("mended", String::new()),
            RemediationResult::NotFixed { why } => ("not-fixed", why.clone()),
            RemediationResult::RollbackFailed { why } => ("undo-failed", why.clone()),
            RemediationResult::InDoubt { why, .. } => ("in-doubt", why.clone()),
        },
    };
    // The first undo that fails is the last that is tried; a person has the others to do, too.
    let is_left = |index: usize| {
        result == "undo-failed"
            && treatment.plan.steps[index].rollback.is_some()
            && matches!(treatment.steps[index].state, ChangeState::Done | ChangeState::Failed(_))
    };
    let step = |(index, track): (usize, &StepState), undo: bool| {
        let planned = &treatment.plan.steps[index];
        let command = if undo { planned.rollback.as_ref() } else { planned.command.as_ref().ok() };
        let (state, mut why) = describe(&track.state);
        let spec = fault.filter(|_| !undo).and_then(|fault| fault.remediation.get(index));
        if spec.is_some_and(|spec| track.did_nothing(spec)) {
            why = "there was nothing to change".into();
        }
        StepView {
            name: planned.name.clone(),
            host: planned.host.to_string(),
            command: command.map(Command::line).unwrap_or_default(),
            summary: command.map(Command::summary).unwrap_or_default(),
            state: state.into(),
            why,
            seconds: track.observation.as_ref().map(|o| seconds(o.took_ms)),
            output: track.observation.as_ref().map(|o| o.last_line().to_owned()).unwrap_or_default(),
            backup: planned.backup.clone().unwrap_or_default(),
        }
    };
    RemediationView {
        title: fault.map_or(treatment.plan.playbook.to_string(), |fault| fault.title.clone()),
        summary: fault.map(|fault| summary_of(case, fault)).unwrap_or_default(),
        result: result.into(),
        why,
        until: fault.and_then(|fault| verified_by(treatment, fault)).map(format_minute).unwrap_or_default(),
        steps: treatment.steps.iter().enumerate().map(|track| step(track, false)).collect(),
        rollbacks: treatment
            .rollbacks
            .iter()
            .enumerate()
            .filter(|(index, track)| track.state != ChangeState::Pending || is_left(*index))
            .map(|track| step(track, true))
            .collect(),
        proof: treatment.proof.iter().flatten().cloned().collect(),
    }
}

/// When the last condition of a verification must have come true.
fn verified_by(treatment: &Remediation, fault: &Fault) -> Option<DateTime<Utc>> {
    let Phase::Verifying(progress) = &treatment.phase else { return None };
    let latest = fault.verify.iter().map(|check| check.timeout + check.hold_for).max()?;
    Some(progress.since + latest)
}

fn describe(state: &ChangeState) -> (&'static str, String) {
    match state {
        ChangeState::Pending => ("pending", String::new()),
        ChangeState::Started => ("running", String::new()),
        ChangeState::NotStarted(why) => ("not started", why.clone()),
        ChangeState::InDoubt(why) => ("in doubt", why.clone()),
        ChangeState::Done => ("done", String::new()),
        ChangeState::Failed(why) => ("failed", why.clone()),
        ChangeState::Skipped(why) => ("skipped", why.clone()),
    }
}

/// What this case's first finding of a fault said; empty if it never found it.
pub(crate) fn summary_of(case: &Case, fault: &Fault) -> String {
    let findings = case.diagnoses.iter().flat_map(|diagnosis| &diagnosis.findings);
    let mut of_fault = findings.filter(|finding| finding.playbook == fault.name);
    of_fault.next().map_or_else(String::new, |finding| finding.summary.clone())
}
