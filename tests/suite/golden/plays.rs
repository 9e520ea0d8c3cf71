//! The cases that golden journals are made of: incidents that are played, with people and failures, and
//! one journal that holds every kind of record.

use super::{EVERY_KIND, Golden, lines};
use crate::contracts::events::{doors, following, host, moment, opened, ticket_id};
use crate::limits;
use crate::scenarios::scene;
use crate::taps::{Broken, Deed, Tap, tapped};
use crate::test_agent::at_terminal;
use async_trait::async_trait;
use chrono::TimeDelta;
use fieldmedic::core::case::dispute::{CloseDispute, Via};
use fieldmedic::core::case::event::{CaseId, Direction, Event, Source};
use fieldmedic::core::case::outcome::{Code, Escalation, Outcome};
use fieldmedic::core::case::payload::{decode_event, encode_event};
use fieldmedic::core::case::published::{LabelState, Published, StatusKey};
use fieldmedic::core::case::scheduled_run::ScheduledRun;
use fieldmedic::core::case::signal::{QueuedSignal, Signal, SignalKind};
use fieldmedic::core::case::{Case, Waiting};
use fieldmedic::core::chatops::scope::CaseScope;
use fieldmedic::core::diagnosis::evidence::{Exit, RawObservation};
use fieldmedic::core::ids::{HostName, ParamName, PlaybookName, ScheduleName, SystemName};
use fieldmedic::core::policy::limits::{Deferral, ExceededLimit};
use fieldmedic::core::policy::pause_order::PauseOrderKind;
use fieldmedic::core::policy::permit::{Mode, Policy, Risk};
use fieldmedic::core::policy::schedule::Schedule;
use fieldmedic::core::text::redact::Redacted;
use fieldmedic::core::ticket::{TicketId, TicketState};
use fieldmedic::engine::{
    Shutdown, check_recurrences, check_systems, poll, run_case, run_case_waiting, start_run,
};
use fieldmedic::ports::{
    Clock, ForgeError, Journal, LeaseGrant, Marker, NewCase, OpenResult, ShellError, Store,
};
use fieldmedic::scenario::{ScenarioRun, ScenarioVerdict};
use fieldmedic::store::Sqlite;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// Scenarios whose case is kept as it was played.
const SCENARIOS: [(&str, &str); 11] = [
    ("resolved", "worker-down-form"),
    ("partial", "two-topics"),
    ("answered-question", "status"),
    ("answered-command", "logs"),
    ("answered-command-to-fix", "run-worker-down"),
    ("declined-command", "run-queue-stuck-cause-first"),
    ("escalated-not-fixed", "worker-down-not-fixed"),
    ("escalated-in-doubt", "queue-stuck-cut-off"),
    ("escalated-change-lost", "worker-down-lost"),
    ("escalated-unreachable", "worker-down-unreachable"),
    ("escalated-cannot-tell", "unknown-cause"),
];

/// Where else than at the end a journal is read: at the first record of a kind, as a process that was
/// killed there leaves it.
const UNFINISHED: [(&str, &str); 13] = [
    ("resolved", "opened"),
    ("resolved", "triaged"),
    ("resolved", "diagnosed"),
    ("resolved", "remediation_started"),
    ("resolved", "change_started"),
    ("resolved", "conditions_checked"),
    ("resolved", "outcome_decided"),
    ("escalated-not-fixed", "verification_failed"),
    ("escalated-in-doubt", "change_in_doubt"),
    ("approved", "approval_requested"),
    ("approved", "signal_received"),
    ("linked", "linked"),
    ("troubled", "change_not_started"),
];

/// All of them, in no order.
pub async fn all() -> Vec<Golden> {
    let mut all = Vec::new();
    for (name, scenario) in SCENARIOS {
        all.push(played(name, scenario).await);
    }
    all.extend(asks_reporter().await);
    all.extend(asked().await);
    all.extend(halted().await);
    all.extend(limited().await);
    all.push(linked().await);
    all.extend(after_the_close().await);
    all.push(found_by_a_sweep().await);
    all.push(ran_on_a_schedule().await);
    all.extend(troubled().await);
    all.push(found_done().await);
    for (name, kind) in UNFINISHED {
        let golden = all.iter_mut().find(|golden| golden.name == name).expect("it was played");
        golden.cuts.push(golden.first(kind));
    }
    all.push(every_kind().await);
    all
}

