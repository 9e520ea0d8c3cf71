//! The decision: from a case to the next action. Pure, total, and the same after a restart as before.

use super::action::{Action, Order};
use super::case::{Case, ChangeState, Phase, Stage, Track, Treated, Treatment, Trouble};
use super::diagnosis::{Diagnosis, Finding, Unknown, diagnose};
use super::event::{ChangeId, Door, Event, Purpose, Way};
use super::expr::{Expr, Truth};
use super::inventory::{Inventory, Site};
use super::name::{PlaybookName, ProbeName};
use super::outcome::{Code, Escalation, Outcome};
use super::playbook::{Fault, Library, Replay, Step, System};
use super::policy::{self, Pause, Permit, Policy};
use super::remedy::{self, PlannedStep};
use super::ticket::State;
use super::triage::{Asks, Triage, triage};
use super::verification::{self, Verdict};
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;
use std::time::Duration;

/// How often a change that the host never heard of is tried, and one that is safe to repeat.
const ATTEMPTS: u32 = 3;
/// The pause before the first repetition; it doubles.
const PAUSE: Duration = Duration::from_secs(2);
/// Older evidence begins no remedy.
const LONGEST_SIGHT: chrono::TimeDelta = chrono::TimeDelta::minutes(3);
/// How often a case that waits under a halt asks whether it is lifted.
const HALT: Duration = Duration::from_secs(5);
/// The longest pause between attempts to tell the forge something.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What a decision rests on, beside the case.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// The playbooks that the case began with.
    pub library: &'a Library,
    pub inventory: &'a Inventory,
    pub policy: &'a Policy,
    /// A person's halt to all changes.
    pub pause: Option<&'a Pause>,
    pub now: DateTime<Utc>,
}

