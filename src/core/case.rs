//! A case: the fold of its events. Live running and recovery use the same fold, so there is no second
//! path for a restart.

mod talk;

pub use talk::{Talk, Trouble};

use super::budget::Delay;
use super::diagnosis::Diagnosis;
use super::errand::Errand;
use super::event::{CaseId, ChangeId, Door, Event, Purpose, Record, Way};
use super::evidence::{Evidence, Observation};
use super::name::{HostName, PlaybookName, ProbeName};
use super::objection::Objection;
use super::outcome::Outcome;
use super::playbook::LibraryHash;
use super::policy::{Approval, Pause};
use super::redact::Redacted;
use super::remedy::Plan;
use super::report::{Proof, proof};
use super::ticket::{State, Ticket, TicketId};
use super::triage::Triage;
use super::verification;
use super::word::{Posted, Says, Word};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

/// The durable work on one ticket, as its journal tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub id: CaseId,
    pub ticket: Ticket,
    pub door: Door,
    pub library: LibraryHash,
    pub opened_at: DateTime<Utc>,
    pub stage: Stage,
    pub triage: Option<Triage>,
    /// The newest sight of every probe.
    pub evidence: Evidence,
    /// Probes whose sights are newer than the last change.
    pub fresh: BTreeSet<ProbeName>,
    /// What the last look was for.
    pub looked_for: Option<Purpose>,
    /// The first diagnosis is what was found; the last is how it stands.
    pub diagnoses: Vec<Diagnosis>,
    pub held: BTreeSet<HostName>,
    /// The issue was seen to be still open since the last diagnosis.
    pub rechecked: bool,
    /// The halt under which it waits.
    pub paused: Option<Pause>,
    /// A halt to this case alone.
    pub halt: Option<Pause>,
    /// The keys of the words that were read.
    pub heard: BTreeSet<String>,
    /// The plan that waits for a person's yes.
    pub asked: Option<Asked>,
    /// How many plans people were asked about.
    pub questions: usize,
    /// The newest yes.
    pub approval: Option<Approval>,
    /// A fault of this case that was mended before, and how often within the last days.
    pub recurred: Option<Recurred>,
    /// Who says that an earlier case should not have closed this ticket.
    pub objection: Option<Objection>,
    /// Another case about the same fault.
    pub kin: Option<Kin>,
    /// Who said no to the plan.
    pub denied_by: Option<String>,
    /// Who called the case off.
    pub cancelled_by: Option<String>,
    /// Nothing is begun before then.
    pub delay: Option<Delay>,
    /// Since when it waits for its budgets.
    pub delayed_at: Option<DateTime<Utc>>,
    pub treatments: Vec<Treatment>,
    pub outcome: Option<Outcome>,
    pub talk: Talk,
    pub spent: Spent,
    /// The sequence number of the next record.
    pub next_seq: u64,
    pub updated_at: DateTime<Utc>,
}

/// Where a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Opened,
    /// A look at everything is due.
    Looking,
    Looked,
    Diagnosed,
    Treating,
    /// The outcome is known and has to be told.
    Concluded,
    Ended,
}

/// Why a case does not go on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standstill {
    /// A person may say yes until then.
    Asked(DateTime<Utc>),
    /// A budget is free again then.
    Delayed(DateTime<Utc>),
    /// Another case treats the same fault.
    Linked,
    /// A person has called a halt.
    Halted,
}

/// Another case about the same fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kin {
    pub case: CaseId,
    pub ticket: TicketId,
    pub playbook: PlaybookName,
    pub since: DateTime<Utc>,
    /// Nothing was seen yet since it came to its end.
    pub is_awaited: bool,
}

/// A fault that comes back after it was mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurred {
    pub playbook: PlaybookName,
    pub hosts: BTreeSet<HostName>,
    pub count: usize,
}

/// A plan that waits for a person's yes.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    pub plan: Plan,
    /// An answer after this moment is too late.
    pub until: DateTime<Utc>,
}

/// One playbook's remedy at work.
#[derive(Debug, Clone, PartialEq)]
pub struct Treatment {
    pub plan: Plan,
    pub started_at: DateTime<Utc>,
    pub phase: Phase,
    pub steps: Vec<Track>,
    pub undos: Vec<Track>,
    /// What held when the verification passed.
    pub proof: Option<Vec<Proof>>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    Applying,
    Verifying(verification::Progress),
    Undoing { why: String },
    Over { result: Treated, at: DateTime<Utc> },
}

