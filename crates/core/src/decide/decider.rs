//! What a decision rests on, and the questions that several decisions ask of it.

use crate::case::Case;
use crate::case::PublishFailure;
use crate::case::detail::{Detail, HostProblem};
use crate::case::event::{Event, ProbeReason};
use crate::case::outcome::{Code, Escalation, Outcome};
use crate::case::signal::QueuedSignal;
use crate::decide::action::Action;
use crate::diagnosis::diagnose::{Diagnosis, Unknown, diagnose};
use crate::diagnosis::evidence::ProbeStatus;
use crate::ids::PlaybookName;
use crate::playbook::inventory::{Inventory, System};
use crate::playbook::{Library, SystemType};
use crate::policy::consent::Pause;
use crate::policy::permit::Policy;
use crate::policy::run_history::RunHistory;
use crate::ticket::triage::{Intent, Triage};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;
use std::time::Duration;

/// How often a change that the host never heard of is tried, and one that is safe to repeat.
pub(crate) const ATTEMPTS: u32 = 3;
/// The pause before the first repetition; it doubles.
pub(crate) const PAUSE: Duration = Duration::from_secs(2);
/// The longest pause between attempts to tell the forge something.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What a decision rests on, beside the case.
#[derive(Debug, Clone, Copy)]
pub struct DecisionInput<'a> {
    /// The playbooks that the case began with.
    pub library: &'a Library,
    pub inventory: &'a Inventory,
    pub policy: &'a Policy,
    /// A person's halt to all changes.
    pub pause: Option<&'a Pause>,
    /// What people have said to this case, read before or not.
    pub signals: &'a [QueuedSignal],
    /// What was changed lately, in all cases; `None` where it was not asked for.
    pub history: Option<&'a RunHistory>,
    pub now: DateTime<Utc>,
}

/// What the forge did not take is not tried again at once.
pub(crate) fn pause_after_failure(case: &Case, world: DecisionInput<'_>) -> Option<Action> {
    let until = after(case.publishing.failure.as_ref()?);
    (until > world.now).then_some(Action::Wait { until })
}

fn after(trouble: &PublishFailure) -> DateTime<Utc> {
    let pause = PAUSE.saturating_mul(1 << trouble.attempts.min(10)).min(LONGEST_PAUSE);
    trouble.at + pause
}

/// Hands the case over to a person.
pub(crate) fn escalate(code: Code, detail: Detail) -> Action {
    Action::Record(Event::OutcomeDecided(Outcome::Escalated(Escalation { code, detail })))
}

/// A case with everything a decision about it needs.
#[derive(Clone, Copy)]
pub(crate) struct Decider<'a> {
    pub(crate) case: &'a Case,
    pub(crate) input: DecisionInput<'a>,
    pub(crate) triage: &'a Triage,
    pub(crate) system: &'a System,
    pub(crate) system_type: &'a SystemType,
}

impl Decider<'_> {
    pub(crate) fn run_probes(self) -> Action {
        match &self.triage.intent {
            Intent::Question { request, health: false } => match self.system_type.request(request) {
                Some(request) => {
                    let probes = self.system_type.with_needs(request.probes.iter().cloned());
                    Action::RunProbes { purpose: ProbeReason::Diagnose, probes }
                }
                None => escalate(Code::NoPlaybooks, Detail::PlaybookGone { playbook: request.clone() }),
            },
            _ => Action::RunProbes {
                purpose: ProbeReason::Diagnose,
                probes: self.system_type.probes.keys().cloned().collect(),
            },
        }
    }

    /// What the look says about the faults. A question that is not about health was looked at for its
    /// own probes only, which say nothing about faults.
    pub(crate) fn diagnose(self) -> Diagnosis {
        match self.triage.intent {
            Intent::Question { health: false, .. } => Diagnosis::default(),
            _ => self.ordered(diagnose(self.system_type, self.system, &self.case.evidence)),
        }
    }

    /// A fault that would have to be treated first, if only one knew whether it is there.
    pub(crate) fn unknown_cause<'d>(
        self,
        of: &PlaybookName,
        diagnosis: &'d Diagnosis,
    ) -> Option<&'d Unknown> {
        let causes = self.causes(of);
        diagnosis.unknown.iter().find(|unknown| causes.contains(&unknown.playbook))
    }

    /// The faults that can cause this one, directly or through others.
    pub(crate) fn causes(self, of: &PlaybookName) -> BTreeSet<PlaybookName> {
        let mut consequences = BTreeSet::from([of.clone()]);
        // The faults stand in causal order, so one pass from the end finds causes of causes.
        for fault in self.system_type.faults.iter().rev() {
            if !fault.causes.is_disjoint(&consequences) {
                consequences.insert(fault.name.clone());
            }
        }
        consequences.remove(of);
        consequences
    }

    /// Why a question cannot be answered from this evidence; a fact that is unknown is no answer.
    pub(crate) fn unanswered(self, request: &PlaybookName) -> Option<Detail> {
        let request = self.system_type.request(request)?;
        let facts = &self.case.evidence.facts;
        if let Some(probe) = request.probes.iter().find(|probe| !facts.contains_key(*probe)) {
            return Some(Detail::ProbeNotRun { probe: probe.clone() });
        }
        let known = request.probes.iter().filter_map(|probe| Some((probe, facts.get(probe)?)));
        let mut all =
            known.flat_map(|(probe, facts)| facts.iter().map(move |(name, fact)| (probe, name, fact)));
        all.find_map(|(probe, name, fact)| {
            let problem = fact.as_ref().err()?.clone();
            Some(Detail::FactUnknown { fact: format!("{probe}.{name}"), problem })
        })
    }

    /// The hosts that could not be reached, in order.
    pub(crate) fn unreached(self) -> Vec<HostProblem> {
        let probes = self.case.evidence.probes.values();
        let unreached = probes.filter_map(|result| match &result.status {
            ProbeStatus::Unreachable(why) => {
                Some(HostProblem { host: result.host.clone()?, problem: why.to_string() })
            }
            _ => None,
        });
        unreached.collect::<BTreeSet<HostProblem>>().into_iter().collect()
    }
}
