//! What happened lately, in all cases together.

use crate::core::case::event::CaseId;
use crate::core::case::record::Record;
use crate::core::case::{Case, Stage};
use crate::core::policy::run_history::RunHistory;
use crate::engine::case::find::RECENT;
use crate::engine::context::Context;
use crate::ports::{History, JournalError};

/// What was changed lately, for a case that may be about to start a remediation. `None`
/// for any other, and where a damaged record makes it unknown.
///
/// # Errors
/// The journal cannot be used.
pub(crate) async fn history(context: &Context, case: &Case) -> Result<Option<RunHistory>, JournalError> {
    if case.stage != Stage::Diagnosed {
        return Ok(None);
    }
    let since = context.clock.now() - RunHistory::LOOKBACK;
    let history = context.journal.history(&RunHistory::KINDS, since).await;
    let records = match history.and_then(History::complete) {
        Ok(records) => records,
        // A damaged record of any case. Limits that cannot be computed allow no change.
        Err(error) if error.is_permanent() => {
            tracing::error!(case = %case.id, %error, "the recent changes are unknown; nothing is changed");
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut history = RunHistory::fold(&records);
    if history.runs.iter().any(|run| run.case != case.id) {
        let lines = context.journal.cases(RECENT).await?;
        history.tickets = lines.into_iter().map(|line| (line.id, line.ticket)).collect();
    }
    Ok(Some(history))
}

/// The records of a history without those of damaged cases, which are set aside: one of them must not hold
/// up what is done for the others.
pub(crate) fn skip_unreadable(context: &Context, history: History) -> Vec<(CaseId, Record)> {
    let History { mut records, unreadable } = history;
    for (case, error) in &unreadable {
        context.set_aside.add(case, error);
    }
    records.retain(|(case, _)| !unreadable.iter().any(|(damaged, _)| damaged == case));
    records
}
