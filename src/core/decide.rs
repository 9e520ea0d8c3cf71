//! The decision: from a case to the next action. Pure, total, and the same after a restart as before.

mod begin;
mod errand;
mod treat;

use super::action::Action;
use super::case::{Case, Phase, Stage, Treated, Treatment, Trouble};
use super::diagnosis::{Diagnosis, Finding, Unknown, diagnose};
use super::errand::Errand;
use super::event::{Door, Event, Purpose};
use super::history::History;
use super::inventory::{Inventory, Site};
use super::name::PlaybookName;
use super::objection::{How, Objection};
use super::outcome::{Code, Escalation, Outcome};
use super::playbook::{Library, System};
use super::policy::{Pause, Policy};
use super::ticket::State;
use super::triage::{Asks, Triage, triage, triage_errand};
use super::word::Posted;
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
pub struct World<'a> {
    /// The playbooks that the case began with.
    pub library: &'a Library,
    pub inventory: &'a Inventory,
    pub policy: &'a Policy,
    /// A person's halt to all changes.
    pub pause: Option<&'a Pause>,
    /// What people have said to this case, read before or not.
    pub words: &'a [Posted],
    /// What was changed lately, in all cases; `None` where it was not asked for.
    pub history: Option<&'a History>,
    pub now: DateTime<Utc>,
}

/// The next action of a case.
pub fn decide(case: &Case, world: World<'_>) -> Action {
    if case.stage == Stage::Ended {
        return Action::Rest;
    }
    if let Some(unheard) = world.words.iter().find(|posted| !case.heard.contains(&posted.key)) {
        return Action::Note(Event::Heard(unheard.clone()));
    }
    if case.stage == Stage::Concluded {
        return tell(case, world);
    }
    if case.stage == Stage::Opened {
        return open(case, world);
    }
    let Some(triage) = &case.triage else { return open(case, world) };
    let Some(site) = &triage.site else {
        return escalate(Code::NoSystem, "the ticket names no system that is looked after, or more than one");
    };
    let Some(system) = triage.system(world.library) else {
        return escalate(Code::NoSystem, format!("there are no playbooks for `{}`", site.kind));
    };
    let system = &*system;
    if let Some(action) = show(case, world) {
        return action;
    }
    let ground = Ground { case, world, triage, site, system };
    match case.stage {
        Stage::Looking => ground.look(),
        Stage::Looked => Action::Note(Event::Diagnosed(ground.diagnose())),
        Stage::Diagnosed => ground.next(),
        Stage::Treating => ground.treat(),
        Stage::Opened | Stage::Concluded | Stage::Ended => Action::Rest,
    }
}

fn open(case: &Case, world: World<'_>) -> Action {
    let declined = |why: &str| Action::Note(Event::Concluded(Outcome::Declined { why: why.into() }));
    let errand = case.errand();
    if case.ticket.state == State::Closed && !errand.only_looks() {
        return declined("the issue is closed");
    }
    if case.ticket.locked {
        return declined("the issue's conversation is locked");
    }
    let suspect = match &case.door {
        Door::Sweep { suspect } => suspect.as_ref(),
        Door::Recurrence { suspect, .. } => Some(suspect),
        Door::Objection(objection) if case.objection.is_none() => {
            return Action::Note(Event::FalselyClosed(objection.clone()));
        }
        _ => None,
    };
    let was_closed = match &case.door {
        Door::Recurrence { .. } => true,
        Door::Objection(objection) => objection.how == How::Said,
        _ => false,
    };
    if was_closed && world.policy.speaks && !case.talk.reopened {
        return pause_after_trouble(case, world).unwrap_or(Action::Reopen);
    }
    let mut triage = match errand {
        Errand::Treat => triage(&case.ticket, world.library, world.inventory, suspect),
        _ => triage_errand(errand, &case.ticket, world.library, world.inventory),
    };
    if case.objection.is_some() {
        // Whatever the ticket asked for, it was not enough.
        triage.asks = Asks::Complaint;
    }
    Action::Note(Event::Triaged(triage))
}

