//! A running case in a few lines.

use crate::core::case::inquiry::InquiryPurpose;
use crate::core::case::{Case, Phase, Waiting};
use crate::core::ids::CaseId;
use crate::core::playbook::Library;
use crate::core::view::remediation::verified_by;
use crate::core::view::report::{ProposedStep, Report, report};
use crate::dashboard::words::web_address;
use crate::ports::CaseEntry;
use crate::render::Prompts;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The cards of the running cases, each with the head of the records that it was made from.
pub(super) type Cards = BTreeMap<CaseId, (String, Arc<CaseCard>)>;

/// A running case.
#[derive(Debug, Clone, Serialize)]
pub(super) struct CaseCard {
    pub id: String,
    /// `owner/name#12`.
    pub ticket: String,
    /// The page.
    pub url: Option<String>,
    pub title: String,
    pub system: Option<String>,
    /// Its phase in one word, as `Case::phase_key` has it.
    pub phase: &'static str,
    /// Which of the five stages of every case it is in: 0 read, 1 look, 2 decide, 3 change, 4 verify, 5 report.
    pub stage: u8,
    /// The newest record in words.
    pub newest: String,
    /// The limit that it waits for, in words.
    pub limit: Option<String>,
    /// The ticket of the case that it waits for.
    pub other: Option<String>,
    /// What the reporter is asked.
    pub asked: Option<InquiryPurpose>,
    /// The records cannot be read.
    pub is_unreadable: bool,
    pub approval: Option<ApprovalCard>,
    #[serde(skip)]
    pub opened_at: DateTime<Utc>,
    #[serde(skip)]
    pub updated_at: DateTime<Utc>,
    /// When its phase is over, at the latest.
    #[serde(skip)]
    pub until: Option<DateTime<Utc>>,
}

/// A plan that waits for a person's yes.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ApprovalCard {
    /// The beginning of the plan's hash.
    pub plan: String,
    /// The fault.
    pub title: String,
    /// The evidence for it in one sentence.
    pub summary: String,
    pub risk: &'static str,
    /// People were asked about another plan before.
    pub changed: bool,
    pub steps: Vec<ProposedStep>,
}

impl CaseCard {
    /// A case that can be read. `newest`: its newest record in words.
    pub(super) fn of(case: &Case, library: &Library, prompts: &Prompts, newest: String) -> Self {
        let report = report(case, library);
        let limit = report.deferral.as_ref();
        Self {
            id: case.id.to_string(),
            ticket: case.ticket.id.to_string(),
            url: web_address(&case.ticket.url),
            title: case.ticket.title.to_string(),
            system: report.system.clone(),
            phase: case.phase_key(),
            stage: stage(case),
            newest,
            limit: limit.map(|limit| prompts.line("limit", &limit.exceeded)),
            other: case.pending_related().map(|related| related.ticket.to_string()),
            asked: case.pending_inquiry().map(|inquiry| inquiry.purpose),
            is_unreadable: false,
            approval: approval(case, &report, library),
            opened_at: case.opened_at,
            updated_at: case.updated_at,
            until: until(case, library),
        }
    }

    /// A case whose records cannot be read.
    pub(super) fn unreadable(entry: &CaseEntry) -> Self {
        Self {
            id: entry.summary.id.to_string(),
            ticket: entry.summary.ticket.to_string(),
            url: None,
            title: entry.title.clone().unwrap_or_default(),
            system: entry.system.as_ref().map(ToString::to_string),
            phase: "unreadable",
            stage: 0,
            newest: String::new(),
            limit: None,
            other: None,
            asked: None,
            is_unreadable: true,
            approval: None,
            opened_at: entry.summary.opened_at,
            updated_at: entry.summary.updated_at,
            until: None,
        }
    }
}

fn approval(case: &Case, report: &Report, library: &Library) -> Option<ApprovalCard> {
    let question = report.question.as_ref()?;
    let asked = case.pending_approval.as_ref()?;
    let system = case.triage.as_ref().and_then(|triage| triage.system(library));
    let fault = system.as_deref().and_then(|system| system.fault(&asked.plan.playbook));
    let findings = case.diagnoses.iter().rev().flat_map(|diagnosis| &diagnosis.findings);
    let finding = findings.into_iter().find(|finding| finding.playbook == asked.plan.playbook);
    Some(ApprovalCard {
        plan: question.plan.clone(),
        title: fault.map_or_else(|| question.playbook.clone(), |fault| fault.title.clone()),
        summary: finding.map(|finding| finding.summary.clone()).unwrap_or_default(),
        risk: question.risk.as_str(),
        changed: question.changed,
        steps: question.steps.clone(),
    })
}

/// The stage of the picture that every case has.
fn stage(case: &Case) -> u8 {
    match case.phase_key() {
        "treating" | "undoing" => 3,
        "verifying" => 4,
        "ended" => 5,
        "looking" if case.triage.is_none() => 0,
        "looking" if case.diagnoses.is_empty() => 1,
        "looking" if !case.remediations.is_empty() => 4,
        _ => 2,
    }
}

/// When the phase is over, at the latest.
fn until(case: &Case, library: &Library) -> Option<DateTime<Utc>> {
    match case.waiting() {
        Some(Waiting::Approval(at) | Waiting::Deferred(at) | Waiting::Reporter(at)) => return Some(at),
        Some(Waiting::Related | Waiting::Paused) => return None,
        None => {}
    }
    let remediation = case.remediations.last()?;
    if !matches!(remediation.phase, Phase::Verifying(_)) {
        return None;
    }
    let system = case.triage.as_ref()?.system(library)?;
    verified_by(remediation, system.fault(&remediation.plan.playbook)?)
}
