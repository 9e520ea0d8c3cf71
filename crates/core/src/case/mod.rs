//! A case: the fold of its events. Live running and recovery use the same fold, so there is no second
//! path for a restart.

pub mod dispute;
pub mod event;
pub mod outcome;
pub mod payload;
pub mod published;
pub mod publishing;
pub mod record;
pub mod signal;
pub mod upcast;

pub use crate::case::publishing::{PublishFailure, Publishing};

use crate::case::dispute::CloseDispute;
use crate::case::event::{CaseId, ChangeId, Direction, Event, EventKind, ProbeReason, Source};
use crate::case::outcome::Outcome;
use crate::case::record::Record;
use crate::case::signal::{QueuedSignal, Signal, SignalKind};
use crate::chatops::scope::CaseScope;
use crate::diagnosis::diagnose::Diagnosis;
use crate::diagnosis::evidence::{Evidence, Observation};
use crate::diagnosis::plan::Plan;
use crate::diagnosis::verify;
use crate::ids::{HostName, PlaybookName, ProbeName};
use crate::playbook::LibraryHash;
use crate::policy::limits::Deferral;
use crate::policy::permit::{Approval, Pause};
use crate::text::redact::Redacted;
use crate::ticket::triage::Triage;
use crate::ticket::{Ticket, TicketId, TicketState};
use crate::view::report::{Proof, proof};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// The durable work on one ticket, as its journal tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub id: CaseId,
    pub ticket: Ticket,
    pub source: Source,
    pub library: LibraryHash,
    pub opened_at: DateTime<Utc>,
    pub stage: Stage,
    pub triage: Option<Triage>,
    /// The newest sight of every probe.
    pub evidence: Evidence,
    /// Probes whose sights are newer than the last change.
    pub current_probes: BTreeSet<ProbeName>,
    /// What the last look was for.
    pub probed_for: Option<ProbeReason>,
    /// The first diagnosis is what was found; the last is how it stands.
    pub diagnoses: Vec<Diagnosis>,
    pub leased_hosts: BTreeSet<HostName>,
    /// The issue was seen to be still open since the last diagnosis.
    pub ticket_confirmed_open: bool,
    /// The halt under which it waits.
    pub paused: Option<Pause>,
    /// A halt to this case alone.
    pub ticket_pause: Option<Pause>,
    /// The keys of the words that were read.
    pub processed_signals: BTreeSet<String>,
    /// The plan that waits for a person's yes.
    pub pending_approval: Option<PendingApproval>,
    /// How many plans people were asked about.
    pub approval_requests: usize,
    /// The newest yes.
    pub approval: Option<Approval>,
    /// A fault of this case that was mended before, and how often within the last days.
    pub recurrence: Option<Recurrence>,
    /// Who says that an earlier case should not have closed this ticket.
    pub dispute: Option<CloseDispute>,
    /// Another case about the same fault.
    pub related: Option<RelatedCase>,
    /// Who said no to the plan.
    pub denied_by: Option<String>,
    /// Who called the case off.
    pub cancelled_by: Option<String>,
    /// Nothing is begun before then.
    pub deferral: Option<Deferral>,
    /// Since when it waits for its budgets.
    pub deferred_at: Option<DateTime<Utc>>,
    pub remediations: Vec<Remediation>,
    pub outcome: Option<Outcome>,
    pub publishing: Publishing,
    pub timings: Timings,
    /// The sequence number of the next record.
    pub next_seq: u64,
    pub updated_at: DateTime<Utc>,
}

/// Where a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Opened,
    /// A look at everything is due.
    Probing,
    Probed,
    Diagnosed,
    Remediating,
    /// The outcome is known and has to be told.
    Decided,
    Ended,
}

/// Why a case does not go on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// A person may say yes until then.
    Approval(DateTime<Utc>),
    /// A budget is free again then.
    Deferred(DateTime<Utc>),
    /// Another case treats the same fault.
    Related,
    /// A person has called a halt.
    Paused,
}

/// Another case about the same fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelatedCase {
    pub case: CaseId,
    pub ticket: TicketId,
    pub playbook: PlaybookName,
    pub since: DateTime<Utc>,
    /// Nothing was seen yet since it came to its end.
    pub is_awaited: bool,
}

