//! Cases whose journals cannot be read, beside others that are whole: they must not hold those up.

use crate::scenarios::scene;
use crate::taps::{Broken, Deed, Tap, tapped};
use crate::test_agent::TestAgent;
use async_trait::async_trait;
use chrono::TimeDelta;
use fieldmedic::core::case::event::{CaseId, Event, Source};
use fieldmedic::core::case::outcome::Outcome;
use fieldmedic::core::case::record::Record;
use fieldmedic::engine::{Dispatcher, Observer, Progress, Shutdown, check_recurrences, remind};
use fieldmedic::ports::{Clock, JournalError, NewCase};
use fieldmedic::scenario::ScenarioRun;
use fieldmedic::store::Sqlite;
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::Notify;

/// What is wrong with the journals of some cases, and how often each was read.
#[derive(Default)]
struct Damage {
    unreadable: BTreeSet<CaseId>,
    unavailable: BTreeSet<CaseId>,
    loads: Mutex<BTreeMap<CaseId, usize>>,
}

#[async_trait]
impl Tap for Damage {
    async fn before(&self, _: Deed<'_>) -> Result<(), Broken> {
        Ok(())
    }

    fn loaded(
        &self,
        case: &CaseId,
        answer: Result<Vec<Record>, JournalError>,
    ) -> Result<Vec<Record>, JournalError> {
        *self.loads.lock().expect("nobody panicked").entry(case.clone()).or_default() += 1;
        if self.unreadable.contains(case) {
            return Err(JournalError::Unreadable("record 3: written by a later version".into()));
        }
        if self.unavailable.contains(case) {
            return Err(JournalError::Unavailable("disk full".into()));
        }
        answer
    }
}

/// Says when a case has ended.
#[derive(Default)]
struct Ended(Notify);

impl Observer for Ended {
    fn on_progress(&self, progress: Progress<'_>) {
        if let Progress::Recorded { event: Event::Ended, .. } = progress {
            self.0.notify_one();
        }
    }
}

/// A case of another ticket that has only been opened.
async fn other_case(scene: &ScenarioRun, number: u64) -> CaseId {
    let mut ticket = scene.agent.forge.ticket(&scene.ticket).await.expect("the ticket");
    ticket.id.number += 100 + number;
    let (case, at) = (CaseId::derive(&ticket.id, "other"), scene.clock.now());
    let id = ticket.id.clone();
    let first = Event::Opened { ticket, source: Source::Poll, library: scene.agent.library.hash.clone() };
    let key = format!("other {number}");
    let opening = NewCase { case: case.clone(), ticket: id, key, also: Vec::new(), at, first };
    scene.agent.journal.open_case(&opening).await.expect("the journal works");
    case
}

/// The journal of an agent in a file, which somebody with a database shell can damage.
struct JournalFile(TempDir);

impl JournalFile {
    async fn of(agent: &mut TestAgent) -> Self {
        let file = Self(tempfile::tempdir().expect("a folder"));
        agent.context_mut().journal = Arc::new(Sqlite::open(&file.path()).await.expect("a new journal"));
        file
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("journal.db")
    }

    /// Makes the records of a case look like those of a later version.
    async fn damage(&self, case: &CaseId) {
        let options = SqliteConnectOptions::new().filename(self.path());
        let mut raw = options.connect().await.expect("the file of the journal");
        let sql = format!(
            "DROP TRIGGER IF EXISTS event_immutable; UPDATE event SET version = 99 WHERE case_id = '{case}'"
        );
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut raw).await.expect("it is damaged");
    }

    /// A case of another ticket that ended just now, and that cannot be read.
    async fn damaged_case(&self, agent: &TestAgent) -> CaseId {
        let case = other_case(agent.run(), 0).await;
        let outcome = Event::OutcomeDecided(Outcome::Resolved);
        agent.journal().append(&case, 1, agent.clock().now(), &outcome).await.expect("it is taken");
        self.damage(&case).await;
        case
    }
}

#[tokio::test]
async fn a_damaged_case_holds_up_no_reminder() {
    let mut agent = TestAgent::on("worker-down-not-fixed").build().await;
    let file = JournalFile::of(&mut agent).await;
    agent.works(&agent.opens_case().await).await;
    agent.sees(&["status", "report", "call"]);
    let damaged = file.damaged_case(&agent).await;
    agent.passes(TimeDelta::hours(5));
    let reminded = remind(agent.context()).await.expect("one damaged case is no reason to fail");
    assert_eq!(reminded, [agent.ticket().clone()]);
    agent.comment("reminder");
    assert!(agent.context().set_aside.holds(&damaged));
}

