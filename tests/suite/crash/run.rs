//! One run of a scenario: one process after another works on it, and each may be killed.

use crate::taps::{Broken, Deed, Tap, brief, tapped};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fieldmedic::core::case::event::{CaseId, Event};
use fieldmedic::core::case::{Case, Waiting};
use fieldmedic::core::text::redact::Redacted;
use fieldmedic::core::ticket::TicketId;
use fieldmedic::core::view::report::{RemediationState, StepStatus, report};
use fieldmedic::engine::{CaseError, Context, Shutdown, accept_comment, run_case_waiting, sweep_tickets};
use fieldmedic::ports::{Clock, ForgeError, Marker, Store};
use fieldmedic::sandbox::clock::VirtualClock;
use fieldmedic::scenario::{LoadedPlaybooks, Scenario, ScenarioRun};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// A moment at which a process may be killed: before or after one of its effects.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub name: String,
    pub at: DateTime<Utc>,
}

/// Counts the points of a process, and kills it at one of them.
pub struct CrashTap {
    crash_at: Option<usize>,
    clock: Arc<VirtualClock>,
    points: Mutex<Vec<Point>>,
    changes: Mutex<BTreeSet<String>>,
    /// The process holds the claim of a case.
    holds_claim: AtomicBool,
    crashed: Notify,
    /// The flaw of this process.
    flaw: Arc<dyn Tap>,
}

impl CrashTap {
    pub fn new(crash_at: Option<usize>, clock: Arc<VirtualClock>, flaw: Arc<dyn Tap>) -> Arc<Self> {
        Arc::new(Self {
            crash_at,
            clock,
            points: Mutex::default(),
            changes: Mutex::default(),
            holds_claim: AtomicBool::new(false),
            crashed: Notify::new(),
            flaw,
        })
    }

    /// A claim is renewed by real time. How often that is depends on the machine, so it is no point.
    fn renews_claim(&self, deed: Deed<'_>) -> bool {
        matches!(deed, Deed::Write("claim")) && self.holds_claim.load(Ordering::SeqCst)
    }