/// An incident whose journal is a file.
struct Play {
    scene: ScenarioRun,
    home: TempDir,
}

impl Play {
    async fn new(scenario: &str) -> Self {
        Self::of(scene(scenario).await).await
    }

    async fn of(mut scene: ScenarioRun) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let journal = Sqlite::open(&place(&home)).await.expect("a journal");
        scene.agent.journal = Arc::new(journal);
        Self { scene, home }
    }

    /// One in which everything needs a person's yes.
    async fn asking(scenario: &str) -> Self {
        let mut play = Self::new(scenario).await;
        play.scene.agent.policy = Arc::new(Policy { mode: Mode::Ask, ..(*play.scene.agent.policy).clone() });
        // The first poll has no past; from then on comments are read.
        play.poll().await;
        play
    }

    fn tap(&mut self, tap: impl Tap + 'static) {
        self.scene.agent = tapped(&self.scene.agent, Arc::new(tap));
    }

    async fn take_in(&self) -> CaseId {
        self.scene.take_in().await.expect("the ticket is taken in")
    }

    /// Works a case until it waits for somebody, or ends.
    async fn begin(&self, id: &CaseId) -> Case {
        let (stop, _pull) = Shutdown::new();
        run_case(&self.scene.agent, id, &stop).await.expect("the case goes on")
    }

    /// Works a case until it ends, or waits for a person.
    async fn work(&self, id: &CaseId) -> Case {
        let (stop, _pull) = Shutdown::new();
        run_case_waiting(&self.scene.agent, id, &stop).await.expect("the case goes on")
    }

    async fn poll(&self) -> Vec<CaseId> {
        poll(&self.scene.agent).await.expect("GitHub answers")
    }

    /// A comment, and the cases that have something to do for it.
    async fn say(&self, login: &str, words: &str) -> Vec<CaseId> {
        self.scene.hub.comment(&self.scene.ticket, login, words).expect("GitHub takes it");
        self.poll().await
    }

    async fn order(&self, words: &str) {
        self.say("ops-lead", &format!("/qfield:support {words}")).await;
    }

    fn pass(&self, minutes: i64) {
        self.scene.clock.set(self.scene.clock.now() + TimeDelta::minutes(minutes));
    }

    fn set(&self, path: &str, value: serde_json::Value) {
        let now = self.scene.clock.now();
        self.scene.host.lock().set(path, value, now).expect("the state takes it");
    }

    async fn journal(&self, name: &str, id: &CaseId) -> Golden {
        Golden { name: name.into(), lines: lines(&place(&self.home), id).await, cuts: Vec::new() }
    }

    /// The journal up to the first record of a kind.
    async fn until(&self, name: &str, id: &CaseId, kind: &str) -> Golden {
        let mut golden = self.journal(name, id).await;
        golden.lines.truncate(golden.first(kind));
        golden
    }

    /// Works a case to its end, and gives its journal if it ended so.
    async fn ended(&self, name: &str, id: &CaseId, word: &str) -> Golden {
        let case = self.work(id).await;
        let code = match &case.outcome {
            Some(Outcome::Escalated(escalation)) => escalation.code.as_str(),
            Some(outcome) => outcome.word(),
            None => "",
        };
        assert_eq!(code, word, "{name}");
        self.journal(name, id).await
    }
}

fn place(home: &TempDir) -> PathBuf {
    home.path().join("journal.db")
}

fn only(cases: Vec<CaseId>) -> CaseId {
    assert_eq!(cases.len(), 1);
    cases.into_iter().next().expect("one case")
}

fn plan_of(case: &Case) -> &str {
    case.pending_approval.as_ref().expect("it asks").plan.short_id()
}

