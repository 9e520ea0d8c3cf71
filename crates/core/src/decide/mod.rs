//! The decision: from a case to the next action. Pure, total, and the same after a restart as before.

pub mod action;
pub mod related;
mod requested;
mod run;
mod start;

use crate::case::dispute::{CloseDispute, Via};
use crate::case::event::{Event, ProbeReason, Source};
use crate::case::outcome::{Code, Escalation, Outcome};
use crate::case::signal::QueuedSignal;
use crate::case::{Case, Phase, PublishFailure, Remediation, RemediationResult, Stage};
use crate::chatops::scope::CaseScope;
use crate::decide::action::Action;
use crate::diagnosis::diagnose::{Diagnosis, Finding, Unknown, diagnose};
use crate::ids::PlaybookName;
use crate::playbook::inventory::{Inventory, System};
use crate::playbook::{Library, SystemType};
use crate::policy::permit::{Pause, Policy};
use crate::policy::run_history::RunHistory;
use crate::ticket::TicketState;
use crate::ticket::triage::{Intent, Triage, triage, triage_command};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;
use std::time::Duration;

/// How often a change that the host never heard of is tried, and one that is safe to repeat.
const ATTEMPTS: u32 = 3;
/// The pause before the first repetition; it doubles.
const PAUSE: Duration = Duration::from_secs(2);
/// The longest pause between attempts to tell the forge something.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// A fault that came back so often within [`History::REACH`] gets a ticket of its own.
const PROBLEM: usize = 3;

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

/// The next action of a case.
pub fn decide(case: &Case, world: DecisionInput<'_>) -> Action {
    if case.stage == Stage::Ended {
        return Action::Done;
    }
    if let Some(unheard) = world.signals.iter().find(|posted| !case.processed_signals.contains(&posted.key)) {
        return Action::Record(Event::SignalReceived(unheard.clone()));
    }
    if case.stage == Stage::Decided {
        return publish(case, world);
    }
    if case.stage == Stage::Opened {
        return open(case, world);
    }
    let Some(triage) = &case.triage else { return open(case, world) };
    let Some(site) = &triage.system else {
        return escalate(Code::NoSystem, "the ticket names no system that is looked after, or more than one");
    };
    let Some(system) = triage.system(world.library) else {
        return escalate(Code::NoSystem, format!("there are no playbooks for `{}`", site.system_type));
    };
    let system = &*system;
    if let Some(action) = update_status(case, world) {
        return action;
    }
    let ground = Decider { case, input: world, triage, system: site, system_type: system };
    match case.stage {
        Stage::Probing => ground.run_probes(),
        Stage::Probed => Action::Record(Event::Diagnosed(ground.diagnose())),
        Stage::Diagnosed => ground.next_fault(),
        Stage::Remediating => ground.remediate(),
        Stage::Opened | Stage::Decided | Stage::Ended => Action::Done,
    }
}

fn open(case: &Case, world: DecisionInput<'_>) -> Action {
    let declined = |why: &str| Action::Record(Event::OutcomeDecided(Outcome::Declined { why: why.into() }));
    let errand = case.scope();
    if case.ticket.state == TicketState::Closed && !errand.is_read_only() {
        return declined("the issue is closed");
    }
    if case.ticket.locked {
        return declined("the issue's conversation is locked");
    }
    let suspect = match &case.source {
        Source::Sweep { suspect } => suspect.as_ref(),
        Source::Recurrence { suspect, .. } => Some(suspect),
        Source::CloseDispute(objection) if case.dispute.is_none() => {
            return Action::Record(Event::CloseDisputed(objection.clone()));
        }
        _ => None,
    };
    let was_closed = match &case.source {
        Source::Recurrence { .. } => true,
        Source::CloseDispute(objection) => objection.via == Via::Comment,
        _ => false,
    };
    if was_closed && world.policy.publishes && !case.publishing.reopened {
        return pause_after_failure(case, world).unwrap_or(Action::Reopen);
    }
    let mut triage = match errand {
        CaseScope::FullTicket => triage(&case.ticket, world.library, world.inventory, suspect),
        _ => triage_command(errand, &case.ticket, world.library, world.inventory),
    };
    if case.dispute.is_some() {
        // Whatever the ticket asked for, it was not enough.
        triage.intent = Intent::Problem;
    }
    Action::Record(Event::Triaged(triage))
}

