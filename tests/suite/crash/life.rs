//! Lives: a scenario that is played by one process after another, each of which may be killed.

use crate::taps::{Broken, Deed, Tap, brief, tapped};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fieldmedic::core::case::Case;
use fieldmedic::core::case::event::{CaseId, Event};
use fieldmedic::core::text::redact::Redacted;
use fieldmedic::core::ticket::TicketId;
use fieldmedic::core::view::report::report;
use fieldmedic::engine::{CaseError, Context, Shutdown, accept_comment, run_case_waiting, sweep_tickets};
use fieldmedic::ports::{Clock, ForgeError, Marker, Store};
use fieldmedic::sandbox::clock::VirtualClock;
use fieldmedic::scenario::{LoadedPlaybooks, Scenario, ScenarioRun};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// A moment at which a process may be killed: before or after one of its deeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub name: String,
    pub at: DateTime<Utc>,
}

/// Counts the moments, and dies at one of them.
pub struct Mortal {
    dies_at: Option<usize>,
    clock: Arc<VirtualClock>,
    points: Mutex<Vec<Point>>,
    changes: Mutex<BTreeSet<String>>,
    struck: Notify,
    /// What else is wrong with this process.
    flaw: Arc<dyn Tap>,
}

impl Mortal {
    pub fn new(dies_at: Option<usize>, clock: Arc<VirtualClock>, flaw: Arc<dyn Tap>) -> Arc<Self> {
        Arc::new(Self {
            dies_at,
            clock,
            points: Mutex::default(),
            changes: Mutex::default(),
            struck: Notify::new(),
            flaw,
        })
    }

    async fn pass(&self, side: &str, deed: Deed<'_>) {
        if !deed.counts() {
            return;
        }
        let number = {
            let mut points = self.points.lock().expect("no test panics while it counts");
            points.push(Point { name: format!("{side} {}", deed.name()), at: self.clock.now() });
            points.len() - 1
        };
        if self.dies_at == Some(number) {
            self.struck.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Tap for Mortal {
    async fn before(&self, deed: Deed<'_>) -> Result<(), Broken> {
        if let Deed::Change(_, line) = deed {
            self.changes.lock().expect("whole").insert(line.to_owned());
        }
        self.pass("before", deed).await;
        Ok(())
    }

    async fn after(&self, deed: Deed<'_>) -> Result<(), Broken> {
        self.pass("after", deed).await;
        Ok(())
    }

    fn recorded(&self, event: &Event) -> Event {
        self.flaw.recorded(event)
    }

    fn written(&self, id: &TicketId, marker: &Marker, body: &Redacted) -> Option<Result<(), ForgeError>> {
        self.flaw.written(id, marker, body)
    }
}

/// How the world stands when everything is over; nothing of it is what the agent believes, but for the
/// outcome and its code.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    pub outcome: String,
    pub code: String,
    /// The agent's comments by their kind.
    pub comments: BTreeMap<String, usize>,
    pub labels: BTreeSet<String>,
    pub closed: bool,
    /// How often the host was given each command that changes something, by its own log.
    pub changes: BTreeMap<String, usize>,
    /// The changes that were made and proven to have helped, without their wrapping.
    pub proven: BTreeSet<String>,
    /// The host's state, moments left out.
    pub state: Value,
    pub cases: usize,
    pub open_cases: usize,
    pub broken_chains: usize,
}

/// What a run left: its end, and the points of its first life.
pub struct Run {
    pub end: End,
    pub points: Vec<Point>,
}

/// Which process takes over from the one that was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heir {
    /// The same, started again at once.
    Itself,
    /// Another one, that has to wait until the claim has run out.
    Another,
}

/// Plays a scenario with a death in each of its first lives, then to its end. `None`: it ended before the
/// first death was due.
pub async fn play(
    scenario: &Scenario,
    books: &LoadedPlaybooks,
    deaths: &[usize],
    heir: Heir,
    flaw: &dyn Fn(&ScenarioRun) -> Arc<dyn Tap>,
) -> Option<Run> {
    let scene = ScenarioRun::of(scenario, books).await.expect("the scenario can be set up");
    let flaw = flaw(&scene);
    let mut changes = BTreeSet::new();
    let mut first = None;
    let lives = deaths.iter().map(|at| Some(*at)).chain([None]);
    for (number, dies_at) in lives.enumerate() {
        let mortal = Mortal::new(dies_at, scene.clock.clone(), flaw.clone());
        let mut agent = tapped(&scene.restarted().expect("a client"), mortal.clone());
        if heir == Heir::Another {
            agent.worker = format!("scenario-{number}");
        }
        let ended = tokio::select! {
            biased;
            () = mortal.struck.notified() => false,
            () = live(&agent) => true,
        };
        changes.append(&mut mortal.changes.lock().expect("whole"));
        first.get_or_insert_with(|| std::mem::take(&mut *mortal.points.lock().expect("whole")));
        if ended && dies_at.is_some() && number == 0 {
            return None;
        }
        if ended {
            break;
        }
    }
    // What is under way on the host comes to rest.
    scene.clock.sleep_until(scene.clock.now() + Duration::from_secs(3600)).await;
    let end = end_of(&scene, &changes, books).await;
    Some(Run { end, points: first.unwrap_or_default() })
}

/// What a process does from its first moment: it looks for tickets and orders, and drives what is open.
async fn live(agent: &Context) {
    let (stop, _pull) = Shutdown::new();
    for _ in 0..40 {
        sweep_tickets(agent).await.expect("GitHub and the journal work");
        for repo in &agent.forge_settings.repos {
            let comments = agent.forge.comments(repo, DateTime::UNIX_EPOCH).await.expect("GitHub works");
            for comment in comments {
                accept_comment(agent, &comment).await.expect("GitHub and the journal work");
            }
        }
        let open = agent.journal.open_cases().await.expect("the journal works");
        if open.is_empty() {
            return;
        }
        for case in open {
            match run_case_waiting(agent, &case, &stop).await {
                Ok(_) => {}
                Err(CaseError::Claimed) => {
                    agent.clock.sleep_until(agent.clock.now() + Duration::from_secs(20)).await;
                }
                Err(other) => panic!("{case}: {other}"),
            }
        }
    }
}

async fn end_of(scene: &ScenarioRun, changes: &BTreeSet<String>, books: &LoadedPlaybooks) -> End {
    let journal: &dyn Store = &*scene.agent.journal;
    let lines = journal.cases(100).await.expect("the journal works");
    let open = journal.open_cases().await.expect("the journal works");
    let audit = journal.audit().await.expect("the journal works");
    let told = match lines.first() {
        Some(line) => Some(report(&fold(journal, &line.id).await, books.library())),
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
    if let Some(queue) = state.get_mut("queue").and_then(Value::as_object_mut) {
        queue.remove("last_start");
    }
    let treatments = told.iter().flat_map(|told| &told.remediations).filter(|told| told.result == "mended");
    let steps = treatments.flat_map(|told| &told.steps).filter(|step| step.state == "done");
    End {
        proven: steps.map(|step| brief(&step.command)).collect(),
        outcome: told.as_ref().map(|told| told.outcome.clone()).unwrap_or_default(),
        code: told.map(|told| told.code).unwrap_or_default(),
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
    Case::fold(id, &journal.load(id).await.expect("the journal works")).expect("the history makes sense")
}