async fn played(name: &str, scenario: &str) -> Golden {
    let play = Play::new(scenario).await;
    let id = play.take_in().await;
    let played = play.scene.judge(play.work(&id).await).expect("it can be judged");
    assert_eq!(played.verdict(), ScenarioVerdict::Passed, "{name}");
    play.journal(name, &id).await
}

/// Cases that wait for their reporter.
async fn asks_reporter() -> Vec<Golden> {
    let mut all = Vec::new();
    for (name, scenario) in [
        ("asks-whether-it-works", "not-explained"),
        ("asks-whether-it-is-answered", "status-in-doubt"),
        ("asks-for-details", "worker-down-healthy"),
    ] {
        let play = Play::new(scenario).await;
        let id = play.take_in().await;
        play.begin(&id).await;
        all.push(play.journal(name, &id).await);
    }
    all
}

/// Plans that people are asked about.
async fn asked() -> Vec<Golden> {
    let mut all = Vec::new();

    let play = Play::asking("worker-down").await;
    let id = play.take_in().await;
    play.order(&format!("approve {}", plan_of(&play.begin(&id).await))).await;
    all.push(play.ended("approved", &id, "resolved").await);

    let play = Play::asking("queue-stuck").await;
    let id = play.take_in().await;
    let first = play.begin(&id).await;
    play.set("queue.stuck", json!(4));
    play.order(&format!("approve {}", plan_of(&first))).await;
    let second = play.begin(&id).await;
    assert_ne!(plan_of(&first), plan_of(&second));
    play.order("deny").await;
    all.push(play.ended("approved-and-asked-again", &id, "denied").await);

    for (name, order, outcome) in [("denied", "deny", "denied"), ("cancelled", "cancel", "cancelled")] {
        let play = Play::asking("worker-down").await;
        let id = play.take_in().await;
        play.begin(&id).await;
        play.order(order).await;
        all.push(play.ended(name, &id, outcome).await);
    }
    all
}

/// Halts: to one ticket, to everything, and in the middle of a remediation.
async fn halted() -> Vec<Golden> {
    let mut all = Vec::new();

    let play = Play::new("worker-down").await;
    play.scene.hub.label(&play.scene.ticket, "ops-lead", "medic:pause").expect("labelled");
    let id = only(play.poll().await);
    assert!(play.begin(&id).await.paused.is_some());
    play.scene.hub.unlabel(&play.scene.ticket, "ops-lead", "medic:pause").expect("unlabelled");
    play.work(&id).await;
    all.push(play.until("paused-by-label-and-resumed", &id, "resumed").await);

    let play = Play::new("worker-down").await;
    let id = play.take_in().await;
    let journal = &play.scene.agent.journal;
    let why = Redacted::constant("a migration");
    let order = at_terminal("ops-lead", play.scene.clock.now(), PauseOrderKind::Pause { why });
    journal.order_pause(&order).await.expect("the journal works");
    assert_eq!(play.begin(&id).await.waiting(), Some(Waiting::Paused));
    all.push(play.journal("paused", &id).await);

    let mut play = Play::new("disk-full-log").await;
    let id = play.take_in().await;
    let (journal, clock) = (play.scene.agent.journal.clone(), play.scene.clock.clone());
    play.tap(PauseTap { journal, clock, asked: AtomicUsize::new(0) });
    play.work(&id).await;
    all.push(play.until("paused-between-two-changes", &id, "steps_completed").await);
    all
}

/// A pause after the first change, which is lifted when it was met a few times.
struct PauseTap {
    journal: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    asked: AtomicUsize,
}