/// A fault that comes back after it was mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurrence {
    pub playbook: PlaybookName,
    pub hosts: BTreeSet<HostName>,
    pub count: usize,
}

/// A plan that waits for a person's yes.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingApproval {
    pub plan: Plan,
    /// An answer after this moment is too late.
    pub until: DateTime<Utc>,
}

/// One playbook's remedy at work.
#[derive(Debug, Clone, PartialEq)]
pub struct Remediation {
    pub plan: Plan,
    pub started_at: DateTime<Utc>,
    pub phase: Phase,
    pub steps: Vec<StepState>,
    pub rollbacks: Vec<StepState>,
    /// What held when the verification passed.
    pub proof: Option<Vec<Proof>>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    Applying,
    Verifying(verify::Progress),
    RollingBack { why: String },
    Finished { result: RemediationResult, at: DateTime<Utc> },
}

/// How a treatment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemediationResult {
    /// Mended, and proven.
    Fixed,
    NotFixed {
        why: String,
    },
    RollbackFailed {
        why: String,
    },
    InDoubt {
        why: String,
        change: ChangeId,
    },
}

/// What is known of one change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepState {
    pub state: ChangeState,
    /// How often the host was, or may have been, asked.
    pub attempts: u32,
    /// How often it could not be asked.
    pub failed_starts: u32,
    /// One of the attempts was told to stop and may go on: another could meet it.
    pub may_still_run: bool,
    pub observation: Option<Observation>,
    pub at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ChangeState {
    #[default]
    Pending,
    /// Intent is recorded, the result is not. Whoever reads this in a journal does not know if it ran.
    Started,
    NotStarted(String),
    InDoubt(String),
    Done,
    Failed(String),
    Skipped(String),
}

/// Where the time went, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Timings {
    /// Opening connections to hosts.
    pub connect: u64,
    /// Looks before the verification, connections not counted.
    pub probes: u64,
    /// Changes.
    pub changes: u64,
    /// From the last change to the proof, waiting included.
    pub verification: u64,
    /// Calls to the forge.
    pub forge: u64,
}

impl StepState {
    /// Nothing more is done about it.
    fn is_settled(&self) -> bool {
        matches!(self.state, ChangeState::Done | ChangeState::Failed(_) | ChangeState::Skipped(_))
    }
}

/// A journal that this program did not write, or one that was damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJournal {
    #[error("case {0} has no records")]
    Empty(CaseId),
    #[error("case {case}: the first record is `{kind}`, not `opened`")]
    NotOpened { case: CaseId, kind: EventKind },
    #[error("case {case}: record {seq} stands where {expected} should")]
    Gap { case: CaseId, seq: u64, expected: u64 },
    #[error("case {case}: record {seq} (`{kind}`) cannot follow what was before it")]
    Illegal { case: CaseId, seq: u64, kind: EventKind },
}

impl Case {
    /// Folds a whole journal.
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
            triage: None,
            evidence: Evidence::default(),
            current_probes: BTreeSet::new(),
            probed_for: None,
            diagnoses: Vec::new(),
            leased_hosts: BTreeSet::new(),
            ticket_confirmed_open: false,
            paused: None,
            ticket_pause: None,
            processed_signals: BTreeSet::new(),
            pending_approval: None,
            approval_requests: 0,
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

