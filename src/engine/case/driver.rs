//! Driving: one case, from where its journal stands to its end.

use crate::core::case::detail::Detail;
use crate::core::case::event::Event;
use crate::core::case::outcome::{Code, Escalation, Outcome};
use crate::core::case::{Case, Waiting};
use crate::core::decide::action::Action;
use crate::core::decide::{DecisionInput, decide};
use crate::core::ids::{CaseId, SystemName};
use crate::core::playbook::Library;
use crate::engine::case::history::history;
use crate::engine::case::library::{PinnedLibrary, pinned_library};
use crate::engine::case::perform::perform;
use crate::engine::case::places::Place;
use crate::engine::case::writer::{CaseError, CaseWriter};
use crate::engine::context::{CLAIM_TTL, Context, Progress};
use crate::engine::shutdown::Shutdown;
use crate::ports::{JournalError, Parked};
use crate::telemetry::spans;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Instrument;

/// How long it takes until a paused case is decided again.
const PAUSE_POLL: Duration = Duration::from_secs(5);

/// Works a case until it ends, `stop` is requested, or it stands still ([`Case::waiting`]).
///
/// # Errors
/// The case is another worker's, the journal cannot be used, or its records are damaged. In each case
/// nothing more is done.
pub async fn run_case(context: &Context, id: &CaseId, stop: &Shutdown) -> Result<Case, CaseError> {
    let place = context.places.enter(None).await;
    if !context.journal.claim(id, &context.worker, context.clock.now(), CLAIM_TTL).await? {
        return Err(CaseError::Claimed);
    }
    let result = tokio::select! {
        // In this order, so that a run can be repeated.
        biased;
        result = work(context, id, place, stop).instrument(spans::case(id)) => result,
        error = keep_claim(context, id) => Err(error),
    };
    let parked = result.as_ref().ok().and_then(|(_, parked)| parked.as_ref());
    // If this fails, the claim runs out by itself, and the case is taken up again.
    if let Err(error) = context.journal.release(id, &context.worker, parked).await {
        tracing::warn!(case = %id, %error, "the claim could not be released");
    }
    result.map(|(case, _)| case)
}

/// Works a case as [`run_case`] does, and waits with it for limits and pauses. What is asked of people is
/// not waited for.
///
/// # Errors
/// As [`run_case`].
pub async fn run_case_waiting(context: &Context, id: &CaseId, stop: &Shutdown) -> Result<Case, CaseError> {
    loop {
        let case = run_case(context, id, stop).await?;
        let until = match case.waiting() {
            Some(Waiting::Deferred(until)) => until,
            Some(Waiting::Paused | Waiting::Related) => context.clock.now() + PAUSE_POLL,
            Some(Waiting::Approval(_) | Waiting::Reporter(_)) | None => return Ok(case),
        };
        stop.wait_until(&*context.clock, until).await;
        if stop.is_requested() {
            return Ok(case);
        }
    }
}

/// Renews the claim for as long as it is polled; ends when that fails, and the work with it.
async fn keep_claim(context: &Context, id: &CaseId) -> CaseError {
    let mut since = Instant::now();
    loop {
        tokio::time::sleep(CLAIM_TTL / 6).await;
        match context.journal.claim(id, &context.worker, context.clock.now(), CLAIM_TTL).await {
            Ok(true) => since = Instant::now(),
            Ok(false) => return CaseError::Claimed,
            // A change that runs is not cut off for a hiccup, while the claim still stands.
            Err(error) if since.elapsed() > CLAIM_TTL / 2 => return error.into(),
            Err(error) => tracing::warn!(case = %id, %error, "the claim could not be renewed; trying again"),
        }
    }
}

/// Gives the case, and for how long nobody has to look at it.
async fn work<'a>(
    context: &'a Context,
    id: &CaseId,
    mut place: Place<'a>,
    stop: &Shutdown,
) -> Result<(Case, Option<Parked>), CaseError> {
    let case = Case::fold(id, &own(context.journal.load(id).await)?)?;
    spans::describe_case(&case);
    if let Some(system) = system_of(&case) {
        place.move_to(&system).await;
    }
    let pinned = pinned_library(context, &case.library).await?;
    let (library, missing) = match pinned {
        PinnedLibrary::Loaded(library) => (library, None),
        PinnedLibrary::Missing => (no_playbooks(&case), Some(Detail::PlaybooksMissing)),
        PinnedLibrary::Unreadable(problem) => {
            (no_playbooks(&case), Some(Detail::PlaybooksUnreadable { problem }))
        }
    };
    let mut writer = CaseWriter { context, library: &library, case, place };
    if let (Some(detail), None) = (missing, &writer.case.outcome) {
        let escalation = Escalation { code: Code::NoPlaybooks, detail };
        writer.append(Event::OutcomeDecided(Outcome::Escalated(escalation))).await?;
    }
    while !stop.is_requested() {
        // Asked before every decision; if it is unknown, nothing is done.
        let pause = context.journal.pause_state().await?;
        let signals = own(context.journal.signals(id).await)?;
        let history = history(context, &writer.case).await?;
        let input = DecisionInput {
            pause: pause.as_ref(),
            signals: &signals,
            history: history.as_ref(),
            library: writer.library,
            inventory: &context.inventory,
            policy: &context.policy,
            now: context.clock.now(),
        };
        let action = decide(&writer.case, input);
        context.observer.on_progress(Progress::Starting { case: &writer.case, action: &action });
        if matches!(action, Action::Done | Action::Suspend(_)) {
            context.journal.release_leases(id).await?;
            let signals = signals.len();
            let parked = match action {
                Action::Suspend(suspension) => Some(Parked { suspension, signals }),
                _ => None,
            };
            return Ok((writer.case, parked));
        }
        let span = spans::action(&action);
        let was_triaged = writer.case.triage.is_some();
        perform(&mut writer, action, stop).instrument(span).await?;
        if !was_triaged && let Some(system) = system_of(&writer.case) {
            // Here the current span is the case's, and not the action's.
            spans::describe_system(&writer.case);
            writer.place.move_to(&system).await;
        }
        // What waits for time or for the forge has given it up.
        writer.place.enter_again().await;
    }
    Ok((writer.case, None))
}

fn system_of(case: &Case) -> Option<SystemName> {
    Some(case.triage.as_ref()?.system.as_ref()?.name.clone())
}

/// Stands in for playbooks that cannot be used: with it, no decision finds anything to do.
fn no_playbooks(case: &Case) -> Arc<Library> {
    Arc::new(Library { hash: case.library.clone(), systems: BTreeMap::new() })
}

/// A permanent error while a case's own records are read is the case's; any other is the journal's.
fn own<T>(read: Result<T, JournalError>) -> Result<T, CaseError> {
    read.map_err(
        |error| if error.is_permanent() { CaseError::Damaged(error) } else { CaseError::Journal(error) },
    )
}
