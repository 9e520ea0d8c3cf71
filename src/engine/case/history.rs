//! What happened lately, in all cases together.

use crate::core::case::event::CaseId;
use crate::core::case::record::Record;
use crate::core::case::{Case, Stage};
use crate::core::ids::{HostName, SystemName};
use crate::core::policy::run_history::RunHistory;
use crate::engine::context::Context;
use crate::ports::{History, JournalError, RunsOf};
use std::collections::BTreeSet;

/// What was changed lately, for a case that may be about to start a remediation. `None` for any other.
///
/// # Errors
/// The journal cannot be used.
pub(crate) async fn history(context: &Context, case: &Case) -> Result<Option<RunHistory>, JournalError> {
    let system = case.triage.as_ref().and_then(|triage| triage.system.as_ref());
    let Some(system) = system.filter(|_| case.stage == Stage::Diagnosed) else { return Ok(None) };
    let hosts = context.inventory.with_groups(system.hosts.values());
    Ok(Some(runs_of(context, &system.name, &hosts).await?))
}

/// The runs of the last days on these hosts and this system.
///
/// # Errors
/// The journal cannot be used.
pub(crate) async fn runs_of(
    context: &Context,
    system: &SystemName,
    hosts: &BTreeSet<HostName>,
) -> Result<RunHistory, JournalError> {
    let since = context.clock.now() - RunHistory::LOOKBACK;
    context.journal.run_history(&RunsOf { system, hosts, since }).await
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