/// The status comment and the label, when the stage has changed.
fn show(case: &Case, world: World<'_>) -> Option<Action> {
    // A look beside the ticket leaves its status and its label as they are.
    if !world.policy.speaks || case.errand().only_looks() {
        return None;
    }
    if case.talk.status != Some(case.stage_word()) && case.may_edit_status(world.now) {
        return Some(Action::ShowStatus);
    }
    (case.talk.label.as_deref() != Some(case.label_word())).then_some(Action::SetLabel)
}

/// After the outcome: report, call people or close, set the labels, bring the status up to date.
fn tell(case: &Case, world: World<'_>) -> Action {
    let Some(outcome) = &case.outcome else { return Action::Note(Event::Ended) };
    // A declined ticket is one that must not be written on; what was written before is brought to an end.
    let is_declined = matches!(outcome, Outcome::Declined { .. });
    let looked = case.errand().only_looks() && case.looked_for.is_some();
    let silent = is_declined && case.talk.status.is_none() && !looked;
    if !world.policy.speaks || silent {
        return Action::Note(Event::Ended);
    }
    if let Some(wait) = pause_after_trouble(case, world) {
        return wait;
    }
    // A person who set the agent to something is told why it was not done.
    if is_declined && *case.errand() == Errand::Treat {
        return show(case, world).unwrap_or(Action::Note(Event::Ended));
    }
    // Before the report, which links to it.
    let recurs = case.recurred.as_ref().is_some_and(|recurred| recurred.count >= PROBLEM);
    if recurs && case.talk.problem.is_none() {
        return Action::OpenProblem;
    }
    if !case.talk.reported {
        return Action::PostReport;
    }
    // Nothing is closed without a word.
    if case.closes() && !case.talk.closed && !case.talk.refused_report {
        return Action::Close;
    }
    let calls = matches!(outcome, Outcome::Escalated(_)) && !case.errand().only_looks();
    if calls && !case.talk.called {
        return Action::CallPeople;
    }
    show(case, world).unwrap_or(Action::Note(Event::Ended))
}

/// What the forge did not take is not tried again at once.
fn pause_after_trouble(case: &Case, world: World<'_>) -> Option<Action> {
    let until = after(case.talk.trouble.as_ref()?);
    (until > world.now).then_some(Action::Wait { until })
}

fn after(trouble: &Trouble) -> DateTime<Utc> {
    let pause = PAUSE.saturating_mul(1 << trouble.attempts.min(10)).min(LONGEST_PAUSE);
    trouble.at + pause
}

fn escalate(code: Code, why: impl Into<String>) -> Action {
    Action::Note(Event::Concluded(Outcome::Escalated(Escalation { code, why: why.into() })))
}

/// A case with everything a decision about it needs.
#[derive(Clone, Copy)]
struct Ground<'a> {
    case: &'a Case,
    world: World<'a>,
    triage: &'a Triage,
    site: &'a Site,
    system: &'a System,
}