/// The next action of a case.
pub fn decide(case: &Case, world: World<'_>) -> Action {
    if case.stage == Stage::Ended {
        return Action::Rest;
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
    let Some(system) = world.library.systems.get(&site.kind) else {
        return escalate(Code::NoSystem, format!("there are no playbooks for `{}`", site.kind));
    };
    if let Some(action) = show(case, world.policy) {
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
    if case.ticket.state == State::Closed {
        return declined("the issue is closed");
    }
    if case.ticket.locked {
        return declined("the issue's conversation is locked");
    }
    let suspect = match &case.door {
        Door::Sweep { suspect } => suspect.as_ref(),
        _ => None,
    };
    Action::Note(Event::Triaged(triage(&case.ticket, world.library, world.inventory, suspect)))
}

/// The status comment and the label, when the stage has changed.
fn show(case: &Case, policy: &Policy) -> Option<Action> {
    if !policy.speaks {
        return None;
    }
    if case.talk.status != Some(case.stage_word()) {
        return Some(Action::ShowStatus);
    }
    (case.talk.label.as_deref() != Some(case.label_word())).then_some(Action::SetLabel)
}

/// After the outcome: report, call people or close, set the labels, bring the status up to date.
fn tell(case: &Case, world: World<'_>) -> Action {
    let Some(outcome) = &case.outcome else { return Action::Note(Event::Ended) };
    // A declined ticket is one that must not be written on; what was written before is brought to an end.
    let silent = matches!(outcome, Outcome::Declined { .. }) && case.talk.status.is_none();
    if !world.policy.speaks || silent {
        return Action::Note(Event::Ended);
    }
    if let Some(trouble) = &case.talk.trouble {
        let until = after(trouble);
        if until > world.now {
            return Action::Wait { until };
        }
    }
    if matches!(outcome, Outcome::Declined { .. }) {
        return show(case, world.policy).unwrap_or(Action::Note(Event::Ended));
    }
    if !case.talk.reported {
        return Action::PostReport;
    }
    // Nothing is closed without a word.
    if outcome.closes() && !case.talk.closed && !case.talk.refused_report {
        return Action::Close;
    }
    if matches!(outcome, Outcome::Escalated(_)) && !case.talk.called {
        return Action::CallPeople;
    }
    show(case, world.policy).unwrap_or(Action::Note(Event::Ended))
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
            _ => diagnose(self.system, self.site, &self.case.evidence),
        }
    }

    /// After a diagnosis: the next fault to treat, or the end.
    fn next(self) -> Action {
        let Some(diagnosis) = self.case.diagnosis() else { return self.look() };
        if let Some(action) = self.case.treatments.last().and_then(|last| self.after_failure(last)) {
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
        let mut consequences = BTreeSet::from([of.clone()]);
        // The faults stand in causal order, so one pass from the end finds causes of causes.
        for fault in self.system.faults.iter().rev() {
            if !fault.before.is_disjoint(&consequences) {
                consequences.insert(fault.name.clone());
            }
        }
        consequences.remove(of);
        diagnosis.unknown.iter().find(|unknown| consequences.contains(&unknown.playbook))
    }

    /// A treatment that did not end well ends the case.
    fn after_failure(self, treatment: &Treatment) -> Option<Action> {
        let Phase::Over { result, .. } = &treatment.phase else { return None };
        let playbook = &treatment.plan.playbook;
        match result {
            Treated::Mended => None,
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

    fn begin(self, playbook: &PlaybookName, diagnosis: &Diagnosis) -> Action {
        let Some(fault) = self.system.fault(playbook) else {
            return escalate(Code::NoPlaybooks, format!("the playbook `{playbook}` is gone"));
        };
        if self.case.treatments.iter().any(|treatment| treatment.plan.playbook == *playbook) {
            return escalate(Code::CameBack, format!("{playbook}: it came back after it was mended"));
        }
        if self.case.treatments.len() >= self.world.policy.max_remedies {
            let number = self.case.treatments.len();
            return escalate(
                Code::NotPermitted,
                format!("{number} remedies were applied to this ticket already"),
            );
        }
        if self.case.paused.is_some()
            && let Some(action) = self.halt()
        {
            return action;
        }
        // What was seen before a wait or a restart says nothing about now.
        if self.world.now - self.case.evidence.at > LONGEST_SIGHT {
            return self.look();
        }
        let because = diagnosis.findings.first().map_or("", |finding| finding.because.as_str());
        if fault.remedy.is_empty() {
            return escalate(Code::NeedsPerson, format!("{playbook}: {because}"));
        }
        let keep = self.case.keep_name();
        let plan = match remedy::plan(self.system, self.site, fault, &self.case.evidence, &keep) {
            Ok(plan) => plan,
            Err(problem) => return escalate(Code::CannotTell, format!("{playbook}: {problem}")),
        };
        // A plan is permitted as a whole: to run out half-way would leave a remedy half-made.
        let changes = self.case.changes_made() + plan.steps.len();
        let permit = policy::permit(self.world.policy, &plan, self.site.mode, fault.mode, changes);
        if let Err(refusal) = permit {
            return escalate(Code::NotPermitted, format!("{playbook}: {because}; {refusal}"));
        }
        if let Some(action) = self.halt() {
            return action;
        }
        if self.case.ticket.state == State::Closed {
            let why = "the issue was closed meanwhile".to_owned();
            return Action::Note(Event::Concluded(Outcome::Declined { why }));
        }
        if !self.case.rechecked {
            return self.recheck();
        }
        let hosts: Vec<_> = plan.hosts().difference(&self.case.held).cloned().collect();
        if !hosts.is_empty() {
            return Action::Hold { hosts };
        }
        Action::Note(Event::Planned(plan))
    }

    /// What a person's halt makes of a case that is about to change something: it waits where it stands.
    fn halt(self) -> Option<Action> {
        match (self.world.pause, &self.case.paused) {
            (Some(pause), None) => Some(Action::Note(Event::Paused(pause.clone()))),
            (Some(_), Some(_)) => Some(Action::Wait { until: self.world.now + HALT }),
            (None, Some(_)) => Some(Action::Note(Event::Resumed)),
            (None, None) => None,
        }
    }

    /// Nobody's servers are changed for an issue that was closed while they were looked at.
    fn recheck(self) -> Action {
        match &self.case.talk.trouble {
            Some(trouble) if after(trouble) > self.world.now => Action::Wait { until: after(trouble) },
            _ => Action::Recheck,
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
        let bed = Bed { ground: self, index, treatment, fault };
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

/// A treatment in progress, on its ground.
#[derive(Clone, Copy)]
struct Bed<'a> {
    ground: Ground<'a>,
    index: usize,
    treatment: &'a Treatment,
    fault: &'a Fault,
}

impl Bed<'_> {
    fn apply(self) -> Action {
        for (step, (track, spec)) in self.treatment.steps.iter().zip(&self.fault.remedy).enumerate() {
            let change = self.change(step, Way::Do);
            match &track.state {
                ChangeState::Done | ChangeState::Skipped(_) => {}
                ChangeState::Failed(_) if spec.optional => {}
                ChangeState::Failed(why) => {
                    return Action::Note(Event::RemedyFailed { why: format!("{}: {why}", spec.name) });
                }
                ChangeState::Pending => return self.first_try(change, spec),
                _ => return self.try_again(change, track, &spec.replay),
            }
        }
        let anything_done = self.treatment.steps.iter().any(|track| track.state == ChangeState::Done);
        if !anything_done {
            return Action::Note(Event::RemedyFailed {
                why: "no step of the remedy could be applied".into(),
            });
        }
        Action::Note(Event::Applied)
    }

    /// A step that was not begun: is it needed?
    fn first_try(self, change: ChangeId, spec: &Step) -> Action {
        let Some(only_if) = &spec.only_if else { return self.make(change, 0) };
        match self.fresh_truth(only_if, Purpose::OnlyIf(change)) {
            Err(look) => look,
            Ok(Truth::True) => self.make(change, 0),
            Ok(Truth::False) => Action::Note(Event::ChangeSkipped {
                change,
                why: format!("not needed: {}", only_if.source()),
            }),
            Ok(Truth::Unknown(why)) if spec.optional => Action::Note(Event::ChangeSkipped {
                change,
                why: format!("cannot tell whether it is needed: {why}"),
            }),
            Ok(Truth::Unknown(why)) => Action::Note(Event::RemedyFailed {
                why: format!("{}: cannot tell whether it is needed: {why}", spec.name),
            }),
        }
    }

    /// A change that was begun before: after a crash, a broken connection, or a host that did not answer.
    fn try_again(self, change: ChangeId, track: &Track, replay: &Replay) -> Action {
        let doubt = match &track.state {
            ChangeState::NotStarted(why) => {
                if track.misses >= ATTEMPTS {
                    return self.give_up(change, why);
                }
                return self.pause_then_make(change, track);
            }
            ChangeState::InDoubt(why) => why.clone(),
            _ => "the agent stopped while it ran".to_owned(),
        };
        if track.misses >= ATTEMPTS {
            return Action::Note(Event::ChangeFrozen { change, why: doubt });
        }
        let frozen = |why: String| Action::Note(Event::ChangeFrozen { change, why });
        match replay {
            Replay::Never => frozen(doubt),
            _ if track.attempts >= ATTEMPTS => frozen(format!("{doubt}, {ATTEMPTS} times")),
            // Safe to run again is not safe to run twice at once.
            Replay::Safe if track.may_still_run => frozen(doubt),
            Replay::Safe => self.pause_then_make(change, track),
            Replay::Check(done) => {
                let purpose = Purpose::Replay(change, track.attempts);
                if self.ground.case.looked_for != Some(purpose) {
                    return self.look(done, purpose);
                }
                match self.truth(done) {
                    Truth::True => Action::Note(Event::ChangeFound { change }),
                    // Not done yet, by one that may be about to do it.
                    Truth::False if track.may_still_run => frozen(doubt),
                    Truth::False => self.pause_then_make(change, track),
                    Truth::Unknown(why) => frozen(format!("{doubt}; cannot tell whether it was done: {why}")),
                }
            }
        }
    }

    fn pause_then_make(self, change: ChangeId, track: &Track) -> Action {
        let tries = track.misses + track.attempts.saturating_sub(1);
        let until = track.at.unwrap_or(self.ground.world.now) + PAUSE * (1 << tries.min(5));
        if until > self.ground.world.now { Action::Wait { until } } else { self.make(change, track.attempts) }
    }

    /// The host cannot be asked: nothing happened, so the step failed cleanly.
    fn give_up(self, change: ChangeId, why: &str) -> Action {
        match change.way {
            Way::Do => {
                let name = &self.treatment.plan.steps[change.step].name;
                Action::Note(Event::RemedyFailed { why: format!("{name}: {why}") })
            }
            Way::Undo => Action::Note(Event::Undone { clean: false }),
        }
    }

    /// The order, if policy permits it and the command could be written.
    fn make(self, change: ChangeId, attempts: u32) -> Action {
        let Some(planned) = self.treatment.plan.steps.get(change.step) else {
            return Action::Note(Event::RemedyFailed { why: "the plan has no such step".into() });
        };
        let command = match (change.way, &planned.command, &planned.undo) {
            (Way::Do, Ok(command), _) | (Way::Undo, _, Some(command)) => command.clone(),
            (Way::Do, Err(why), _) => return self.unwritten(change, planned, &why.to_string()),
            (Way::Undo, _, None) => return Action::Note(Event::Undone { clean: false }),
        };
        if let Some(action) = self.ground.halt() {
            return action;
        }
        match self.permit(change.way) {
            Ok(permit) => Action::Change(Order {
                change,
                attempt: attempts + 1,
                host: planned.host.clone(),
                command,
                permit,
            }),
            Err(refusal) => self.give_up(change, &refusal.to_string()),
        }
    }

    fn unwritten(self, change: ChangeId, planned: &PlannedStep, why: &str) -> Action {
        let optional = self.fault.remedy.get(change.step).is_some_and(|spec| spec.optional);
        if optional {
            return Action::Note(Event::ChangeSkipped { change, why: why.to_owned() });
        }
        Action::Note(Event::RemedyFailed { why: format!("{}: {why}", planned.name) })
    }

    fn permit(self, way: Way) -> Result<Permit, policy::Refusal> {
        let Ground { case, world, site, .. } = self.ground;
        if way == Way::Undo {
            return policy::permit_undo(world.policy, &self.treatment.plan);
        }
        policy::permit(
            world.policy,
            &self.treatment.plan,
            site.mode,
            self.fault.mode,
            case.changes_made() + 1,
        )
    }

    fn verify(self, progress: &verification::Progress) -> Action {
        let Ground { case, world, .. } = self.ground;
        let conditions = verification::conditions(self.fault, world.policy);
        if case.looked_for == Some(Purpose::Verify) {
            let scope = case.evidence.scope(&self.ground.system.params(&self.ground.site.params));
            let truths = conditions.iter().map(|condition| condition.truth(&scope)).collect();
            return Action::Note(Event::Checked { truths });
        }
        match progress.judge(&conditions) {
            Verdict::Passed => {
                let conditions = conditions.into_iter().map(|condition| condition.what).collect();
                Action::Note(Event::Verified { conditions })
            }
            Verdict::Failed(why) => Action::Note(Event::NotVerified { why }),
            Verdict::Pending(until) if until > world.now => Action::Wait { until },
            Verdict::Pending(_) => {
                let exprs = self.fault.verify.iter().map(|check| &check.holds).chain([&self.fault.when]);
                let names: BTreeSet<String> = exprs.flat_map(Expr::names).collect();
                let probes = self.ground.system.probes_of(names.iter().map(String::as_str));
                Action::Look { purpose: Purpose::Verify, probes }
            }
        }
    }

    /// Undoes, in reverse, what was done and what failed half-way.
    fn undo(self) -> Action {
        let steps = self.treatment.steps.iter().zip(&self.treatment.undos).enumerate().rev();
        for (step, (done, undone)) in steps {
            let touched = matches!(done.state, ChangeState::Done | ChangeState::Failed(_));
            let has_undo = self.treatment.plan.steps.get(step).is_some_and(|planned| planned.undo.is_some());
            if !touched || !has_undo {
                continue;
            }
            let change = self.change(step, Way::Undo);
            match &undone.state {
                ChangeState::Done | ChangeState::Skipped(_) => {}
                ChangeState::Failed(_) => return Action::Note(Event::Undone { clean: false }),
                ChangeState::Pending => return self.make(change, 0),
                _ => return self.try_again(change, undone, &Replay::Safe),
            }
        }
        Action::Note(Event::Undone { clean: true })
    }

    fn change(self, step: usize, way: Way) -> ChangeId {
        ChangeId { treatment: self.index, step, way }
    }

    fn truth(self, expr: &Expr) -> Truth {
        let Ground { case, site, system, .. } = self.ground;
        expr.truth(&case.evidence.scope(&system.params(&site.params)))
    }

    /// The truth of a condition on evidence newer than the last change, or the look that it needs.
    fn fresh_truth(self, expr: &Expr, purpose: Purpose) -> Result<Truth, Action> {
        let needed = self.probes(expr);
        if needed.is_subset(&self.ground.case.fresh) {
            return Ok(self.truth(expr));
        }
        Err(self.look(expr, purpose))
    }

    fn look(self, expr: &Expr, purpose: Purpose) -> Action {
        Action::Look { purpose, probes: self.probes(expr) }
    }

    fn probes(self, expr: &Expr) -> BTreeSet<ProbeName> {
        self.ground.system.probes_of(expr.names().iter().map(String::as_str))
    }
}