    async fn pass(&self, side: &str, deed: Deed<'_>) {
        if !deed.counts() || self.renews_claim(deed) {
            return;
        }
        let number = {
            let mut points = self.points.lock().expect("no thread panicked");
            points.push(Point { name: format!("{side} {}", deed.name()), at: self.clock.now() });
            points.len() - 1
        };
        if self.crash_at == Some(number) {
            self.crashed.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Tap for CrashTap {
    async fn before(&self, deed: Deed<'_>) -> Result<(), Broken> {
        if let Deed::Change(_, line) = deed {
            self.changes.lock().expect("no thread panicked").insert(line.to_owned());
        }
        self.pass("before", deed).await;
        Ok(())
    }

    async fn after(&self, deed: Deed<'_>) -> Result<(), Broken> {
        self.pass("after", deed).await;
        match deed {
            Deed::Write("claim") => self.holds_claim.store(true, Ordering::SeqCst),
            Deed::Write("release") => self.holds_claim.store(false, Ordering::SeqCst),
            _ => {}
        }
        Ok(())
    }

    fn recorded(&self, event: &Event) -> Event {
        self.flaw.recorded(event)
    }

    fn written(&self, id: &TicketId, marker: &Marker, body: &Redacted) -> Option<Result<(), ForgeError>> {
        self.flaw.written(id, marker, body)
    }
}

/// The state of everything after the run. Apart from the outcome and its code, nothing of it is what the
/// agent believes.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    pub outcome: String,
    pub code: String,
    /// The agent's comments by their kind.
    pub comments: BTreeMap<String, usize>,
    pub labels: BTreeSet<String>,
    pub closed: bool,
    /// How often the host received each change, by its own log.
    pub changes: BTreeMap<String, usize>,
    /// The changes that were made and verified, without their wrapper.
    pub proven: BTreeSet<String>,
    /// The host's state without times.
    pub state: Value,
    pub cases: usize,
    pub open_cases: usize,
    pub broken_chains: usize,
}

/// The result of a run: its end, and the points of its first process.
pub struct Run {
    pub end: End,
    pub points: Vec<Point>,
}

/// Which worker takes over from the process that was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Successor {
    /// The same worker, started again at once.
    SameWorker,
    /// Another worker, which waits until the claim has expired.
    OtherWorker,
}

/// Plays a scenario. Each of the first processes is killed at one of `crashes`; the last one works to the
/// end. `None`: the run ended before the first crash.
pub async fn play(
    scenario: &Scenario,
    playbooks: &LoadedPlaybooks,
    crashes: &[usize],
    successor: Successor,
    flaw: &dyn Fn(&ScenarioRun) -> Arc<dyn Tap>,
) -> Option<Run> {
    let scene = ScenarioRun::of(scenario, playbooks).await.expect("the scenario can be set up");
    let flaw = flaw(&scene);
    let mut changes = BTreeSet::new();
    let mut first = None;
    let processes = crashes.iter().map(|at| Some(*at)).chain([None]);
    for (number, crash_at) in processes.enumerate() {
        let tap = CrashTap::new(crash_at, scene.clock.clone(), flaw.clone());
        let mut context = tapped(&scene.restarted().expect("a client"), tap.clone());
        if successor == Successor::OtherWorker {
            context.worker = format!("scenario-{number}");
        }
        let ended = tokio::select! {
            biased;
            () = tap.crashed.notified() => false,
            () = work(&context) => true,
        };
        changes.append(&mut tap.changes.lock().expect("no thread panicked"));
        first.get_or_insert_with(|| std::mem::take(&mut *tap.points.lock().expect("no thread panicked")));
        if ended && crash_at.is_some() && number == 0 {
            return None;
        }
        if ended {
            break;
        }
    }
    // Jobs that run on the host come to their end.
    scene.clock.sleep_until(scene.clock.now() + Duration::from_secs(3600)).await;
    let end = end_of(&scene, &changes, playbooks).await;
    Some(Run { end, points: first.unwrap_or_default() })
}

/// What a process does from its start: it looks for tickets and chat commands, and runs the open cases.
async fn work(context: &Context) {
    let (stop, _pull) = Shutdown::new();
    for _ in 0..40 {
        sweep_tickets(context).await.expect("GitHub and the journal work");
        for repo in &context.forge_settings.repos {
            let comments = context.forge.comments(repo, DateTime::UNIX_EPOCH).await.expect("GitHub works");
            for comment in comments {
                accept_comment(context, &comment).await.expect("GitHub and the journal work");
            }
        }
        let open = context.journal.open_cases().await.expect("the journal works");
        if open.is_empty() {
            return;
        }
        for case in open {
            match run_case_waiting(context, &case, &stop).await {
                // Nobody answers.
                Ok(case) => {
                    if let Some(Waiting::Approval(until) | Waiting::Reporter(until)) = case.waiting() {
                        context.clock.sleep_until(until).await;
                    }
                }
                Err(CaseError::Claimed) => {
                    context.clock.sleep_until(context.clock.now() + Duration::from_secs(20)).await;
                }
                Err(other) => panic!("{case}: {other}"),
            }
        }
    }
}

async fn end_of(scene: &ScenarioRun, changes: &BTreeSet<String>, playbooks: &LoadedPlaybooks) -> End {
    let journal: &dyn Store = &*scene.agent.journal;
    let lines = journal.cases(100).await.expect("the journal works");
    let open = journal.open_cases().await.expect("the journal works");
    let audit = journal.audit().await.expect("the journal works");
    let report = match lines.first() {
        Some(line) => Some(report(&fold(journal, &line.id).await, playbooks.library())),
        None => None,
    };
    let issue = scene.hub.issue(&scene.ticket).expect("the issue is there");
    let mut comments = BTreeMap::new();
    for comment in issue.comments.iter().filter(|comment| comment.author == "fieldmedic-bot") {
        let kind = comment.body.split_once("kind=").map_or("none", |(_, rest)| rest);
        let kind = kind.split_whitespace().next().unwrap_or("none");
        *comments.entry(kind.to_owned()).or_default() += 1;
    }
    let mut host = scene.host.lock();
    let count = |line: &String| host.log().iter().filter(|logged| logged.line == *line).count();
    let changes = changes.iter().map(|line| (line.clone(), count(line))).collect();
    let mut state = host.whole_state(scene.clock.now());
    hide_times(&mut state);
    let fixed = report
        .iter()
        .flat_map(|report| &report.remediations)
        .filter(|done| done.result == RemediationState::Fixed);
    let steps =
        fixed.flat_map(|remediation| &remediation.steps).filter(|step| step.state == StepStatus::Done);
    End {
        proven: steps.map(|step| brief(step.command.as_deref().unwrap_or_default())).collect(),
        outcome: report.as_ref().map(|report| report.outcome.clone()).unwrap_or_default(),
        code: report.and_then(|report| report.code).map(|code| code.to_string()).unwrap_or_default(),
        comments,
        labels: issue.labels.iter().cloned().collect(),
        closed: issue.is_closed(),
        changes,
        state,
        cases: lines.len(),
        open_cases: open.len(),
        broken_chains: audit.broken.len(),
    }
}

async fn fold(journal: &dyn Store, id: &CaseId) -> Case {
    Case::fold(id, &journal.load(id).await.expect("the journal works")).expect("the history is consistent")
}

/// Replaces every moment, in seconds since 1970, by a word: a crash costs time.
fn hide_times(state: &mut Value) {
    match state {
        Value::Object(fields) => fields.values_mut().for_each(hide_times),
        Value::Array(items) => items.iter_mut().for_each(hide_times),
        Value::Number(number) if number.as_f64().is_some_and(|number| number > 1e9) => {
            *state = Value::from("a moment");
        }
        _ => {}
    }
}