/// The status comment and the label, when the stage has changed.
fn update_status(case: &Case, world: DecisionInput<'_>) -> Option<Action> {
    // A look beside the ticket leaves its status and its label as they are.
    if !world.policy.publishes || case.scope().is_read_only() {
        return None;
    }
    if case.publishing.status != Some(case.status_key()) && case.may_edit_status(world.now) {
        return Some(Action::ShowStatus);
    }
    (case.publishing.label != Some(case.label_state())).then_some(Action::SetLabel)
}

/// After the outcome: report, call people or close, set the labels, bring the status up to date.
fn publish(case: &Case, world: DecisionInput<'_>) -> Action {
    let Some(outcome) = &case.outcome else { return Action::Record(Event::Ended) };
    // A declined ticket is one that must not be written on; what was written before is brought to an end.
    let is_declined = matches!(outcome, Outcome::Declined { .. });
    let looked = case.scope().is_read_only() && case.probed_for.is_some();
    let silent = is_declined && case.publishing.status.is_none() && !looked;
    if !world.policy.publishes || silent {
        return Action::Record(Event::Ended);
    }
    if let Some(wait) = pause_after_failure(case, world) {
        return wait;
    }
    // A person who set the agent to something is told why it was not done.
    if is_declined && *case.scope() == CaseScope::FullTicket {
        return update_status(case, world).unwrap_or(Action::Record(Event::Ended));
    }
    // Before the report, which links to it.
    let recurs = case.recurrence.as_ref().is_some_and(|recurred| recurred.count >= PROBLEM);
    if recurs && case.publishing.problem.is_none() {
        return Action::OpenProblemTicket;
    }
    if !case.publishing.reported {
        return Action::PostReport;
    }
    // Nothing is closed without a word.
    if case.closes() && !case.publishing.closed && !case.publishing.refused_report {
        return Action::Close;
    }
    let calls = matches!(outcome, Outcome::Escalated(_)) && !case.scope().is_read_only();
    if calls && !case.publishing.called {
        return Action::CallPeople;
    }
    update_status(case, world).unwrap_or(Action::Record(Event::Ended))
}

/// What the forge did not take is not tried again at once.
fn pause_after_failure(case: &Case, world: DecisionInput<'_>) -> Option<Action> {
    let until = after(case.publishing.failure.as_ref()?);
    (until > world.now).then_some(Action::Wait { until })
}

fn after(trouble: &PublishFailure) -> DateTime<Utc> {
    let pause = PAUSE.saturating_mul(1 << trouble.attempts.min(10)).min(LONGEST_PAUSE);
    trouble.at + pause
}

fn escalate(code: Code, why: impl Into<String>) -> Action {
    Action::Record(Event::OutcomeDecided(Outcome::Escalated(Escalation { code, why: why.into() })))
}

/// A case with everything a decision about it needs.
#[derive(Clone, Copy)]
struct Decider<'a> {
    case: &'a Case,
    input: DecisionInput<'a>,
    triage: &'a Triage,
    system: &'a System,
    system_type: &'a SystemType,
}

