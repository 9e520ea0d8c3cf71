//! The fold: one event after another becomes a case. Live running and recovery use the same code.

use crate::case::event::{Event, EventKind, ProbeReason};
use crate::case::inquiry::{Inquiry, InquiryAnswer, InquiryPurpose, ReporterAnswer};
use crate::case::published::Publication;
use crate::case::publishing::Publishing;
use crate::case::record::Record;
use crate::case::signal::{QueuedSignal, Signal, SignalKind};
use crate::case::{
    Case, ChangeState, PendingApproval, Phase, Recurrence, RelatedCase, Remediation, RemediationResult,
    Stage, StepState, Timings,
};
use crate::diagnosis::evidence::{Evidence, Observation};
use crate::diagnosis::plan::Plan;
use crate::diagnosis::verify;
use crate::diagnosis::verify::proof;
use crate::expr::Truth;
use crate::ids::{CaseId, ChangeId, Direction};
use crate::policy::consent::{Approval, Pause};
use crate::text::redact::Redacted;
use crate::ticket::TicketState;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// A journal that this program did not write, or one that was damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJournal {
    /// There are no records.
    #[error("case {0} has no records")]
    Empty(CaseId),
    /// The first record is of another kind than `opened`.
    #[error("case {case}: the first record is `{kind}`, not `opened`")]
    NotOpened {
        /// The case.
        case: CaseId,
        /// The kind of the first record.
        kind: EventKind,
    },
    /// The number of a record is not that of the one before plus 1.
    #[error("case {case}: record {seq} stands where {expected} should")]
    Gap {
        /// The case.
        case: CaseId,
        /// The number that the record has.
        seq: u64,
        /// The number that it should have.
        expected: u64,
    },
    /// The event does not fit what was before it.
    #[error("case {case}: record {seq} (`{kind}`) cannot follow what was before it")]
    Illegal {
        /// The case.
        case: CaseId,
        /// The number of the record.
        seq: u64,
        /// The kind of its event.
        kind: EventKind,
    },
}

impl InvalidJournal {
    /// Trying again cannot help; a journal's records never change.
    pub fn is_permanent(&self) -> bool {
        true
    }
}

impl Case {
    /// Folds a whole journal.
    ///
    /// # Errors
    /// There are no records, the first is not `opened`, or [`Case::apply`] refuses a later one.
    pub fn fold(id: &CaseId, records: &[Record]) -> Result<Self, InvalidJournal> {
        let (first, rest) = records.split_first().ok_or_else(|| InvalidJournal::Empty(id.clone()))?;
        let Event::Opened { ticket, source, library } = &first.event else {
            return Err(InvalidJournal::NotOpened { case: id.clone(), kind: first.event.kind() });
        };
        let mut case = Case {
            id: id.clone(),
            ticket: ticket.clone(),
            source: source.clone(),
            library: library.clone(),
            opened_at: first.at,
            stage: Stage::Opened,
            reading: None,
            triage: None,
            evidence: Evidence::default(),
            current_probes: BTreeSet::new(),
            probed_for: None,
            diagnosis_probes: 0,
            diagnoses: Vec::new(),
            leased_hosts: BTreeSet::new(),
            ticket_confirmed_open: false,
            paused: None,
            ticket_pause: None,
            processed_signals: BTreeSet::new(),
            pending_approval: None,
            approval_requests: 0,
            inquiry: None,
            approval: None,
            recurrence: None,
            dispute: None,
            related: None,
            denied_by: None,
            cancelled_by: None,
            deferral: None,
            deferred_at: None,
            remediations: Vec::new(),
            outcome: None,
            publishing: Publishing::default(),
            timings: Timings::default(),
            next_seq: first.seq + 1,
            updated_at: first.at,
        };
        for record in rest {
            case.apply(record)?;
        }
        Ok(case)
    }

    /// Takes in the next record.
    ///
    /// # Errors
    /// The record does not have the next number, or its event cannot follow what was before it.
    pub fn apply(&mut self, record: &Record) -> Result<(), InvalidJournal> {
        if record.seq != self.next_seq {
            return Err(InvalidJournal::Gap {
                case: self.id.clone(),
                seq: record.seq,
                expected: self.next_seq,
            });
        }
        self.step(&record.event, record.at).ok_or_else(|| InvalidJournal::Illegal {
            case: self.id.clone(),
            seq: record.seq,
            kind: record.event.kind(),
        })?;
        self.next_seq += 1;
        self.updated_at = record.at;
        Ok(())
    }

