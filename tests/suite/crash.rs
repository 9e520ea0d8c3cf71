//! Crashes: every scenario, killed at every journal point, then driven on by the same code.
//!
//! The journal dies once, before or after it has written the n-th record; everything that the process
//! held in memory is lost with it. What happened on the host and on GitHub stays.

use crate::scenarios::fixtures;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use fieldmedic::core::event::{CaseId, Event, Record};
use fieldmedic::core::name::HostName;
use fieldmedic::core::playbook::LibraryHash;
use fieldmedic::core::policy::Pause;
use fieldmedic::core::word::Word;
use fieldmedic::engine::{DriveError, Stop, drive};
use fieldmedic::library::Files;
use fieldmedic::ports::{Audit, CaseLine, Intake, Journal, JournalError, Lease, Opening, Posted};
use fieldmedic::sandbox::scenario::{self, Books, Played, Scene};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A journal that dies at one append.
struct Mortal {
    inner: Arc<dyn Journal>,
    appends: AtomicU64,
    dies_at: u64,
    /// Whether the record is on disk when it dies.
    keeps_it: bool,
}

#[async_trait]
impl Journal for Mortal {
    async fn append(
        &self,
        case: &CaseId,
        seq: u64,
        at: DateTime<Utc>,
        event: &Event,
    ) -> Result<(), JournalError> {
        let dead = || JournalError::Unavailable("the process was killed".into());
        let number = self.appends.fetch_add(1, Ordering::SeqCst);
        if number == self.dies_at && !self.keeps_it {
            return Err(dead());
        }
        self.inner.append(case, seq, at, event).await?;
        if number == self.dies_at { Err(dead()) } else { Ok(()) }
    }

    async fn open_case(&self, opening: &Opening) -> Result<Intake, JournalError> {
        self.inner.open_case(opening).await
    }
    async fn load(&self, case: &CaseId) -> Result<Vec<Record>, JournalError> {
        self.inner.load(case).await
    }
    async fn open_cases(&self) -> Result<Vec<CaseId>, JournalError> {
        self.inner.open_cases().await
    }
    async fn cases(&self, limit: u32) -> Result<Vec<CaseLine>, JournalError> {
        self.inner.cases(limit).await
    }
    async fn claim(
        &self,
        case: &CaseId,
        worker: &str,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<bool, JournalError> {
        self.inner.claim(case, worker, now, ttl).await
    }
    async fn release(&self, case: &CaseId, worker: &str) -> Result<(), JournalError> {
        self.inner.release(case, worker).await
    }
    async fn hold(
        &self,
        host: &HostName,
        case: &CaseId,
        now: DateTime<Utc>,
        ttl: Duration,
    ) -> Result<Option<Lease>, JournalError> {
        self.inner.hold(host, case, now, ttl).await
    }
    async fn free(&self, case: &CaseId) -> Result<(), JournalError> {
        self.inner.free(case).await
    }
    async fn keep_library(
        &self,
        hash: &LibraryHash,
        files: &BTreeMap<String, String>,
    ) -> Result<(), JournalError> {
        self.inner.keep_library(hash, files).await
    }
    async fn library(&self, hash: &LibraryHash) -> Result<Option<BTreeMap<String, String>>, JournalError> {
        self.inner.library(hash).await
    }
    async fn bookmark(&self, name: &str) -> Result<Option<DateTime<Utc>>, JournalError> {
        self.inner.bookmark(name).await
    }
    async fn set_bookmark(&self, name: &str, at: DateTime<Utc>) -> Result<(), JournalError> {
        self.inner.set_bookmark(name, at).await
    }
    async fn take_turn(&self, name: &str, now: DateTime<Utc>, every: Duration) -> Result<bool, JournalError> {
        self.inner.take_turn(name, now, every).await
    }
    async fn pause(&self) -> Result<Option<Pause>, JournalError> {
        self.inner.pause().await
    }
    async fn set_pause(&self, pause: Option<&Pause>) -> Result<(), JournalError> {
        self.inner.set_pause(pause).await
    }
    async fn post(&self, case: &CaseId, key: &str, word: &Word) -> Result<bool, JournalError> {
        self.inner.post(case, key, word).await
    }
    async fn posted(&self, case: &CaseId) -> Result<Vec<Posted>, JournalError> {
        self.inner.posted(case).await
    }
    async fn history(
        &self,
        kinds: &[&str],
        since: DateTime<Utc>,
    ) -> Result<Vec<(CaseId, Record)>, JournalError> {
        self.inner.history(kinds, since).await
    }
    async fn audit(&self) -> Result<Audit, JournalError> {
        self.inner.audit().await
    }
}

/// Plays a scenario with one death, and goes on as a restarted process would.
async fn play_with_death(path: &Path, books: &Books, dies_at: u64, keeps_it: bool) -> Option<Played> {
    let mut scene = Scene::set_up(path, books).await.expect("the scenario can be set up");
    let case = scene.take_in().await.expect("the ticket is taken in");
    let (stop, _pull) = Stop::new();
    let immortal = scene.agent.journal.clone();
    scene.agent.journal =
        Arc::new(Mortal { inner: immortal.clone(), appends: AtomicU64::new(0), dies_at, keeps_it });
    match drive(&scene.agent, &case, &stop).await {
        // It ended before the death was due.
        Ok(_) => return None,
        Err(DriveError::Journal(_)) => {}
        Err(other) => panic!("{}: {other}", path.display()),
    }
    scene.agent.journal = immortal;
    let case = drive(&scene.agent, &case, &stop).await.expect("the case goes on");
    let audit = scene.agent.journal.audit().await.expect("the journal can be audited");
    assert!(audit.broken.is_empty());
    Some(scene.judge(case).expect("the scenario can be judged"))
}

fn reports(played: &Played) -> usize {
    played.issue.comments.iter().filter(|comment| comment.body.contains("kind=report")).count()
}

/// Scenarios that are killed at every record: one for each way in which a change can be replayed.
const EVERY_RECORD: [&str; 2] = ["worker-down", "missing-image-no-source"];

#[tokio::test]
async fn a_death_at_any_point_changes_nothing_that_counts() {
    let books = Books::open(&Files::built_in()).expect("the built-in playbooks are right");
    let mut points = 0;
    for path in scenario::find(&fixtures()).expect("fixtures can be read") {
        let calm = scenario::play(&path, &books).await.expect("the scenario plays");
        // The most telling ones at every record; the others at every twenty-third, each beginning elsewhere.
        let name = path.file_name().expect("a folder").to_string_lossy().into_owned();
        let (first, stride) =
            if EVERY_RECORD.contains(&name.as_str()) { (0, 1) } else { (name.len() as u64 % 23, 23) };
        for dies_at in (first..).step_by(stride) {
            let mut ended = false;
            for keeps_it in [false, true] {
                let Some(played) = play_with_death(&path, &books, dies_at, keeps_it).await else {
                    ended = true;
                    continue;
                };
                points += 1;
                let place = format!("{} killed at record {dies_at}, kept: {keeps_it}", path.display());
                let in_doubt = played.report.code == "in-doubt";
                assert!(
                    in_doubt || played.report.outcome == calm.report.outcome,
                    "{place}: {} instead of {}",
                    played.summary(),
                    calm.summary()
                );
                assert_eq!(reports(&played), 1, "{place}: there must be one report");
                if in_doubt {
                    assert!(!played.issue.is_closed(), "{place}: in doubt, and closed");
                }
            }
            if ended {
                break;
            }
        }
    }
    assert!(points > 150, "only {points} crash points were played");
    println!("{points} crash points");
}