impl Decider<'_> {
    fn run_probes(self) -> Action {
        match &self.triage.intent {
            Intent::Question { request, health: false } => match self.system_type.request(request) {
                Some(request) => {
                    let probes = self.system_type.with_needs(request.probes.iter().cloned());
                    Action::RunProbes { purpose: ProbeReason::Diagnose, probes }
                }
                None => escalate(Code::NoPlaybooks, format!("the playbook `{request}` is gone")),
            },
            _ => Action::RunProbes {
                purpose: ProbeReason::Diagnose,
                probes: self.system_type.probes.keys().cloned().collect(),
            },
        }
    }

    /// What the look says about the faults. A question that is not about health was looked at for its
    /// own probes only, which say nothing about faults.
    fn diagnose(self) -> Diagnosis {
        match self.triage.intent {
            Intent::Question { health: false, .. } => Diagnosis::default(),
            _ => self.ordered(diagnose(self.system_type, self.system, &self.case.evidence)),
        }
    }

    /// After a diagnosis: the next fault to treat, or the end.
    fn next_fault(self) -> Action {
        let Some(diagnosis) = self.case.diagnosis() else { return self.run_probes() };
        if let Some(action) = self.case.remediations.last().and_then(|last| self.after_failure(last)) {
            return action;
        }
        if self.case.cancelled_by.is_some() {
            return Action::Record(Event::OutcomeDecided(Outcome::Cancelled));
        }
        // To mend it once more, and close it once more, would go round in circles.
        if let Some(objection) = &self.case.dispute {
            return escalate(Code::StillBroken, self.why_still_broken(objection, diagnosis));
        }
        if let Some(action) = self.waiting_action().or_else(|| self.conclude_requested(diagnosis)) {
            return action;
        }
        match diagnosis.findings.first() {
            Some(finding) => {
                if let Some(unknown) = self.unknown_cause(&finding.playbook, diagnosis) {
                    let why = format!(
                        "{}, which could cause {}: {}",
                        unknown.playbook, finding.playbook, unknown.why
                    );
                    return escalate(Code::CannotTell, why);
                }
                self.start_remediation(&finding.playbook, diagnosis)
            }
            None => self
                .find_related()
                .unwrap_or_else(|| Action::Record(Event::OutcomeDecided(self.conclude(diagnosis)))),
        }
    }

    /// A fault that would have to be treated first, if only one knew whether it is there.
    fn unknown_cause<'d>(self, of: &PlaybookName, diagnosis: &'d Diagnosis) -> Option<&'d Unknown> {
        let causes = self.causes(of);
        diagnosis.unknown.iter().find(|unknown| causes.contains(&unknown.playbook))
    }

    /// The faults that can cause this one, directly or through others.
    fn causes(self, of: &PlaybookName) -> BTreeSet<PlaybookName> {
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

    /// A treatment that did not end well ends the case.
    fn after_failure(self, treatment: &Remediation) -> Option<Action> {
        let Phase::Finished { result, .. } = &treatment.phase else { return None };
        let playbook = &treatment.plan.playbook;
        match result {
            RemediationResult::Fixed => None,
            RemediationResult::NotFixed { .. } if self.case.cancelled_by.is_some() => None,
            RemediationResult::NotFixed { why } => {
                Some(escalate(Code::NotFixed, format!("{playbook}: {why}")))
            }
            RemediationResult::RollbackFailed { why } => {
                Some(escalate(Code::UndoFailed, format!("{playbook}: {why}; undoing it failed too")))
            }
            RemediationResult::InDoubt { why, change } => {
                let step = treatment.plan.steps.get(change.step).map_or("", |step| step.name.as_str());
                Some(escalate(Code::InDoubt, format!("{playbook}, {step}: {why}")))
            }
        }
    }

    fn remediate(self) -> Action {
        let Some(index) = self.case.remediations.len().checked_sub(1) else { return self.next_fault() };
        let treatment = &self.case.remediations[index];
        let Some(fault) = self.system_type.fault(&treatment.plan.playbook) else {
            return escalate(
                Code::NoPlaybooks,
                format!("the playbook `{}` is gone", treatment.plan.playbook),
            );
        };
        let bed =
            crate::decide::run::RemediationDecider { decider: self, index, remediation: treatment, fault };
        match &treatment.phase {
            Phase::Applying => bed.apply(),
            Phase::Verifying(progress) => bed.verify(progress),
            Phase::RollingBack { .. } => bed.roll_back(),
            Phase::Finished { .. } => self.next_fault(),
        }
    }

    /// The outcome when no fault is left to treat.
    fn conclude(self, diagnosis: &Diagnosis) -> Outcome {
        let escalated = |code, why: String| Outcome::Escalated(Escalation { code, why });
        if self.case.evidence.nothing_reached() {
            return escalated(Code::Unreachable, self.why_unreached());
        }
        let mended: Vec<&PlaybookName> =
            self.case.remediations.iter().map(|treatment| &treatment.plan.playbook).collect();
        let unknown = |matters: &dyn Fn(&PlaybookName) -> bool| {
            diagnosis.unknown.iter().find(|unknown| matters(&unknown.playbook))
        };
        match &self.triage.intent {
            Intent::Question { request, health } => {
                if let Some(why) = self.unanswered(request) {
                    return escalated(Code::CannotTell, why);
                }
                if let Some(unknown) = unknown(&|_| *health) {
                    return escalated(Code::CannotTell, format!("{}: {}", unknown.playbook, unknown.why));
                }
                if mended.is_empty() {
                    Outcome::Answered { request: request.clone() }
                } else {
                    Outcome::Resolved
                }
            }
            Intent::Problem => {
                let explains = |playbook: &PlaybookName| self.triage.explains(playbook);
                let explained =
                    mended.iter().any(|playbook| explains(playbook)) || self.fixed_by_related().is_some();
                // Where nothing explains the words, any unknown could.
                let matters = |playbook: &PlaybookName| !explained || explains(playbook);
                if let Some(unknown) = unknown(&matters) {
                    return escalated(Code::CannotTell, format!("{}: {}", unknown.playbook, unknown.why));
                }
                if explained {
                    return Outcome::Resolved;
                }
                if let (true, Some(finding)) = (mended.is_empty(), self.found_at_first()) {
                    let why = format!(
                        "{} ({}), and that was gone before I treated it",
                        finding.title, finding.summary
                    );
                    escalated(Code::WentAway, why)
                } else if mended.is_empty() {
                    escalated(
                        Code::NothingFound,
                        "every condition that the playbooks know was ruled out".into(),
                    )
                } else {
                    escalated(
                        Code::NotExplained,
                        "what was mended does not account for the words of the ticket".into(),
                    )
                }
            }
        }
    }

    /// What an earlier look of this case found.
    fn found_at_first(&self) -> Option<&Finding> {
        self.case.diagnoses.iter().flat_map(|diagnosis| &diagnosis.findings).next()
    }

    /// Why a question cannot be answered from this evidence; a fact that is unknown is no answer.
    fn unanswered(self, request: &PlaybookName) -> Option<String> {
        let request = self.system_type.request(request)?;
        let facts =
            request.probes.iter().filter_map(|probe| Some((probe, self.case.evidence.facts.get(probe)?)));
        let missing = request.probes.iter().find(|probe| !self.case.evidence.facts.contains_key(*probe));
        let unknown =
            facts.flat_map(|(probe, facts)| facts.iter().map(move |(name, known)| (probe, name, known)));
        missing.map(|probe| format!("{probe} was not looked at")).or_else(|| {
            unknown
                .filter_map(|(probe, name, known)| Some((probe, name, known.as_ref().err()?)))
                .map(|(probe, name, why)| format!("{probe}.{name} is unknown: {why}"))
                .next()
        })
    }

    fn why_still_broken(self, objection: &CloseDispute, diagnosis: &Diagnosis) -> String {
        let who = if objection.by.is_empty() { "somebody" } else { &objection.by };
        let how = match objection.via {
            Via::Reopened => "opened this again after I had closed it",
            Via::Comment => "says that this is not settled, after I had closed it",
        };
        let found = match (diagnosis.findings.first(), diagnosis.unknown.first()) {
            _ if self.case.evidence.nothing_reached() => self.why_unreached(),
            (Some(finding), _) => format!("{}: {}", finding.title, finding.summary),
            (None, Some(unknown)) => format!("it cannot be told about {}: {}", unknown.playbook, unknown.why),
            (None, None) => "every fault that I know is ruled out".to_owned(),
        };
        format!("{who} {how}. What I see now: {found}")
    }

    fn why_unreached(self) -> String {
        use crate::diagnosis::evidence::ProbeStatus;
        let reasons: BTreeSet<String> = self
            .case
            .evidence
            .probes
            .values()
            .filter_map(|sight| match &sight.status {
                ProbeStatus::Unreachable(why) => Some(format!("{}: {why}", sight.host.as_ref()?)),
                _ => None,
            })
            .collect();
        reasons.into_iter().collect::<Vec<_>>().join("; ")
    }
}