    /// What an event means for the case; `None` if it cannot follow what was before it.
    fn step(&mut self, event: &Event, at: DateTime<Utc>) -> Option<()> {
        match event {
            Event::Opened { .. } => return None,
            Event::TicketRead(reading) => self.reading = Some(reading.clone()),
            Event::Triaged(triage) => {
                self.triage = Some(triage.clone());
                self.stage = Stage::Probing;
            }
            Event::Probed { reason, evidence, unchanged } => {
                // Records are expanded when they are read.
                if !unchanged.is_empty() {
                    return None;
                }
                self.apply_probes(*reason, evidence);
            }
            Event::Diagnosed(diagnosis) => {
                self.diagnoses.push(diagnosis.clone());
                self.diagnosis_probes = 0;
                self.stage = Stage::Diagnosed;
            }
            Event::HostsLeased { hosts, waited } => {
                self.leased_hosts.extend(hosts.iter().cloned());
                if *waited {
                    self.stage = Stage::Probing;
                }
            }
            Event::Rechecked { open } => self.apply_recheck(*open),
            Event::Paused(pause) => self.apply_pause(pause),
            Event::Resumed => self.apply_resume(),
            Event::ApprovalRequested { plan, until } => self.apply_approval_request(plan, *until, at),
            Event::ReporterAsked { purpose, remind_at, until } => {
                self.apply_inquiry(*purpose, *remind_at, *until, at);
            }
            Event::Deferred(deferral) => {
                self.deferral = Some(deferral.clone());
                self.deferred_at.get_or_insert(at);
                self.leased_hosts.clear();
            }
            Event::RecurrenceDetected { playbook, hosts, count } => {
                let (playbook, hosts) = (playbook.clone(), hosts.clone());
                self.recurrence = Some(Recurrence { playbook, hosts, count: *count });
            }
            Event::Linked { case, ticket, playbook } => {
                let (case, ticket, playbook) = (case.clone(), ticket.clone(), playbook.clone());
                self.related = Some(RelatedCase { case, ticket, playbook, since: at, is_awaited: true });
                self.leased_hosts.clear();
            }
            Event::CloseDisputed(dispute) => self.dispute = Some(dispute.clone()),
            Event::SignalReceived(signal) => self.apply_signal(signal),
            Event::RemediationStarted(plan) => self.apply_start(plan, at),
            Event::ChangeStarted { change, .. } => self.apply_change_started(*change, at)?,
            Event::ChangeEnded { change, observation, success } => {
                self.apply_change_ended(*change, observation, *success)?;
            }
            Event::ChangeNotStarted { change, why } => self.apply_not_started(*change, why, at)?,
            Event::ChangeBlocked { change, why } => self.apply_blocked(*change, why, at)?,
            Event::ChangeInDoubt { change, why, may_still_run } => {
                let step = self.step_state(*change)?;
                step.state = ChangeState::InDoubt(why.to_string());
                step.may_still_run |= may_still_run;
            }
            Event::ChangeSkipped { change, why } => {
                self.step_state(*change)?.state = ChangeState::Skipped(why.clone());
            }
            Event::ChangeConfirmed { change } => self.step_state(*change)?.state = ChangeState::Done,
            Event::ChangeAbandoned { change, why } => {
                self.end_remediation(RemediationResult::InDoubt { why: why.clone(), change: *change }, at)?;
            }
            Event::StepsCompleted => {
                self.remediation()?.phase = Phase::Verifying(verify::Progress::start(at));
            }
            Event::ConditionsChecked { truths } => self.apply_conditions(truths)?,
            Event::VerificationPassed { conditions } => self.apply_verified(conditions, at)?,
            Event::VerificationFailed { why } | Event::RemediationFailed { why } => {
                self.count_verification(at);
                self.remediation()?.phase = Phase::RollingBack { why: why.clone() };
            }
            Event::RolledBack { clean } => self.apply_rolled_back(*clean, at)?,
            Event::OutcomeDecided(outcome) => {
                self.outcome = Some(outcome.clone());
                self.stage = Stage::Decided;
            }
            Event::Published { what, took_ms } => {
                self.publishing.published(what, at);
                self.timings.forge += took_ms;
            }
            Event::PublishFailed { publication, lasting, .. } => {
                self.apply_publish_failure(*publication, *lasting, at);
            }
            Event::Ended => self.stage = Stage::Ended,
        }
        Some(())
    }

    fn apply_recheck(&mut self, open: bool) {
        self.ticket_confirmed_open = true;
        self.publishing.failure = None;
        if !open {
            self.ticket.state = TicketState::Closed;
        }
    }

