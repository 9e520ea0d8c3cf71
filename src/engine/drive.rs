//! Driving: one case, from where its journal stands to its end.

use super::past::RECENT;
use super::perform::{perform, wait};
use super::{Agent, CLAIM, Glimpse};
use crate::core::action::Action;
use crate::core::case::{BadHistory, Case, Stage, Standstill};
use crate::core::decide::{World, decide};
use crate::core::event::{CaseId, Event, Record};
use crate::core::history::History;
use crate::core::outcome::{Code, Escalation, Outcome};
use crate::core::playbook::{Library, LibraryHash};
use crate::ports::JournalError;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long it takes until a case under a halt is looked at again.
const HALTED: Duration = Duration::from_secs(5);

/// Why a case was left where it was. Its journal is whole, and driving it again goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum DriveError {
    #[error("another worker has claimed the case")]
    Claimed,
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    History(#[from] BadHistory),
}

/// Tells the engine to stop between two actions.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// The stop, and the hand that pulls it by sending `true`.
    pub fn new() -> (Self, watch::Sender<bool>) {
        let (send, receive) = watch::channel(false);
        (Self(receive), send)
    }

    pub fn is_pulled(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when the stop is pulled, or can never be pulled any more.
    pub async fn pulled(&self) {
        let mut receive = self.0.clone();
        if receive.wait_for(|pulled| *pulled).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The right to write a case's journal: it appends, then folds what it appended.
pub(super) struct Pen<'a> {
    pub agent: &'a Agent,
    pub library: &'a Library,
    pub case: Case,
}

impl Pen<'_> {
    pub async fn write(&mut self, event: Event) -> Result<(), DriveError> {
        let (seq, at) = (self.case.next_seq, self.agent.clock.now());
        self.agent.journal.append(&self.case.id, seq, at, &event).await?;
        self.case.apply(&Record { seq, at, event: event.clone() })?;
        self.agent.watch.see(Glimpse::Recorded { case: &self.case, event: &event });
        Ok(())
    }
}

/// Works a case until it ends, `stop` is pulled, or it stands still ([`Case::standstill`]).
///
/// # Errors
/// The case is another worker's, the journal cannot be used, or the history makes no sense. In each
/// case nothing more is done.
pub async fn drive(agent: &Agent, id: &CaseId, stop: &Stop) -> Result<Case, DriveError> {
    if !agent.journal.claim(id, &agent.worker, agent.clock.now(), CLAIM).await? {
        return Err(DriveError::Claimed);
    }
    let result = tokio::select! {
        // In this order, so that a run can be repeated.
        biased;
        result = work(agent, id, stop) => result,
        error = keep_claim(agent, id) => Err(error),
    };
    // If this fails, the claim runs out by itself.
    if let Err(error) = agent.journal.release(id, &agent.worker).await {
        tracing::warn!(case = %id, %error, "the claim could not be released");
    }
    result
}

/// Works a case as [`drive`] does, and waits with it for budgets and halts. What is asked of people is
/// not waited for.
///
/// # Errors
/// As [`drive`].
pub async fn drive_on(agent: &Agent, id: &CaseId, stop: &Stop) -> Result<Case, DriveError> {
    loop {
        let case = drive(agent, id, stop).await?;
        let until = match case.standstill() {
            Some(Standstill::Delayed(until)) => until,
            Some(Standstill::Halted | Standstill::Linked) => agent.clock.now() + HALTED,
            Some(Standstill::Asked(_)) | None => return Ok(case),
        };
        wait(agent, until, stop).await;
        if stop.is_pulled() {
            return Ok(case);
        }
    }
}

/// Renews the claim for as long as it is polled; ends when that fails, and the work with it.
async fn keep_claim(agent: &Agent, id: &CaseId) -> DriveError {
    let mut since = Instant::now();
    loop {
        tokio::time::sleep(CLAIM / 6).await;
        match agent.journal.claim(id, &agent.worker, agent.clock.now(), CLAIM).await {
            Ok(true) => since = Instant::now(),
            Ok(false) => return DriveError::Claimed,
            // A change that runs is not cut off for a hiccup, while the claim still stands.
            Err(error) if since.elapsed() > CLAIM / 2 => return error.into(),
            Err(error) => tracing::warn!(case = %id, %error, "the claim could not be renewed; trying again"),
        }
    }
}

async fn work(agent: &Agent, id: &CaseId, stop: &Stop) -> Result<Case, DriveError> {
    let case = Case::fold(id, &agent.journal.load(id).await?)?;
    let kept = library_of(agent, &case.library).await?;
    let nothing = Arc::new(Library { hash: case.library.clone(), systems: BTreeMap::new() });
    let has_library = kept.is_some();
    let library = kept.unwrap_or(nothing);
    let mut pen = Pen { agent, library: &library, case };
    if !has_library && pen.case.outcome.is_none() {
        let why = "the journal does not hold the playbooks that this case began with".to_owned();
        let escalation = Escalation { code: Code::NoPlaybooks, why };
        pen.write(Event::Concluded(Outcome::Escalated(escalation))).await?;
    }
    while !stop.is_pulled() {
        // Asked before every decision; if it cannot be told, nothing is done.
        let pause = agent.journal.pause().await?;
        let words = agent.journal.posted(id).await?;
        let history = history(agent, &pen.case).await?;
        let world = World {
            pause: pause.as_ref(),
            words: &words,
            history: history.as_ref(),
            library: pen.library,
            inventory: &agent.inventory,
            policy: &agent.policy,
            now: agent.clock.now(),
        };
        let action = decide(&pen.case, world);
        agent.watch.see(Glimpse::Doing { case: &pen.case, action: &action });
        if matches!(action, Action::Rest | Action::Park { .. }) {
            agent.journal.free(id).await?;
            break;
        }
        perform(&mut pen, action, stop).await?;
    }
    Ok(pen.case)
}

/// What was changed lately, for a case that may be about to begin a remedy.
pub(super) async fn history(agent: &Agent, case: &Case) -> Result<Option<History>, JournalError> {
    if case.stage != Stage::Diagnosed {
        return Ok(None);
    }
    let since = agent.clock.now() - History::REACH;
    let mut history = History::fold(&agent.journal.history(&History::KINDS, since).await?);
    if history.runs.iter().any(|run| run.case != case.id) {
        let lines = agent.journal.cases(RECENT).await?;
        history.tickets = lines.into_iter().map(|line| (line.id, line.ticket)).collect();
    }
    Ok(Some(history))
}

/// The playbooks with this hash: the agent's own, or those that the journal kept.
pub async fn library_of(agent: &Agent, hash: &LibraryHash) -> Result<Option<Arc<Library>>, DriveError> {
    if *hash == agent.library.hash {
        return Ok(Some(Arc::clone(&agent.library)));
    }
    let Some(files) = agent.journal.library(hash).await? else { return Ok(None) };
    let loaded = crate::library::load(&crate::library::Files::from_map(files));
    Ok(loaded.ok().map(Arc::new))
}
