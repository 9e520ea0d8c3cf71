//! A case: the fold of its events. Live running and recovery use the same fold, so there is no second
//! path for a restart.

pub mod apply;
pub mod detail;
pub mod dispute;
pub mod event;
pub mod inquiry;
pub mod outcome;
pub mod payload;
pub mod published;
pub mod publishing;
pub mod record;
pub mod repeated;
pub mod scheduled_run;
pub mod signal;
mod status;
pub mod upcast;

pub use crate::case::publishing::{PublishFailure, Publishing};

use crate::case::detail::{Detail, Doubt, Failure, SkipReason};
use crate::case::dispute::CloseDispute;
use crate::case::event::{ProbeReason, Source};
use crate::case::inquiry::{Inquiry, InquiryPurpose};
use crate::case::outcome::Outcome;
use crate::chatops::scope::CaseScope;
use crate::diagnosis::diagnose::Diagnosis;
use crate::diagnosis::evidence::{Evidence, Observation};
use crate::diagnosis::plan::Plan;
use crate::diagnosis::verify;
use crate::diagnosis::verify::Proof;
use crate::ids::{CaseId, ChangeId, HostName, LibraryHash, PlaybookName, ProbeName};
use crate::playbook::{Step, SystemType};
use crate::policy::confirmation::OnSilence;
use crate::policy::consent::{Approval, Pause};
use crate::policy::deferral::Deferral;
use crate::reading::{Besides, ReadSentence, Reading, besides, complains};
use crate::ticket::triage::Triage;
use crate::ticket::{Ticket, TicketId};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// The durable work on one ticket, as its journal tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The case's id, such as `c0123456789ab`.
    pub id: CaseId,
    /// The issue as it was when the case was opened. If it is found closed, locked or gone later, its state
    /// becomes closed.
    pub ticket: Ticket,
    /// How the ticket came in.
    pub source: Source,
    /// The playbooks that the case is pinned to.
    pub library: LibraryHash,
    /// The time of the first record.
    pub opened_at: DateTime<Utc>,
    /// The stage that the records so far lead to.
    pub stage: Stage,
    /// What a reader made of the words; `None` where nobody read them.
    pub reading: Option<Reading>,
    /// The result of triage; `None` until the ticket is triaged.
    pub triage: Option<Triage>,
    /// The newest sight of every probe.
    pub evidence: Evidence,
    /// Probes whose sights are newer than the last change.
    pub current_probes: BTreeSet<ProbeName>,
    /// What the last look was for.
    pub probed_for: Option<ProbeReason>,
    /// How often everything was looked at since the last diagnosis.
    pub diagnosis_probes: usize,
    /// The first diagnosis is what was found; the last is how it stands.
    pub diagnoses: Vec<Diagnosis>,
    /// The hosts and groups of hosts that the case leased, as its records say. A lease itself is in the
    /// store, and can have expired.
    pub leased_hosts: BTreeSet<HostName>,
    /// The issue was seen to be still open since the last diagnosis.
    pub ticket_confirmed_open: bool,
    /// The pause under which it waits.
    pub paused: Option<Pause>,
    /// A pause of this case alone.
    pub ticket_pause: Option<Pause>,
    /// The keys of the words that were read.
    pub processed_signals: BTreeSet<String>,
    /// The plan that waits for a person's yes.
    pub pending_approval: Option<PendingApproval>,
    /// How many plans people were asked about.
    pub approval_requests: usize,
    /// What the reporter is asked.
    pub inquiry: Option<Inquiry>,
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
    /// In the order of their start; only the last can be in progress.
    pub remediations: Vec<Remediation>,
    /// `None` until the outcome is decided.
    pub outcome: Option<Outcome>,
    /// What was published on the forge, and what failed last.
    pub publishing: Publishing,
    /// Where the time of the whole case went.
    pub timings: Timings,
    /// The sequence number of the next record.
    pub next_seq: u64,
    /// The time of the newest record.
    pub updated_at: DateTime<Utc>,
}

/// Where a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The ticket is not triaged yet.
    Opened,
    /// A look at everything is due.
    Probing,
    /// The probes of a diagnosis have run; their evidence is not diagnosed yet.
    Probed,
    /// A diagnosis is made, or a remediation has failed. The next fault or the outcome follows. Here a case
    /// waits for a person, a limit or another case; a pause can also interrupt a remediation.
    Diagnosed,
    /// The last remediation is applied, verified or rolled back.
    Remediating,
    /// The outcome is known and has to be told.
    Decided,
    /// Nothing is left to do; no record follows.
    Ended,
}