    fn step(&mut self, event: &Event, at: DateTime<Utc>) -> Option<()> {
        match event {
            Event::Opened { .. } => return None,
            Event::Triaged(triage) => {
                self.triage = Some(triage.clone());
                self.stage = Stage::Probing;
            }
            Event::Probed { reason, evidence } => self.apply_probes(*reason, evidence),
            Event::Diagnosed(diagnosis) => {
                self.diagnoses.push(diagnosis.clone());
                self.stage = Stage::Diagnosed;
            }
            Event::HostsLeased { hosts, waited } => {
                self.leased_hosts.extend(hosts.iter().cloned());
                if *waited {
                    self.stage = Stage::Probing;
                }
            }
            Event::Paused(pause) => {
                self.paused = Some(pause.clone());
                // In the middle of a remedy its hosts stay its own.
                if self.stage != Stage::Remediating {
                    self.leased_hosts.clear();
                }
            }
            Event::Resumed => {
                self.paused = None;
                self.current_probes.clear();
                self.probed_for = None;
                if self.stage == Stage::Diagnosed {
                    self.stage = Stage::Probing;
                }
            }
            Event::ApprovalRequested { plan, until } => {
                self.pending_approval = Some(PendingApproval { plan: plan.clone(), until: *until });
                self.approval = None;
                self.approval_requests += 1;
                self.leased_hosts.clear();
            }
            Event::Deferred(delay) => {
                self.deferral = Some(delay.clone());
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
            Event::CloseDisputed(objection) => self.dispute = Some(objection.clone()),
            Event::SignalReceived(posted) => self.apply_signal(posted),
            Event::RemediationStarted(plan) => {
                self.deferred_at = None;
                let tracks = vec![StepState::default(); plan.steps.len()];
                self.remediations.push(Remediation {
                    plan: plan.clone(),
                    started_at: at,
                    phase: Phase::Applying,
                    steps: tracks.clone(),
                    rollbacks: tracks,
                    proof: None,
                });
                self.stage = Stage::Remediating;
            }
            Event::ChangeStarted { change, .. } => {
                let track = self.step_state(*change)?;
                track.state = ChangeState::Started;
                track.attempts += 1;
                track.at = Some(at);
                // From here on nothing that was seen is known to be still so.
                self.current_probes.clear();
            }
            Event::ChangeEnded { change, observation, success } => {
                let track = self.step_state(*change)?;
                track.state = if *success {
                    ChangeState::Done
                } else {
                    ChangeState::Failed(format!("{}: {}", observation.exit, observation.last_line()))
                };
                track.observation = Some(observation.clone());
                self.timings.changes += observation.took_ms;
            }
            Event::ChangeNotStarted { change, why } => {
                let track = self.step_state(*change)?;
                // The attempt that was written down was none. An earlier one may have been made, though,
                // and that doubt stays.
                track.attempts = track.attempts.saturating_sub(1);
                track.failed_starts += 1;
                track.at = Some(at);
                track.state = match track.attempts {
                    0 => ChangeState::NotStarted(why.to_string()),
                    _ => ChangeState::InDoubt(why.to_string()),
                };
            }
            Event::ChangeBlocked { change, why } => {
                let track = self.step_state(*change)?;
                track.failed_starts += 1;
                track.at = Some(at);
                track.state = match &track.state {
                    ChangeState::Pending | ChangeState::NotStarted(_) => {
                        ChangeState::NotStarted(why.to_string())
                    }
                    doubt => doubt.clone(),
                };
            }
            Event::Rechecked { open } => {
                self.ticket_confirmed_open = true;
                self.publishing.failure = None;
                if !open {
                    self.ticket.state = TicketState::Closed;
                }
            }
            Event::ChangeInDoubt { change, why, may_still_run } => {
                let track = self.step_state(*change)?;
                track.state = ChangeState::InDoubt(why.to_string());
                track.may_still_run |= may_still_run;
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
            Event::ConditionsChecked { truths } => {
                let seen_at = self.evidence.at;
                let Phase::Verifying(progress) = &mut self.remediation()?.phase else { return None };
                progress.record(truths, seen_at);
                self.probed_for = None;
            }
            Event::VerificationPassed { conditions } => {
                self.count_verification(at);
                let treatment = self.remediation()?;
                let Phase::Verifying(progress) = &treatment.phase else { return None };
                treatment.proof = Some(proof(conditions, &progress.streaks, progress.probed_at));
                self.end_remediation(RemediationResult::Fixed, at)?;
                self.stage = Stage::Probing;
            }
            Event::VerificationFailed { why } | Event::RemediationFailed { why } => {
                self.count_verification(at);
                self.remediation()?.phase = Phase::RollingBack { why: why.clone() };
            }
            Event::RolledBack { clean } => {
                let Phase::RollingBack { why } = &self.remediation()?.phase else { return None };
                let why = why.clone();
                let result = if *clean {
                    RemediationResult::NotFixed { why }
                } else {
                    RemediationResult::RollbackFailed { why }
                };
                self.end_remediation(result, at)?;
            }
            Event::OutcomeDecided(outcome) => {
                self.outcome = Some(outcome.clone());
                self.stage = Stage::Decided;
            }
            Event::Published { what, took_ms } => {
                self.published(what, at);
                self.timings.forge += took_ms;
            }
            Event::PublishFailed { publication, lasting, .. } => {
                self.publish_failed(*publication, *lasting, at)
            }
            Event::Ended => self.stage = Stage::Ended,
        }
        Some(())
    }

    /// What the next treatment's steps call the places of what they keep.
    pub fn backup_name(&self) -> String {
        format!("{}-{}", self.id, self.remediations.len())
    }

    fn apply_probes(&mut self, purpose: ProbeReason, evidence: &Evidence) {
        self.current_probes.extend(evidence.probes.keys().cloned());
        self.probed_for = Some(purpose);
        self.timings.connect += evidence.connect_ms;
        if purpose != ProbeReason::Verify {
            self.timings.probes += evidence.took_ms.saturating_sub(evidence.connect_ms);
        }
        if purpose == ProbeReason::Diagnose {
            self.evidence = evidence.clone();
            self.ticket_confirmed_open = false;
            self.deferral = None;
            if let Some(kin) = &mut self.related {
                kin.is_awaited = false;
            }
            self.stage = Stage::Probed;
        } else {
            self.evidence.update(evidence.clone());
        }
    }

    /// Takes in what a person said. What does not fit changes nothing.
    fn apply_signal(&mut self, QueuedSignal { key, signal: word }: &QueuedSignal) {
        self.processed_signals.insert(key.clone());
        let Signal { by, at, kind: says } = word;
        match says {
            SignalKind::Approve { plan } => {
                let Some(asked) =
                    self.pending_approval.take_if(|asked| asked.plan.matches_id(plan) && *at <= asked.until)
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
                let why = Redacted::constant("asked for in this ticket");
                self.ticket_pause = Some(Pause { by: by.clone(), at: *at, why });
            }
            SignalKind::Resume => self.ticket_pause = None,
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
        let treatment = self.remediations.get_mut(change.remediation)?;
        match change.direction {
            Direction::Forward => treatment.steps.get_mut(change.step),
            Direction::Rollback => treatment.rollbacks.get_mut(change.step),
        }
    }

    /// What it waits for while nobody works on it.
    pub fn waiting(&self) -> Option<Waiting> {
        if self.stage != Stage::Diagnosed {
            return None;
        }
        let asked = self.pending_approval.as_ref().map(|asked| Waiting::Approval(asked.until));
        if self.pending_related().is_some() {
            return Some(Waiting::Related);
        }
        let delayed = self.deferral.as_ref().map(|delay| Waiting::Deferred(delay.until));
        asked.or(delayed).or(self.paused.as_ref().map(|_| Waiting::Paused))
    }

    /// What it was opened for.
    pub fn scope(&self) -> &CaseScope {
        const TREAT: &CaseScope = &CaseScope::FullTicket;
        match &self.source {
            Source::Command { scope, .. } => scope,
            _ => TREAT,
        }
    }

    /// The issue is closed with the outcome. What a person ordered beside the ticket closes it only if
    /// that accounts for the ticket.
    pub fn closes(&self) -> bool {
        match (self.scope(), &self.outcome) {
            (_, None) => false,
            (CaseScope::FullTicket, Some(outcome)) => outcome.closes(),
            (_, Some(outcome)) => *outcome == Outcome::Resolved,
        }
    }

    /// The newest diagnosis.
    pub fn diagnosis(&self) -> Option<&Diagnosis> {
        self.diagnoses.last()
    }

    /// How often a host was asked to change something in this case.
    pub fn changes_made(&self) -> usize {
        let tracks = self.remediations.iter().flat_map(|t| t.steps.iter().chain(&t.rollbacks));
        tracks.map(|track| track.attempts as usize).sum()
    }
}