#[async_trait]
impl Tap for PauseTap {
    async fn after(&self, deed: Deed<'_>) -> Result<(), Broken> {
        let order = match deed {
            Deed::Append(_, event) if event.kind() == "change_ended" => {
                let first = self.asked.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst).is_ok();
                let why = Redacted::constant("a migration");
                first.then_some(PauseOrderKind::Pause { why })
            }
            Deed::Read("pause") if self.asked.load(Ordering::SeqCst) > 0 => {
                (self.asked.fetch_add(1, Ordering::SeqCst) == 4).then_some(PauseOrderKind::Resume)
            }
            _ => None,
        };
        if let Some(kind) = order {
            let order = at_terminal("ops-lead", self.clock.now(), kind);
            self.journal.order_pause(&order).await.expect("the journal works");
        }
        Ok(())
    }
}

/// What other cases have done, or are doing, on the same hosts.
async fn limited() -> Vec<Golden> {
    let mut all = Vec::new();

    let play = Play::of(limits::scene().await).await;
    limits::begin_elsewhere(&play.scene, "main", "worker-down").await;
    let id = play.take_in().await;
    assert!(matches!(play.begin(&id).await.waiting(), Some(Waiting::Deferred(_))));
    all.push(play.journal("deferred", &id).await);

    let play = Play::of(limits::scene().await).await;
    limits::begin_elsewhere(&play.scene, "a", "anything").await;
    let id = play.take_in().await;
    all.push(play.ended("deferred-for-too-long", &id, "held-back").await);

    let play = Play::of(limits::scene().await).await;
    let other = limits::begin_elsewhere(&play.scene, "x", "anything").await;
    let (now, ttl) = (play.scene.clock.now(), Duration::from_secs(30));
    let held = play.scene.agent.journal.acquire_lease(&host("group.gis"), &other, now, ttl).await;
    assert!(held.expect("the journal works").is_some());
    let id = play.take_in().await;
    play.work(&id).await;
    all.push(play.until("waited-for-a-host", &id, "hosts_leased").await);
    all
}

/// The second of two tickets about one fault, which is closed with the first.
async fn linked() -> Golden {
    let play = Play::new("worker-down").await;
    let (hub, repo) = (&play.scene.hub, &play.scene.ticket.repo);
    hub.file(repo, "field-agent", "Jobs stay queued for all of us", "", &["support"]).expect("filed");
    let cases = play.poll().await;
    let (stop, _pull) = Shutdown::new();
    let agent = &play.scene.agent;
    let (one, other) =
        tokio::join!(run_case_waiting(agent, &cases[0], &stop), run_case_waiting(agent, &cases[1], &stop));
    let both = [one.expect("it is driven"), other.expect("it is driven")];
    let linked = both.iter().find(|case| case.related.is_some()).expect("one was linked");
    play.ended("linked", &linked.id, "resolved").await
}

/// What comes after a ticket was closed.
async fn after_the_close() -> Vec<Golden> {
    let mut all = Vec::new();

    let play = Play::new("worker-down").await;
    play.ended("", &only(play.poll().await), "resolved").await;
    play.pass(5);
    let id = only(play.say("field-agent", "Sorry, it still doesn't work.").await);
    all.push(play.ended("close-disputed-in-words", &id, "still-broken").await);

    let play = Play::new("status").await;
    play.ended("", &only(play.poll().await), "answered").await;
    play.pass(5);
    play.scene.hub.reopen(&play.scene.ticket, "field-agent").expect("reopened");
    let id = only(play.poll().await);
    all.push(play.ended("close-disputed-by-reopening", &id, "still-broken").await);

    let play = Play::new("missing-image").await;
    play.ended("", &play.take_in().await, "resolved").await;
    for number in 1..=3 {
        play.pass(70);
        play.set("images.qgis3", json!(false));
        play.set("queue.imageless", json!(3));
        let id = only(check_recurrences(&play.scene.agent).await.expect("it can be watched"));
        play.work(&id).await;
        match number {
            1 => all.push(play.until("recurrence", &id, "recurrence_detected").await),
            3 => all.push(play.ended("recurrence-for-the-third-time", &id, "held-back").await),
            _ => {}
        }
    }
    all
}

