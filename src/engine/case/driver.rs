//! Driving: one case, from where its journal stands to its end.

use crate::core::case::event::{CaseId, Event};
use crate::core::case::outcome::{Code, Escalation, Outcome};
use crate::core::case::record::Record;
use crate::core::case::{Case, InvalidJournal, Stage, Waiting};
use crate::core::decide::action::Action;
use crate::core::decide::{DecisionInput, decide};
use crate::core::playbook::{Library, LibraryHash};
use crate::core::policy::run_history::RunHistory;
use crate::engine::case::find::RECENT;
use crate::engine::case::perform::{perform, wait};
use crate::engine::{CLAIM_TTL, Context, Progress};
use crate::ports::JournalError;
use crate::telemetry::spans;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Instrument;

/// How long it takes until a case under a halt is looked at again.
const HALTED: Duration = Duration::from_secs(5);

/// Why a case was left where it was. Its journal is whole, and driving it again goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    #[error("another worker has claimed the case")]
    Claimed,
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Invalid(#[from] InvalidJournal),
}

/// Tells the engine to stop between two actions.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// The stop, and the hand that pulls it by sending `true`.
    pub fn new() -> (Self, watch::Sender<bool>) {
        let (send, receive) = watch::channel(false);
        (Self(receive), send)
    }

    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when the stop is pulled, or can never be pulled any more.
    pub async fn requested(&self) {
        let mut receive = self.0.clone();
        if receive.wait_for(|pulled| *pulled).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The right to write a case's journal: it appends, then folds what it appended.
pub(crate) struct CaseWriter<'a> {
    pub agent: &'a Context,
    pub library: &'a Library,
    pub case: Case,
}

impl CaseWriter<'_> {
    pub async fn append(&mut self, event: Event) -> Result<(), CaseError> {
        let (seq, at) = (self.case.next_seq, self.agent.clock.now());
        let append = self.agent.journal.append(&self.case.id, seq, at, &event);
        append.instrument(spans::journal_append(event.kind().as_str(), seq)).await?;
        self.case.apply(&Record { seq, at, event: event.clone() })?;
        spans::log_record(&self.case, &event, at);
        self.agent.observer.on_progress(Progress::Recorded { case: &self.case, event: &event });
        Ok(())
    }
}