#[tokio::test]
async fn a_damaged_case_holds_up_no_check_for_recurrences() {
    let mut agent = TestAgent::on("worker-down").build().await;
    let file = JournalFile::of(&mut agent).await;
    agent.works(&agent.opens_case().await).await;
    agent.sees(&["status", "report"]);
    let damaged = file.damaged_case(&agent).await;
    agent.passes(TimeDelta::minutes(16));
    agent.host_becomes("workers.running", json!(0));
    let opened = check_recurrences(agent.context()).await.expect("one damaged case is no reason to fail");
    assert_eq!(opened.len(), 1, "the fault is back");
    assert!(agent.context().set_aside.holds(&damaged));
}

/// Damages a case as soon as another one has its outcome.
struct DamageAtOutcome(Arc<JournalFile>, CaseId);

#[async_trait]
impl Tap for DamageAtOutcome {
    async fn after(&self, deed: Deed<'_>) -> Result<(), Broken> {
        if let Deed::Append(_, Event::OutcomeDecided(_)) = deed {
            self.0.damage(&self.1).await;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_problem_ticket_leaves_out_a_case_that_cannot_be_read() {
    let mut agent = TestAgent::on("missing-image").build().await;
    let file = Arc::new(JournalFile::of(&mut agent).await);
    let first = agent.opens_case().await;
    agent.works(&first).await;
    for round in 1..=3 {
        agent.passes(TimeDelta::minutes(70));
        agent.host_becomes("images.qgis3", json!(false));
        agent.host_becomes("queue.imageless", json!(3));
        if round == 3 {
            let tap = Arc::new(DamageAtOutcome(file.clone(), first.clone()));
            *agent.context_mut() = tapped(agent.context(), tap);
        }
        for case in check_recurrences(agent.context()).await.expect("the journal works") {
            agent.works(&case).await;
        }
    }
    let [_, problem] = &agent.tickets()[..] else { panic!("a second ticket") };
    let body = problem.body.clone().expect("a text");
    let rows = body.lines().filter(|line| line.starts_with("| 20")).count();
    assert_eq!(rows, 3, "two of the three times that it was mended, and this time: {body}");
    assert!(agent.context().set_aside.holds(&first));
    agent.all_comments();
}

#[tokio::test]
async fn a_command_about_a_damaged_case_is_told_so() {
    let mut agent = TestAgent::on("worker-down").build().await;
    let file = JournalFile::of(&mut agent).await;
    let case = agent.opens_case().await;
    file.damage(&case).await;
    for words in ["status", "explain", "cancel", "retry", ""] {
        let (id, opened) = agent.executes("ops-lead", words).await;
        assert_eq!(opened, None, "{words}");
        assert_eq!(agent.reactions(id), ["eyes", "confused"], "{words}");
        let [reply] = &agent.replies(id)[..] else { panic!("one reply to `{words}`") };
        assert!(
            reply.contains(&format!("The journal of case `{case}` of this ticket cannot be read")),
            "{reply}"
        );
    }
    assert!(agent.context().set_aside.holds(&case));
}

#[tokio::test]
async fn damaged_cases_hold_up_no_other_and_are_not_tried_again() {
    let mut scene = scene("worker-down").await;
    let mut damage = Damage::default();
    for number in 0..3 {
        damage.unreadable.insert(other_case(&scene, number).await);
    }
    // Its records cannot follow each other.
    let contradictory = other_case(&scene, 3).await;
    let at = scene.clock.now();
    scene.agent.journal.append(&contradictory, 1, at, &Event::StepsCompleted).await.expect("it is taken");
    damage.unavailable.insert(other_case(&scene, 4).await);
    let healthy = scene.take_in().await.expect("the ticket is taken in");

    let (damage, ended) = (Arc::new(damage), Arc::new(Ended::default()));
    scene.agent = tapped(&scene.agent, damage.clone());
    scene.agent.observer = ended.clone();
    let (stop, pull) = Shutdown::new();
    let dispatcher = Dispatcher::start(scene.agent.clone(), 1, stop);
    let waker = dispatcher.waker();
    let worked = tokio::time::timeout(Duration::from_secs(60), ended.0.notified()).await;
    assert!(worked.is_ok(), "the healthy case was not worked");

    // Woken again, a case that was set aside is left alone. Another one shows that the calls were read.
    let aside = || damage.unreadable.iter().chain([&contradictory]);
    aside().for_each(|case| waker.send(case.clone()).expect("the dispatcher runs"));
    waker.send(other_case(&scene, 5).await).expect("the dispatcher runs");
    let worked = tokio::time::timeout(Duration::from_secs(60), ended.0.notified()).await;
    assert!(worked.is_ok(), "the later case was not worked");
    pull.send(true).expect("the dispatcher listens");
    drop(waker);
    dispatcher.finish().await;
    let loads = damage.loads.lock().expect("nobody panicked").clone();
    for case in aside() {
        assert_eq!(loads.get(case), Some(&1), "{case} was tried again");
        let claimed = scene.agent.journal.claim(case, "elsewhere:1:1", at, Duration::from_secs(60)).await;
        assert_eq!(claimed, Ok(true), "{case} is still claimed");
    }
    assert!(loads.contains_key(&healthy));
}