    fn apply_pause(&mut self, pause: &Pause) {
        self.paused = Some(pause.clone());
        // In the middle of a remediation its hosts stay its own.
        if self.stage != Stage::Remediating {
            self.leased_hosts.clear();
        }
    }

    /// What was seen before a pause is stale after it.
    fn apply_resume(&mut self) {
        self.paused = None;
        self.current_probes.clear();
        self.probed_for = None;
        if self.stage == Stage::Diagnosed {
            self.stage = Stage::Probing;
        }
    }

    fn apply_approval_request(&mut self, plan: &Plan, until: DateTime<Utc>, asked_at: DateTime<Utc>) {
        self.pending_approval = Some(PendingApproval { plan: plan.clone(), asked_at, until });
        self.approval = None;
        self.approval_requests += 1;
        self.leased_hosts.clear();
    }

    fn apply_inquiry(
        &mut self,
        purpose: InquiryPurpose,
        remind_at: DateTime<Utc>,
        until: DateTime<Utc>,
        asked_at: DateTime<Utc>,
    ) {
        self.inquiry = Some(Inquiry { purpose, asked_at, remind_at, until, answer: None });
        self.publishing.inquired = false;
        self.publishing.inquiry_reminded = false;
        self.publishing.refused_inquiry = false;
        self.leased_hosts.clear();
    }

    /// What the reporter answers. Much may have changed since the question, so everything is probed again.
    fn apply_answer(&mut self, by: &str, at: DateTime<Utc>, says: ReporterAnswer) {
        if self.stage != Stage::Diagnosed {
            return;
        }
        let Some(inquiry) = self.inquiry.as_mut().filter(|inquiry| inquiry.is_answered_at(at)) else {
            return;
        };
        // Whether it works now is answered by yes or no; anything else is no answer.
        if inquiry.purpose == InquiryPurpose::ConfirmFix && says == ReporterAnswer::Details {
            return;
        }
        inquiry.answer = Some(InquiryAnswer { by: by.to_owned(), says });
        self.stage = Stage::Probing;
    }

    fn apply_start(&mut self, plan: &Plan, at: DateTime<Utc>) {
        self.deferred_at = None;
        let steps = vec![StepState::default(); plan.steps.len()];
        self.remediations.push(Remediation {
            plan: plan.clone(),
            started_at: at,
            phase: Phase::Applying,
            steps: steps.clone(),
            rollbacks: steps,
            proof: None,
        });
        self.stage = Stage::Remediating;
    }

    fn apply_change_started(&mut self, change: ChangeId, at: DateTime<Utc>) -> Option<()> {
        let step = self.step_state(change)?;
        step.state = ChangeState::Started;
        step.attempts += 1;
        step.at = Some(at);
        // From here on nothing that was seen is known to be still so.
        self.current_probes.clear();
        Some(())
    }

    fn apply_change_ended(&mut self, change: ChangeId, seen: &Observation, success: bool) -> Option<()> {
        let step = self.step_state(change)?;
        step.state = if success {
            ChangeState::Done
        } else {
            ChangeState::Failed(format!("{}: {}", seen.exit, seen.last_line()))
        };
        step.observation = Some(seen.clone());
        self.timings.changes += seen.took_ms;
        Some(())
    }

    /// The attempt that was written down was none. An earlier one may have been made, though, and that
    /// doubt stays.
    fn apply_not_started(&mut self, change: ChangeId, why: &Redacted, at: DateTime<Utc>) -> Option<()> {
        let step = self.step_state(change)?;
        step.attempts = step.attempts.saturating_sub(1);
        step.failed_starts += 1;
        step.at = Some(at);
        step.state = match step.attempts {
            0 => ChangeState::NotStarted(why.to_string()),
            _ => ChangeState::InDoubt(why.to_string()),
        };
        Some(())
    }

    fn apply_blocked(&mut self, change: ChangeId, why: &Redacted, at: DateTime<Utc>) -> Option<()> {
        let step = self.step_state(change)?;
        step.failed_starts += 1;
        step.at = Some(at);
        step.state = match &step.state {
            ChangeState::Pending | ChangeState::NotStarted(_) => ChangeState::NotStarted(why.to_string()),
            doubt => doubt.clone(),
        };
        Some(())
    }