impl Ground<'_> {
    fn look(self) -> Action {
        match &self.triage.asks {
            Asks::Question { request, health: false } => match self.system.request(request) {
                Some(request) => {
                    let probes = self.system.with_needs(request.probes.iter().cloned());
                    Action::Look { purpose: Purpose::Diagnose, probes }
                }
                None => escalate(Code::NoPlaybooks, format!("the playbook `{request}` is gone")),
            },
            _ => Action::Look {
                purpose: Purpose::Diagnose,
                probes: self.system.probes.keys().cloned().collect(),
            },
        }
    }

    /// What the look says about the faults. A question that is not about health was looked at for its
    /// own probes only, which say nothing about faults.
    fn diagnose(self) -> Diagnosis {
        match self.triage.asks {
            Asks::Question { health: false, .. } => Diagnosis::default(),
            _ => self.ordered(diagnose(self.system, self.site, &self.case.evidence)),
        }
    }

    /// After a diagnosis: the next fault to treat, or the end.
    fn next(self) -> Action {
        let Some(diagnosis) = self.case.diagnosis() else { return self.look() };
        if let Some(action) = self.case.treatments.last().and_then(|last| self.after_failure(last)) {
            return action;
        }
        if self.case.cancelled_by.is_some() {
            return Action::Note(Event::Concluded(Outcome::Cancelled));
        }
        // To mend it once more, and close it once more, would go round in circles.
        if let Some(objection) = &self.case.objection {
            return escalate(Code::StillBroken, self.why_still_broken(objection, diagnosis));
        }
        if let Some(action) = self.stand_still().or_else(|| self.end_errand(diagnosis)) {
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
                self.begin(&finding.playbook, diagnosis)
            }
            None => Action::Note(Event::Concluded(self.conclude(diagnosis))),
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
        for fault in self.system.faults.iter().rev() {
            if !fault.before.is_disjoint(&consequences) {
                consequences.insert(fault.name.clone());
            }
        }
        consequences.remove(of);
        consequences
    }

    /// A treatment that did not end well ends the case.
    fn after_failure(self, treatment: &Treatment) -> Option<Action> {
        let Phase::Over { result, .. } = &treatment.phase else { return None };
        let playbook = &treatment.plan.playbook;
        match result {
            Treated::Mended => None,
            Treated::NotFixed { .. } if self.case.cancelled_by.is_some() => None,
            Treated::NotFixed { why } => Some(escalate(Code::NotFixed, format!("{playbook}: {why}"))),
            Treated::UndoFailed { why } => {
                Some(escalate(Code::UndoFailed, format!("{playbook}: {why}; undoing it failed too")))
            }
            Treated::InDoubt { why, change } => {
                let step = treatment.plan.steps.get(change.step).map_or("", |step| step.name.as_str());
                Some(escalate(Code::InDoubt, format!("{playbook}, {step}: {why}")))
            }
        }
    }

    fn treat(self) -> Action {
        let Some(index) = self.case.treatments.len().checked_sub(1) else { return self.next() };
        let treatment = &self.case.treatments[index];
        let Some(fault) = self.system.fault(&treatment.plan.playbook) else {
            return escalate(
                Code::NoPlaybooks,
                format!("the playbook `{}` is gone", treatment.plan.playbook),
            );
        };
        let bed = treat::Bed { ground: self, index, treatment, fault };
        match &treatment.phase {
            Phase::Applying => bed.apply(),
            Phase::Verifying(progress) => bed.verify(progress),
            Phase::Undoing { .. } => bed.undo(),
            Phase::Over { .. } => self.next(),
        }
    }

    /// The outcome when no fault is left to treat.
    fn conclude(self, diagnosis: &Diagnosis) -> Outcome {
        let escalated = |code, why: String| Outcome::Escalated(Escalation { code, why });
        if self.case.evidence.nothing_reached() {
            return escalated(Code::Unreachable, self.why_unreached());
        }
        let mended: Vec<&PlaybookName> =
            self.case.treatments.iter().map(|treatment| &treatment.plan.playbook).collect();
        let unknown = |matters: &dyn Fn(&PlaybookName) -> bool| {
            diagnosis.unknown.iter().find(|unknown| matters(&unknown.playbook))
        };
        match &self.triage.asks {
            Asks::Question { request, health } => {
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
            Asks::Complaint => {
                let explains = |playbook: &PlaybookName| self.triage.explains(playbook);
                let explained = mended.iter().any(|playbook| explains(playbook));
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
                        finding.title, finding.because
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
        let request = self.system.request(request)?;
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

    fn why_still_broken(self, objection: &Objection, diagnosis: &Diagnosis) -> String {
        let who = if objection.who.is_empty() { "somebody" } else { &objection.who };
        let how = match objection.how {
            How::Reopened => "opened this again after I had closed it",
            How::Said => "says that this is not settled, after I had closed it",
        };
        let found = match (diagnosis.findings.first(), diagnosis.unknown.first()) {
            _ if self.case.evidence.nothing_reached() => self.why_unreached(),
            (Some(finding), _) => format!("{}: {}", finding.title, finding.because),
            (None, Some(unknown)) => format!("it cannot be told about {}: {}", unknown.playbook, unknown.why),
            (None, None) => "every fault that I know is ruled out".to_owned(),
        };
        format!("{who} {how}. What I see now: {found}")
    }

    fn why_unreached(self) -> String {
        use super::evidence::Seen;
        let reasons: BTreeSet<String> = self
            .case
            .evidence
            .sights
            .values()
            .filter_map(|sight| match &sight.seen {
                Seen::Unreached(why) => Some(format!("{}: {why}", sight.host.as_ref()?)),
                _ => None,
            })
            .collect();
        reasons.into_iter().collect::<Vec<_>>().join("; ")
    }
}