/// Works a case until it ends, `stop` is pulled, or it stands still ([`Case::standstill`]).
///
/// # Errors
/// The case is another worker's, the journal cannot be used, or the history makes no sense. In each
/// case nothing more is done.
pub async fn run_case(agent: &Context, id: &CaseId, stop: &Shutdown) -> Result<Case, CaseError> {
    if !agent.journal.claim(id, &agent.worker, agent.clock.now(), CLAIM_TTL).await? {
        return Err(CaseError::Claimed);
    }
    let result = tokio::select! {
        // In this order, so that a run can be repeated.
        biased;
        result = work(agent, id, stop).instrument(spans::case(id)) => result,
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
pub async fn run_case_waiting(agent: &Context, id: &CaseId, stop: &Shutdown) -> Result<Case, CaseError> {
    loop {
        let case = run_case(agent, id, stop).await?;
        let until = match case.waiting() {
            Some(Waiting::Deferred(until)) => until,
            Some(Waiting::Paused | Waiting::Related) => agent.clock.now() + HALTED,
            Some(Waiting::Approval(_)) | None => return Ok(case),
        };
        wait(agent, until, stop).await;
        if stop.is_requested() {
            return Ok(case);
        }
    }
}

/// Renews the claim for as long as it is polled; ends when that fails, and the work with it.
async fn keep_claim(agent: &Context, id: &CaseId) -> CaseError {
    let mut since = Instant::now();
    loop {
        tokio::time::sleep(CLAIM_TTL / 6).await;
        match agent.journal.claim(id, &agent.worker, agent.clock.now(), CLAIM_TTL).await {
            Ok(true) => since = Instant::now(),
            Ok(false) => return CaseError::Claimed,
            // A change that runs is not cut off for a hiccup, while the claim still stands.
            Err(error) if since.elapsed() > CLAIM_TTL / 2 => return error.into(),
            Err(error) => tracing::warn!(case = %id, %error, "the claim could not be renewed; trying again"),
        }
    }
}

async fn work(agent: &Context, id: &CaseId, stop: &Shutdown) -> Result<Case, CaseError> {
    let case = Case::fold(id, &agent.journal.load(id).await?)?;
    spans::describe_case(&case);
    let kept = library_of(agent, &case.library).await?;
    let nothing = Arc::new(Library { hash: case.library.clone(), systems: BTreeMap::new() });
    let has_library = kept.is_some();
    let library = kept.unwrap_or(nothing);
    let mut pen = CaseWriter { agent, library: &library, case };
    if !has_library && pen.case.outcome.is_none() {
        let why = why_no_library(agent, &pen.case.library).await?;
        let escalation = Escalation { code: Code::NoPlaybooks, why };
        pen.append(Event::OutcomeDecided(Outcome::Escalated(escalation))).await?;
    }
    while !stop.is_requested() {
        // Asked before every decision; if it cannot be told, nothing is done.
        let pause = agent.journal.pause_state().await?;
        let words = agent.journal.signals(id).await?;
        let history = history(agent, &pen.case).await?;
        let world = DecisionInput {
            pause: pause.as_ref(),
            signals: &words,
            history: history.as_ref(),
            library: pen.library,
            inventory: &agent.inventory,
            policy: &agent.policy,
            now: agent.clock.now(),
        };
        let action = decide(&pen.case, world);
        agent.observer.on_progress(Progress::Starting { case: &pen.case, action: &action });
        if matches!(action, Action::Done | Action::Suspend { .. }) {
            agent.journal.release_leases(id).await?;
            break;
        }
        let span = spans::action(&action);
        perform(&mut pen, action, stop).instrument(span).await?;
    }
    Ok(pen.case)
}

/// What was changed lately, for a case that may be about to begin a remedy.
pub(crate) async fn history(agent: &Context, case: &Case) -> Result<Option<RunHistory>, JournalError> {
    if case.stage != Stage::Diagnosed {
        return Ok(None);
    }
    let since = agent.clock.now() - RunHistory::LOOKBACK;
    let mut history = RunHistory::fold(&agent.journal.history(&RunHistory::KINDS, since).await?);
    if history.runs.iter().any(|run| run.case != case.id) {
        let lines = agent.journal.cases(RECENT).await?;
        history.tickets = lines.into_iter().map(|line| (line.id, line.ticket)).collect();
    }
    Ok(Some(history))
}

/// The playbooks with this hash: the agent's own, or those that the journal kept.
pub async fn library_of(agent: &Context, hash: &LibraryHash) -> Result<Option<Arc<Library>>, CaseError> {
    if *hash == agent.library.hash {
        return Ok(Some(Arc::clone(&agent.library)));
    }
    let Some(files) = agent.journal.library(hash).await? else { return Ok(None) };
    let loaded = crate::library::load_recorded(&crate::library::Files::from_map(files));
    Ok(loaded.ok().map(Arc::new))
}

/// Why the playbooks with this hash cannot be used.
async fn why_no_library(agent: &Context, hash: &LibraryHash) -> Result<String, CaseError> {
    let Some(files) = agent.journal.library(hash).await? else {
        return Ok("the journal does not hold the playbooks that this case began with".into());
    };
    let loaded = crate::library::load_recorded(&crate::library::Files::from_map(files));
    let problems = loaded.err();
    let problem = problems.as_ref().and_then(|problems| problems.list().first());
    let problem = problem.map(|problem| format!(": {}:{}: {}", problem.path, problem.line, problem.message));
    let problem = problem.unwrap_or_default();
    Ok(format!("this version cannot read the playbooks that this case began with{problem}"))
}