    fn apply_conditions(&mut self, truths: &[Truth]) -> Option<()> {
        let probed_at = self.evidence.at;
        let Phase::Verifying(progress) = &mut self.remediation()?.phase else { return None };
        progress.record(truths, probed_at);
        self.probed_for = None;
        Some(())
    }

    fn apply_verified(&mut self, conditions: &[String], at: DateTime<Utc>) -> Option<()> {
        self.count_verification(at);
        let remediation = self.remediation()?;
        let Phase::Verifying(progress) = &remediation.phase else { return None };
        remediation.proof = Some(proof(conditions, &progress.streaks, progress.probed_at));
        self.end_remediation(RemediationResult::Fixed, at)?;
        self.stage = Stage::Probing;
        Some(())
    }

    fn apply_rolled_back(&mut self, clean: bool, at: DateTime<Utc>) -> Option<()> {
        let Phase::RollingBack { why } = &self.remediation()?.phase else { return None };
        let why = why.clone();
        let result = if clean {
            RemediationResult::NotFixed { why }
        } else {
            RemediationResult::RollbackFailed { why }
        };
        self.end_remediation(result, at)
    }

    /// What the forge will never take counts as published, so that the case can end; the journal says why.
    /// A status or a label is not worth waiting for.
    fn apply_publish_failure(&mut self, publication: Publication, lasting: bool, at: DateTime<Utc>) {
        // While the case is at work the next stage brings the next chance; its last word is waited for.
        let passing =
            matches!(publication, Publication::Status | Publication::Label) && self.outcome.is_none();
        if !lasting && !passing {
            self.publishing.failed(publication, at);
            return;
        }
        self.publishing.given_up(&self.due(publication), at);
    }

    fn apply_probes(&mut self, reason: ProbeReason, evidence: &Evidence) {
        self.current_probes.extend(evidence.probes.keys().cloned());
        self.probed_for = Some(reason);
        self.timings.connect += evidence.connect_ms;
        if reason != ProbeReason::Verify {
            self.timings.probes += evidence.took_ms.saturating_sub(evidence.connect_ms);
        }
        if reason == ProbeReason::Diagnose {
            self.evidence = evidence.clone();
            self.diagnosis_probes += 1;
            self.ticket_confirmed_open = false;
            self.deferral = None;
            if let Some(related) = &mut self.related {
                related.is_awaited = false;
            }
            self.stage = Stage::Probed;
        } else {
            self.evidence.update(evidence.clone());
        }
    }

    /// What does not fit the state of the case changes nothing.
    fn apply_signal(&mut self, QueuedSignal { key, signal }: &QueuedSignal) {
        self.processed_signals.insert(key.clone());
        let Signal { by, at, kind } = signal;
        match kind {
            SignalKind::Approve { plan } => {
                let Some(asked) = self
                    .pending_approval
                    .take_if(|asked| asked.plan.is_named_by(plan) && asked.is_answered_at(*at))
                else {
                    return;
                };
                self.approval = Some(Approval { plan: asked.plan.hash, by: by.clone() });
                // Much may have changed since the question; the answer holds if the plan is still the same.
                self.stage = Stage::Probing;
            }
            SignalKind::Deny if self.pending_approval.is_some() => self.denied_by = Some(by.clone()),
            SignalKind::Deny => {}
            SignalKind::Cancel => self.cancelled_by = Some(by.clone()),
            SignalKind::Pause => {
                let why = Redacted::constant("");
                self.ticket_pause = Some(Pause { by: by.clone(), at: *at, why });
            }
            SignalKind::Resume => self.ticket_pause = None,
            SignalKind::Answer(says) => self.apply_answer(by, *at, *says),
        }
    }

    fn count_verification(&mut self, at: DateTime<Utc>) {
        if let Some(Remediation { phase: Phase::Verifying(progress), .. }) = self.remediations.last() {
            self.timings.verification += u64::try_from((at - progress.since).num_milliseconds()).unwrap_or(0);
        }
    }

    fn end_remediation(&mut self, result: RemediationResult, at: DateTime<Utc>) -> Option<()> {
        self.remediation()?.phase = Phase::Finished { result, at };
        self.stage = Stage::Diagnosed;
        Some(())
    }

    fn remediation(&mut self) -> Option<&mut Remediation> {
        self.remediations.last_mut()
    }

    fn step_state(&mut self, change: ChangeId) -> Option<&mut StepState> {
        let remediation = self.remediations.get_mut(change.remediation)?;
        match change.direction {
            Direction::Forward => remediation.steps.get_mut(change.step),
            Direction::Rollback => remediation.rollbacks.get_mut(change.step),
        }
    }
}