/// How a treatment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Treated {
    /// Mended, and proven.
    Mended,
    NotFixed {
        why: String,
    },
    UndoFailed {
        why: String,
    },
    InDoubt {
        why: String,
        change: ChangeId,
    },
}

/// What is known of one change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Track {
    pub state: ChangeState,
    /// How often the host was, or may have been, asked.
    pub attempts: u32,
    /// How often it could not be asked.
    pub misses: u32,
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
pub struct Spent {
    /// Opening connections to hosts.
    pub connect: u64,
    /// Looks before the verification, connections not counted.
    pub probes: u64,
    /// Changes.
    pub remedy: u64,
    /// From the last change to the proof, waiting included.
    pub verification: u64,
    /// Calls to the forge.
    pub forge: u64,
}

impl Track {
    /// Nothing more is done about it.
    fn is_settled(&self) -> bool {
        matches!(self.state, ChangeState::Done | ChangeState::Failed(_) | ChangeState::Skipped(_))
    }
}

/// A journal that this program did not write, or one that was damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadHistory {
    #[error("case {0} has no records")]
    Empty(CaseId),
    #[error("case {case}: the first record is `{kind}`, not `opened`")]
    NotOpened { case: CaseId, kind: &'static str },
    #[error("case {case}: record {seq} stands where {expected} should")]
    Gap { case: CaseId, seq: u64, expected: u64 },
    #[error("case {case}: record {seq} (`{kind}`) cannot follow what was before it")]
    Illegal { case: CaseId, seq: u64, kind: &'static str },
}

impl Case {
    /// Folds a whole journal.
    pub fn fold(id: &CaseId, records: &[Record]) -> Result<Self, BadHistory> {
        let (first, rest) = records.split_first().ok_or_else(|| BadHistory::Empty(id.clone()))?;
        let Event::Opened { ticket, door, library } = &first.event else {
            return Err(BadHistory::NotOpened { case: id.clone(), kind: first.event.kind() });
        };
        let mut case = Case {
            id: id.clone(),
            ticket: ticket.clone(),
            door: door.clone(),
            library: library.clone(),
            opened_at: first.at,
            stage: Stage::Opened,
            triage: None,
            evidence: Evidence::default(),
            fresh: BTreeSet::new(),
            looked_for: None,
            diagnoses: Vec::new(),
            held: BTreeSet::new(),
            rechecked: false,
            paused: None,
            halt: None,
            heard: BTreeSet::new(),
            asked: None,
            questions: 0,
            approval: None,
            recurred: None,
            objection: None,
            kin: None,
            denied_by: None,
            cancelled_by: None,
            delay: None,
            delayed_at: None,
            treatments: Vec::new(),
            outcome: None,
            talk: Talk::default(),
            spent: Spent::default(),
            next_seq: first.seq + 1,
            updated_at: first.at,
        };
        for record in rest {
            case.apply(record)?;
        }
        Ok(case)
    }

    /// Takes in the next record.
    pub fn apply(&mut self, record: &Record) -> Result<(), BadHistory> {
        if record.seq != self.next_seq {
            return Err(BadHistory::Gap { case: self.id.clone(), seq: record.seq, expected: self.next_seq });
        }
        self.step(&record.event, record.at).ok_or_else(|| BadHistory::Illegal {
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
                self.stage = Stage::Looking;
            }
            Event::Looked { purpose, evidence } => self.look(*purpose, evidence),
            Event::Diagnosed(diagnosis) => {
                self.diagnoses.push(diagnosis.clone());
                self.stage = Stage::Diagnosed;
            }
            Event::Held { hosts, waited } => {
                self.held.extend(hosts.iter().cloned());
                if *waited {
                    self.stage = Stage::Looking;
                }
            }
            Event::Paused(pause) => {
                self.paused = Some(pause.clone());
                // In the middle of a remedy its hosts stay its own.
                if self.stage != Stage::Treating {
                    self.held.clear();
                }
            }
            Event::Resumed => {
                self.paused = None;
                self.fresh.clear();
                self.looked_for = None;
                if self.stage == Stage::Diagnosed {
                    self.stage = Stage::Looking;
                }
            }
            Event::Asked { plan, until } => {
                self.asked = Some(Asked { plan: plan.clone(), until: *until });
                self.approval = None;
                self.questions += 1;
                self.held.clear();
            }
            Event::Delayed(delay) => {
                self.delay = Some(delay.clone());
                self.delayed_at.get_or_insert(at);
                self.held.clear();
            }
            Event::Recurred { playbook, hosts, count } => {
                let (playbook, hosts) = (playbook.clone(), hosts.clone());
                self.recurred = Some(Recurred { playbook, hosts, count: *count });
            }
            Event::Linked { case, ticket, playbook } => {
                let (case, ticket, playbook) = (case.clone(), ticket.clone(), playbook.clone());
                self.kin = Some(Kin { case, ticket, playbook, since: at, is_awaited: true });
                self.held.clear();
            }
            Event::FalselyClosed(objection) => self.objection = Some(objection.clone()),
            Event::Heard(posted) => self.hear(posted),
            Event::Planned(plan) => {
                self.delayed_at = None;
                let tracks = vec![Track::default(); plan.steps.len()];
                self.treatments.push(Treatment {
                    plan: plan.clone(),
                    started_at: at,
                    phase: Phase::Applying,
                    steps: tracks.clone(),
                    undos: tracks,
                    proof: None,
                });
                self.stage = Stage::Treating;
            }
            Event::ChangeStarted { change, .. } => {
                let track = self.track(*change)?;
                track.state = ChangeState::Started;
                track.attempts += 1;
                track.at = Some(at);
                // From here on nothing that was seen is known to be still so.
                self.fresh.clear();
            }
            Event::ChangeEnded { change, observation, success } => {
                let track = self.track(*change)?;
                track.state = if *success {
                    ChangeState::Done
                } else {
                    ChangeState::Failed(format!("{}: {}", observation.exit, observation.last_words()))
                };
                track.observation = Some(observation.clone());
                self.spent.remedy += observation.took_ms;
            }
            Event::ChangeNotStarted { change, why } => {
                let track = self.track(*change)?;
                // The attempt that was written down was none. An earlier one may have been made, though,
                // and that doubt stays.
                track.attempts = track.attempts.saturating_sub(1);
                track.misses += 1;
                track.at = Some(at);
                track.state = match track.attempts {
                    0 => ChangeState::NotStarted(why.to_string()),
                    _ => ChangeState::InDoubt(why.to_string()),
                };
            }
            Event::ChangeBarred { change, why } => {
                let track = self.track(*change)?;
                track.misses += 1;
                track.at = Some(at);
                track.state = match &track.state {
                    ChangeState::Pending | ChangeState::NotStarted(_) => {
                        ChangeState::NotStarted(why.to_string())
                    }
                    doubt => doubt.clone(),
                };
            }
            Event::Rechecked { open } => {
                self.rechecked = true;
                self.talk.trouble = None;
                if !open {
                    self.ticket.state = State::Closed;
                }
            }
            Event::ChangeInDoubt { change, why, may_still_run } => {
                let track = self.track(*change)?;
                track.state = ChangeState::InDoubt(why.to_string());
                track.may_still_run |= may_still_run;
            }
            Event::ChangeSkipped { change, why } => {
                self.track(*change)?.state = ChangeState::Skipped(why.clone());
            }
            Event::ChangeFound { change } => self.track(*change)?.state = ChangeState::Done,
            Event::ChangeFrozen { change, why } => {
                self.end_treatment(Treated::InDoubt { why: why.clone(), change: *change }, at)?;
            }
            Event::Applied => {
                self.treatment()?.phase = Phase::Verifying(verification::Progress::start(at));
            }
            Event::Checked { truths } => {
                let seen_at = self.evidence.at;
                let Phase::Verifying(progress) = &mut self.treatment()?.phase else { return None };
                progress.take(truths, seen_at);
                self.looked_for = None;
            }
            Event::Verified { conditions } => {
                self.count_verification(at);
                let treatment = self.treatment()?;
                let Phase::Verifying(progress) = &treatment.phase else { return None };
                treatment.proof = Some(proof(conditions, &progress.held, progress.looked_at));
                self.end_treatment(Treated::Mended, at)?;
                self.stage = Stage::Looking;
            }
            Event::NotVerified { why } | Event::RemedyFailed { why } => {
                self.count_verification(at);
                self.treatment()?.phase = Phase::Undoing { why: why.clone() };
            }
            Event::Undone { clean } => {
                let Phase::Undoing { why } = &self.treatment()?.phase else { return None };
                let why = why.clone();
                let result = if *clean { Treated::NotFixed { why } } else { Treated::UndoFailed { why } };
                self.end_treatment(result, at)?;
            }
            Event::Concluded(outcome) => {
                self.outcome = Some(outcome.clone());
                self.stage = Stage::Concluded;
            }
            Event::Told { act, stage, took_ms } => {
                self.told(*act, stage, at);
                self.spent.forge += took_ms;
            }
            Event::NotTold { act, lasting, .. } => self.not_told(*act, *lasting, at),
            Event::Ended => self.stage = Stage::Ended,
        }
        Some(())
    }

    /// What the next treatment's steps call the places of what they keep.
    pub fn keep_name(&self) -> String {
        format!("{}-{}", self.id, self.treatments.len())
    }

    fn look(&mut self, purpose: Purpose, evidence: &Evidence) {
        self.fresh.extend(evidence.sights.keys().cloned());
        self.looked_for = Some(purpose);
        self.spent.connect += evidence.connect_ms;
        if purpose != Purpose::Verify {
            self.spent.probes += evidence.took_ms.saturating_sub(evidence.connect_ms);
        }
        if purpose == Purpose::Diagnose {
            self.evidence = evidence.clone();
            self.rechecked = false;
            self.delay = None;
            if let Some(kin) = &mut self.kin {
                kin.is_awaited = false;
            }
            self.stage = Stage::Looked;
        } else {
            self.evidence.update(evidence.clone());
        }
    }

    /// Takes in what a person said. What does not fit changes nothing.
    fn hear(&mut self, Posted { key, word }: &Posted) {
        self.heard.insert(key.clone());
        let Word { by, at, says } = word;
        match says {
            Says::Approve { plan } => {
                let Some(asked) =
                    self.asked.take_if(|asked| asked.plan.is_meant_by(plan) && *at <= asked.until)
                else {
                    return;
                };
                self.approval = Some(Approval { plan: asked.plan.hash, by: by.clone() });
                // Much may have changed since the question; the answer holds if the plan is still the same.
                self.stage = Stage::Looking;
            }
            Says::Deny if self.asked.is_some() => self.denied_by = Some(by.clone()),
            Says::Deny => {}
            Says::Cancel => self.cancelled_by = Some(by.clone()),
            Says::Pause => {
                let why = Redacted::constant("asked for in this ticket");
                self.halt = Some(Pause { by: by.clone(), at: *at, why });
            }
            Says::Resume => self.halt = None,
        }
    }

    fn count_verification(&mut self, at: DateTime<Utc>) {
        if let Some(Treatment { phase: Phase::Verifying(progress), .. }) = self.treatments.last() {
            self.spent.verification += u64::try_from((at - progress.since).num_milliseconds()).unwrap_or(0);
        }
    }

    fn end_treatment(&mut self, result: Treated, at: DateTime<Utc>) -> Option<()> {
        self.treatment()?.phase = Phase::Over { result, at };
        self.stage = Stage::Diagnosed;
        Some(())
    }

    fn treatment(&mut self) -> Option<&mut Treatment> {
        self.treatments.last_mut()
    }

    fn track(&mut self, change: ChangeId) -> Option<&mut Track> {
        let treatment = self.treatments.get_mut(change.treatment)?;
        match change.way {
            Way::Do => treatment.steps.get_mut(change.step),
            Way::Undo => treatment.undos.get_mut(change.step),
        }
    }

    /// What it waits for while nobody works on it.
    pub fn standstill(&self) -> Option<Standstill> {
        if self.stage != Stage::Diagnosed {
            return None;
        }
        let asked = self.asked.as_ref().map(|asked| Standstill::Asked(asked.until));
        if self.pending_kin().is_some() {
            return Some(Standstill::Linked);
        }
        let delayed = self.delay.as_ref().map(|delay| Standstill::Delayed(delay.until));
        asked.or(delayed).or(self.paused.as_ref().map(|_| Standstill::Halted))
    }

    /// What it was opened for.
    pub fn errand(&self) -> &Errand {
        const TREAT: &Errand = &Errand::Treat;
        match &self.door {
            Door::Command { errand, .. } => errand,
            _ => TREAT,
        }
    }

    /// The issue is closed with the outcome. What a person ordered beside the ticket closes it only if
    /// that accounts for the ticket.
    pub fn closes(&self) -> bool {
        match (self.errand(), &self.outcome) {
            (_, None) => false,
            (Errand::Treat, Some(outcome)) => outcome.closes(),
            (_, Some(outcome)) => *outcome == Outcome::Resolved,
        }
    }

    /// The newest diagnosis.
    pub fn diagnosis(&self) -> Option<&Diagnosis> {
        self.diagnoses.last()
    }

    /// How often a host was asked to change something in this case.
    pub fn changes_made(&self) -> usize {
        let tracks = self.treatments.iter().flat_map(|t| t.steps.iter().chain(&t.undos));
        tracks.map(|track| track.attempts as usize).sum()
    }
}
