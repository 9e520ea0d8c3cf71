//! What a decision rests on, and the questions that several decisions ask of it.

use crate::case::Case;
use crate::case::PublishFailure;
use crate::case::detail::{Detail, HostProblem};
use crate::case::event::{Event, ProbeReason};
use crate::case::outcome::{Code, Escalation, Outcome};
use crate::case::signal::QueuedSignal;
use crate::chatops::scope::CaseScope;
use crate::decide::action::Action;
use crate::diagnosis::diagnose::{Diagnosis, Unknown, cause, diagnose};
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
/// The pauses before probes that failed for a passing reason are run again: a database that starts or an engine
/// that restarts is back within a minute, or is not starting.
const PROBE_AGAIN: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(10), Duration::from_secs(20), Duration::from_secs(40)];
/// The longest pause between attempts to tell the forge something.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What a decision rests on, beside the case.
#[derive(Debug, Clone, Copy)]
pub struct DecisionInput<'a> {
    /// The playbooks that the case began with.
    pub library: &'a Library,
    /// Today's systems and groups of hosts.
    pub inventory: &'a Inventory,
    /// What the operator allows now.
    pub policy: &'a Policy,
    /// A person's pause of all changes.
    pub pause: Option<&'a Pause>,
    /// What people have said to this case, read before or not.
    pub signals: &'a [QueuedSignal],
    /// What was changed lately, in all cases; `None` where it was not asked for.
    pub history: Option<&'a RunHistory>,
    /// The time of the decision.
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
            Intent::Question { request, health: false, .. } => match self.system_type.request(request) {
                Some(request) => {
                    let probes = self.system_type.with_needs(request.probes.iter().cloned());
                    Action::RunProbes { purpose: ProbeReason::Diagnose, probes }
                }
                None => escalate(Code::NoPlaybooks, Detail::PlaybookGone { playbook: request.clone() }),
            },
            intent => {
                let mut probes = self.system_type.fault_probes();
                if let Intent::Question { request, .. } = intent
                    && let Some(request) = self.system_type.request(request)
                {
                    probes.extend(self.system_type.with_needs(request.probes.iter().cloned()));
                }
                Action::RunProbes { purpose: ProbeReason::Diagnose, probes }
            }
        }
    }

    /// Probes that failed for a reason that passes by itself are run again before anything is concluded.
    pub(crate) fn probe_again(self) -> Option<Action> {
        let pause = *PROBE_AGAIN.get(self.case.diagnosis_probes.checked_sub(1)?)?;
        let patterns = &self.system_type.transient_patterns;
        let evidence = &self.case.evidence;
        let mut unread = evidence.probes.iter().filter(|(name, _)| {
            evidence.facts.get(*name).is_some_and(|facts| facts.values().any(Result::is_err))
        });
        unread.find(|(_, result)| result.is_transient(patterns))?;
        let until = evidence.at + pause;
        Some(if until > self.input.now { Action::Wait { until } } else { self.run_probes() })
    }

    /// What the look says about the faults. A question that is not about health was looked at for its
    /// own probes only, which say nothing about faults.
    pub(crate) fn diagnose(self) -> Diagnosis {
        match self.triage.intent {
            Intent::Question { health: false, .. } => Diagnosis::default(),
            _ => {
                let mut diagnosis = diagnose(self.system_type, self.system, &self.case.evidence);
                diagnosis.findings.retain(|finding| self.counts(&finding.playbook));
                diagnosis.unknown.retain(|unknown| self.counts(&unknown.playbook));
                self.ordered(diagnosis)
            }
        }
    }

    /// Whether a fault is this case's concern: some count only where they are reported, or asked for.
    fn counts(self, playbook: &PlaybookName) -> bool {
        let is_asked = match self.case.scope() {
            // What was fixed is the better answer, unless it has nothing to do with this.
            CaseScope::FullTicket => {
                let may_complain = !matches!(self.triage.intent, Intent::Question { in_doubt: false, .. });
                let is_reported = may_complain && self.explains(playbook);
                let fixed = self.case.remediations.iter().map(|done| &done.plan.playbook);
                let mut fixed = fixed.filter(|fixed| !self.system_type.is_independent(fixed, playbook));
                is_reported && fixed.next().is_none()
            }
            CaseScope::FixOne { playbook: wanted, .. } => wanted == playbook,
            CaseScope::Operate { operation, .. } => operation == playbook,
            CaseScope::Diagnose { .. } | CaseScope::AnswerRequest { .. } => true,
        };
        is_asked || !self.system_type.is_reported_only(playbook)
    }

    /// A fault that would have to be fixed first, if only one knew whether it is there.
    pub(crate) fn unknown_cause<'d>(
        self,
        of: &PlaybookName,
        diagnosis: &'d Diagnosis,
    ) -> Option<&'d Unknown> {
        let causes = self.system_type.causes_of(of);
        diagnosis.unknown.iter().find(|unknown| causes.contains(&unknown.playbook))
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
            let problem = cause(fact.as_ref().err()?).to_owned();
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