async fn found_by_a_sweep() -> Golden {
    let play = Play::new("worker-down").await;
    // The scenario's own ticket is somebody else's business.
    play.scene.hub.close(&play.scene.ticket, "ops-lead", "completed").expect("closed");
    let swept = check_systems(&play.scene.agent).await.expect("it is swept");
    let id = only(swept.into_iter().filter_map(|swept| swept.opened).collect());
    play.work(&id).await;
    play.until("found-by-a-sweep", &id, "remediation_started").await
}

/// A request that a schedule ran found something, and a ticket was opened for it.
async fn ran_on_a_schedule() -> Golden {
    let play = Play::new("status-unhealthy").await;
    let run = ScheduledRun {
        name: ScheduleName::new("daily-status").expect("a name"),
        schedule: Schedule::parse("0 6 * * *", "UTC").expect("a schedule"),
        scope: CaseScope::AnswerRequest {
            system: SystemName::new("qfieldcloud").expect("a name"),
            request: PlaybookName::new("status-report").expect("a name"),
            values: BTreeMap::new(),
        },
        title: "Status".into(),
    };
    let due = play.scene.agent.clock.now();
    let id = start_run(&play.scene.agent, &run, due).await.expect("the journal works").expect("a case");
    play.work(&id).await;
    play.until("ran-on-a-schedule", &id, "ended").await
}

/// The connection broke, and what was seen afterwards showed that the change was made.
async fn found_done() -> Golden {
    let play = Play::new("queue-stuck-dropped").await;
    let id = play.take_in().await;
    play.work(&id).await;
    play.until("change-found-done", &id, "steps_completed").await
}

/// What goes wrong around a case: each that is more than zero happens so often.
struct Mishaps {
    /// GitHub does not answer to what is said.
    silent: AtomicUsize,
    /// GitHub refuses the report for good.
    refused: AtomicUsize,
    /// The host cannot be reached when it is asked to change something.
    away: AtomicUsize,
    /// Another case has the host when the change is due.
    taken: AtomicUsize,
    /// A change fails that takes another one back.
    stuck: AtomicUsize,
    is_begun: AtomicBool,
    takes_back: AtomicBool,
}

impl Mishaps {
    fn new([silent, refused, away, taken, stuck]: [usize; 5]) -> Self {
        let [silent, refused, away, taken, stuck] =
            [silent, refused, away, taken, stuck].map(AtomicUsize::new);
        let (is_begun, takes_back) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { silent, refused, away, taken, stuck, is_begun, takes_back }
    }
}