/// Why a case does not go on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// A person may say yes until then.
    Approval(DateTime<Utc>),
    /// A budget is free again then.
    Deferred(DateTime<Utc>),
    /// Another case fixes the same fault.
    Related,
    /// The reporter may answer until then.
    Reporter(DateTime<Utc>),
    /// A person has paused changes.
    Paused,
}

/// Another case about the same fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelatedCase {
    /// The other case.
    pub case: CaseId,
    /// The ticket of the other case.
    pub ticket: TicketId,
    /// The playbook of the fault.
    pub playbook: PlaybookName,
    /// When this case was linked to the other one.
    pub since: DateTime<Utc>,
    /// Nothing was seen yet since it came to its end.
    pub is_awaited: bool,
}

/// A fault that comes back after it was mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurrence {
    /// The playbook of the fault.
    pub playbook: PlaybookName,
    /// The hosts of the plan that was about to fix the fault again.
    pub hosts: BTreeSet<HostName>,
    /// How often the fault was fixed in the seven days before, without this time.
    pub count: usize,
}

/// A plan that waits for a person's yes.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingApproval {
    /// The plan that people are asked about.
    pub plan: Plan,
    /// An answer that was written before this moment was for another question.
    pub asked_at: DateTime<Utc>,
    /// An answer after this moment is too late.
    pub until: DateTime<Utc>,
}

impl PendingApproval {
    /// Whether an answer that was written at this moment can be for this question. GitHub's times are whole
    /// seconds.
    pub fn is_answered_at(&self, written_at: DateTime<Utc>) -> bool {
        written_at.timestamp() >= self.asked_at.timestamp() && written_at <= self.until
    }
}

/// One playbook's remedy at work.
#[derive(Debug, Clone, PartialEq)]
pub struct Remediation {
    /// The plan, fixed before the first change.
    pub plan: Plan,
    /// The time of the record that started it.
    pub started_at: DateTime<Utc>,
    /// The phase that the records so far lead to.
    pub phase: Phase,
    /// One state for each step of the plan, in its order.
    pub steps: Vec<StepState>,
    /// One state for the rollback of each step, in the same order. It stays `Pending` where nothing is rolled
    /// back.
    pub rollbacks: Vec<StepState>,
    /// What held when the verification passed.
    pub proof: Option<Vec<Proof>>,
}

/// The phase of a remediation.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// The steps are applied, one after another.
    Applying,
    /// All steps are settled, and the conditions are verified.
    Verifying(verify::Progress),
    /// The steps are rolled back, the last one first. `why` is what failed.
    RollingBack {
        /// Why the remediation failed.
        why: Failure,
    },
    /// The remediation has ended: how, and when.
    Finished {
        /// How it ended.
        result: RemediationResult,
        /// When it ended.
        at: DateTime<Utc>,
    },
}

/// How a remediation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemediationResult {
    /// Mended, and proven.
    Fixed,
    /// It failed. Every step that may have changed something and has a rollback was rolled back.
    NotFixed {
        /// Why the remediation failed.
        why: Failure,
    },
    /// It failed, and so did a rollback.
    RollbackFailed {
        /// Why the remediation failed, not why its rollback did.
        why: Failure,
    },
    /// A change may or may not have run, and is not tried again.
    InDoubt {
        /// Why nobody knows, and why it is not tried again.
        why: Doubt,
        /// The change in doubt.
        change: ChangeId,
    },
}

/// What is known of one change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StepState {
    /// The state that the records so far lead to.
    pub state: ChangeState,
    /// How often the host was, or may have been, asked.
    pub attempts: u32,
    /// How often it could not be asked.
    pub failed_starts: u32,
    /// One of the attempts was told to stop and may go on: another could meet it.
    pub may_still_run: bool,
    /// What the host returned last; `None` if no attempt has returned a result.
    pub observation: Option<Observation>,
    /// When the newest attempt was started, or could not be started; `None` before the first.
    pub at: Option<DateTime<Utc>>,
}

/// The state of one change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ChangeState {
    /// Not begun.
    #[default]
    Pending,
    /// Intent is recorded, the result is not. Whoever reads this in a journal does not know if it ran.
    Started,
    /// No attempt reached the host, so nothing was changed. The text is the reason.
    NotStarted(String),
    /// An attempt may or may not have run. The text is the reason.
    InDoubt(String),
    /// It succeeded, or the evidence says that it was made.
    Done,
    /// It ran without success. The text is how it ended and its last line: `exit 1: permission denied`.
    Failed(String),
    /// Not made, because it was not needed or could be left out.
    Skipped(SkipReason),
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
    /// It was made and there was nothing to change. Only a first attempt can tell: what another finds may
    /// be the work of the one before.
    pub fn did_nothing(&self, step: &Step) -> bool {
        let Some((condition, seen)) = step.did_nothing.as_ref().zip(self.observation.as_ref()) else {
            return false;
        };
        self.state == ChangeState::Done && self.attempts == 1 && condition.truth(&seen.scope()).is_true()
    }

    /// Nothing more is done about it.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.state, ChangeState::Done | ChangeState::Failed(_) | ChangeState::Skipped(_))
    }
}