fn happens(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

#[async_trait]
impl Tap for Mishaps {
    async fn before(&self, deed: Deed<'_>) -> Result<(), Broken> {
        match deed {
            Deed::Say(_) if happens(&self.silent) => return Err(Broken("503 Service Unavailable".into())),
            // The hosts were held before that, for the plan.
            Deed::Append(_, Event::RemediationStarted(_)) => self.is_begun.store(true, Ordering::SeqCst),
            Deed::Append(_, Event::ChangeStarted { change, .. }) => {
                self.takes_back.store(change.direction == Direction::Rollback, Ordering::SeqCst);
            }
            _ => {}
        }
        Ok(())
    }

    fn seen(
        &self,
        deed: Deed<'_>,
        answer: Result<RawObservation, ShellError>,
    ) -> Result<RawObservation, ShellError> {
        match (deed, answer) {
            (Deed::Change(..), _) if happens(&self.away) => {
                Err(ShellError::NotStarted { why: "connection refused".into() })
            }
            (Deed::Change(..), Ok(mut raw))
                if self.takes_back.load(Ordering::SeqCst) && happens(&self.stuck) =>
            {
                raw.exit = Exit::Code(1);
                Ok(raw)
            }
            (_, answer) => answer,
        }
    }

    fn held(&self, _: &HostName, _: &CaseId, granted: Option<LeaseGrant>) -> Option<LeaseGrant> {
        granted.filter(|_| !(self.is_begun.load(Ordering::SeqCst) && happens(&self.taken)))
    }

    fn written(&self, _: &TicketId, marker: &Marker, _: &Redacted) -> Option<Result<(), ForgeError>> {
        let is_refused = marker.as_str().contains("kind=report") && happens(&self.refused);
        is_refused.then(|| Err(ForgeError::Refused("422 Unprocessable Entity".into())))
    }
}

async fn troubled() -> Vec<Golden> {
    let mut all = Vec::new();
    for (name, scenario, mishaps, outcome) in [
        ("troubled", "worker-down", [3, 1, 1, 1, 0], "resolved"),
        ("escalated-rollback-failed", "worker-down-not-fixed", [0, 0, 0, 0, usize::MAX], "undo-failed"),
    ] {
        let mut play = Play::new(scenario).await;
        let id = play.take_in().await;
        play.tap(Mishaps::new(mishaps));
        all.push(play.ended(name, &id, outcome).await);
    }
    all
}

/// Every kind of record and every variant, in an order that no case has.
async fn every_kind() -> Golden {
    let home = tempfile::tempdir().expect("a folder");
    let journal = Sqlite::open(&place(&home)).await.expect("a journal");
    let ticket = ticket_id(1);
    let (id, key, first) = (CaseId::derive(&ticket, "every kind"), "every kind".into(), opened(&ticket));
    let opening = NewCase { case: id.clone(), ticket, key, also: vec![], at: moment(), first };
    assert_eq!(journal.open_case(&opening).await, Ok(OpenResult::Opened(id.clone())));
    for (seq, event) in (1..).zip(following().into_iter().chain(variants())) {
        let at = moment() + TimeDelta::seconds(i64::try_from(seq).expect("a small number"));
        journal.append(&id, seq, at, &event).await.expect("the journal works");
    }
    Golden { name: EVERY_KIND.into(), lines: lines(&place(&home), &id).await, cuts: Vec::new() }
}

/// The variants that the samples of every kind leave out.
fn variants() -> Vec<Event> {
    let playbook = || PlaybookName::new("disk-full").expect("a name");
    let system = || SystemName::new("qfieldcloud").expect("a name");
    let mut events = Vec::new();
    let from = |source| match opened(&ticket_id(1)) {
        Event::Opened { ticket, library, .. } => Event::Opened { ticket, source, library },
        other => other,
    };
    let scopes = [
        CaseScope::Diagnose { system: system() },
        CaseScope::FixOne { system: system(), playbook: playbook() },
        CaseScope::Operate {
            system: system(),
            operation: PlaybookName::new("restart").expect("a name"),
            values: BTreeMap::from([(ParamName::new("service").expect("a name"), json!("app"))]),
        },
    ];
    let commands = scopes.map(|scope| Source::Command { user: "maria".into(), comment: Some(7), scope });
    events.extend(doors().into_iter().chain(commands).map(from));
    if let Event::Opened { mut ticket, source, library } = opened(&ticket_id(1)) {
        (ticket.state, ticket.locked) = (TicketState::Closed, true);
        events.push(Event::Opened { ticket, source, library });
    }
    for what in publications() {
        let publication = what.publication();
        events.push(Event::Published { what, took_ms: 7 });
        events.push(Event::PublishFailed { publication, why: Redacted::constant("502"), lasting: false });
    }
    for code in Code::ALL {
        events.push(Event::OutcomeDecided(Outcome::Escalated(Escalation {
            code: *code,
            detail: "so".to_owned().into(),
        })));
    }
    for (number, kind) in
        [SignalKind::Deny, SignalKind::Cancel, SignalKind::Pause, SignalKind::Resume].into_iter().enumerate()
    {
        let signal = Signal { by: "maria".into(), at: moment(), kind };
        events.push(Event::SignalReceived(QueuedSignal {
            key: format!("comment example/tickets#1 {number}"),
            signal,
        }));
    }
    let window = Duration::from_millis(90_500);
    let overs = [
        ExceededLimit::Failures { playbook: playbook(), count: 3 },
        ExceededLimit::Recurrences { playbook: playbook(), count: 4 },
        ExceededLimit::Runs { host: host("qfc-1"), count: 12 },
        ExceededLimit::Changes { host: host("qfc-1"), count: 120 },
        ExceededLimit::BlastRadius { group: "group.gis".into(), allowed: 1, changed: 2, window },
        ExceededLimit::ChangeFreeze { why: "the fair".into() },
    ];
    events.extend(overs.map(|exceeded| Event::Deferred(Deferral { until: moment(), exceeded })));
    let case = CaseId::from_text("c0123456789ab").expect("a case");
    events.push(Event::CloseDisputed(CloseDispute { case, by: String::new(), via: Via::Reopened }));
    events.extend([false, true].map(|open| Event::Rechecked { open }));
    events.push(Event::RolledBack { clean: false });
    events.extend(following().into_iter().flat_map(varied));
    events
}

/// Every publication, with every status and label.
fn publications() -> Vec<Published> {
    let case = CaseId::from_text("c0123456789ab").expect("a case");
    let (number, settled) = (2, 1);
    let statuses = [
        StatusKey::Looking,
        StatusKey::Paused { remediations: 1 },
        StatusKey::Asking { plan: "7f3a".into() },
        StatusKey::AskingReporter,
        StatusKey::Linked { case },
        StatusKey::Delayed { until: moment() },
        StatusKey::Treating { number, settled },
        StatusKey::Verifying { number, settled },
        StatusKey::Undoing { number, settled },
        StatusKey::Ended,
    ];
    let labels = [
        LabelState::Working,
        LabelState::NeedsApproval,
        LabelState::PleaseConfirm,
        LabelState::Resolved,
        LabelState::NeedsHuman,
        LabelState::None,
    ];
    let others = [
        Published::TicketRefresh,
        Published::ApprovalRequest { plan: "7f3a".into() },
        Published::Reopen,
        Published::Problem { ticket: Some(ticket_id(7)) },
        Published::Problem { ticket: None },
        Published::Report,
        Published::Assign,
        Published::Close,
    ];
    let shown = statuses.map(Published::Status).into_iter().chain(labels.map(Published::Label));
    others.into_iter().chain(shown).collect()
}

/// The same record with what else its parts can be.
fn varied(event: Event) -> Vec<Event> {
    let ways = |event: &Event, path: &str, values: Vec<serde_json::Value>| -> Vec<Event> {
        let body = encode_event(event).expect("it is JSON");
        let whole: serde_json::Value = serde_json::from_str(&body).expect("it is JSON");
        let with = |value| {
            let mut whole = whole.clone();
            *whole.pointer_mut(path).expect("it is there") = value;
            decode_event(Event::VERSION, &whole.to_string()).expect("it is an event")
        };
        values.into_iter().map(with).collect()
    };
    match &event {
        Event::ChangeEnded { .. } => {
            ways(&event, "/with/observation/exit", vec![json!({ "signal": "KILL" }), json!("unknown")])
        }
        Event::Triaged(_) => {
            ways(&event, "/with/system/mode", vec![json!("observe"), json!("ask"), json!("act")])
        }
        Event::RemediationStarted(plan) => {
            let unknown =
                json!({ "unrenderable": { "unknown": { "name": "disk.free", "reason": "no route" } } });
            let refused =
                json!({ "unrenderable": { "refused": { "name": "disk.free", "problem": "a line break" } } });
            let env = json!({ "IDS": "7 8" });
            let text = "set -eu\necho \"$IDS\"\n";
            let script = json!({ "ready": {
                "form": { "script": { "name": "set jobs back", "text": text, "env": env } },
                "cwd": null, "sudo": false, "timeout_ms": 1500,
            } });
            let mut events = ways(&event, "/with/steps/0/command", vec![unknown, refused, script]);
            let risks = [Risk::Medium, Risk::High].map(|risk| {
                let mut plan = plan.clone();
                plan.risk = risk;
                for step in &mut plan.steps {
                    (step.rollback, step.backup) = (None, None);
                }
                Event::RemediationStarted(plan)
            });
            events.extend(risks);
            events
        }
        _ => Vec::new(),
    }
}