impl Case {
    /// What the next remediation's steps call the places of what they keep.
    pub fn backup_name(&self) -> String {
        format!("{}-{}", self.id, self.remediations.len())
    }

    /// What it waits for while nobody works on it.
    pub fn waiting(&self) -> Option<Waiting> {
        if self.stage != Stage::Diagnosed {
            return None;
        }
        if let Some(inquiry) = self.pending_inquiry() {
            return Some(Waiting::Reporter(inquiry.until));
        }
        let asked = self.pending_approval.as_ref().map(|asked| Waiting::Approval(asked.until));
        if self.pending_related().is_some() {
            return Some(Waiting::Related);
        }
        let delayed = self.deferral.as_ref().map(|delay| Waiting::Deferred(delay.until));
        asked.or(delayed).or(self.paused.as_ref().map(|_| Waiting::Paused))
    }

    /// The case that it waits for.
    pub fn pending_related(&self) -> Option<&RelatedCase> {
        self.related.as_ref().filter(|related| related.is_awaited)
    }

    /// The question that the reporter has not answered.
    pub fn pending_inquiry(&self) -> Option<&Inquiry> {
        self.inquiry.as_ref().filter(|inquiry| inquiry.answer.is_none())
    }

    /// The playbooks of the faults that were fixed, here or by the case that this one is linked to.
    pub fn fixed_faults(&self) -> impl Iterator<Item = &PlaybookName> {
        let here = self.remediations.iter().map(|remediation| &remediation.plan.playbook);
        here.chain(self.related.iter().map(|related| &related.playbook))
    }

    /// The sentences of the ticket that may be about something else than what was fixed.
    pub fn besides_fix<'a>(&'a self, system_type: &SystemType) -> Vec<(&'a ReadSentence, Besides)> {
        let faults = self.fixed_faults().filter_map(|playbook| system_type.fault(playbook));
        let symptoms = faults.flat_map(|fault| &fault.symptoms.names);
        self.reading.as_ref().map_or_else(Vec::new, |reading| besides(reading, symptoms))
    }

    /// The sentences of which it is not clear whether they are about what was fixed.
    pub fn unclear_besides_fix<'a>(&'a self, system_type: &SystemType) -> Vec<&'a ReadSentence> {
        let besides = self.besides_fix(system_type).into_iter();
        besides.filter(|(_, besides)| *besides == Besides::Unclear).map(|(sentence, _)| sentence).collect()
    }

    /// Whether the ticket is closed if its reporter does not answer the question. Silence settles no complaint, and
    /// nothing that may be about something else.
    pub fn closes_on_silence(&self, system_type: &SystemType, on_silence: OnSilence) -> bool {
        let may_close = self.inquiry.as_ref().is_some_and(|inquiry| match inquiry.purpose {
            InquiryPurpose::ConfirmFix => self.unclear_besides_fix(system_type).is_empty(),
            InquiryPurpose::ConfirmAnswer => !self.reading.as_ref().is_some_and(complains),
            InquiryPurpose::Details => false,
        });
        may_close && on_silence == OnSilence::Close
    }

    /// What it was opened for.
    pub fn scope(&self) -> &CaseScope {
        const FULL: &CaseScope = &CaseScope::FullTicket;
        match &self.source {
            Source::Command { scope, .. } | Source::Schedule { scope, .. } | Source::Alert { scope, .. } => {
                scope
            }
            _ => FULL,
        }
    }

    /// Whether it was opened for everything that its ticket needs.
    pub fn is_for_full_ticket(&self) -> bool {
        *self.scope() == CaseScope::FullTicket
    }

    /// Whether this person ordered the change: by the command that opened the case.
    pub fn is_ordered_by(&self, login: &str) -> bool {
        matches!(&self.source, Source::Command { user, .. } if user.eq_ignore_ascii_case(login))
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

    /// Whether people have to be told of a run that nobody waits for: it could not do what it is for, or what it looked
    /// at is not well. That a host cannot be reached is told by sweeps.
    pub fn needs_attention(&self) -> bool {
        match &self.outcome {
            Some(Outcome::Escalated(_)) => true,
            Some(Outcome::Declined { detail }) => {
                !matches!(detail, Detail::NothingToDo { .. } | Detail::Unreachable { .. })
            }
            _ => false,
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
