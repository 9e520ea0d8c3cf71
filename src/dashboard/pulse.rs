//! Whether pages have something new to show, by a few narrow questions to the journal. So it is seen whichever process
//! wrote it.

use crate::core::ids::CaseId;
use crate::dashboard::board::Dashboard;
use crate::ports::{CaseQuery, JournalError};
use std::collections::{BTreeMap, BTreeSet};

/// So many running cases are watched, the oldest, and so many of the newest.
const WATCHED: u32 = 500;
const NEWEST: u32 = 20;

/// What the journal looked like at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pulse {
    /// The head of the records of each watched case.
    cases: BTreeMap<CaseId, String>,
    /// The pause, and when each system was swept.
    rest: Vec<String>,
}

impl Pulse {
    /// The cases that have another record, have begun or are not watched any more.
    pub fn changed_since(&self, before: &Self) -> BTreeSet<CaseId> {
        let here = self.cases.iter().filter(|(id, head)| before.cases.get(*id) != Some(*head));
        let gone = before.cases.keys().filter(|id| !self.cases.contains_key(*id));
        here.map(|(id, _)| id).chain(gone).cloned().collect()
    }
}

impl Dashboard {
    /// What the journal looks like now.
    ///
    /// # Errors
    /// The journal cannot be used.
    pub async fn pulse(&self) -> Result<Pulse, JournalError> {
        let journal = &self.context.journal;
        let running = journal.running_cases(WATCHED).await?;
        let newest = journal.find_cases(&CaseQuery { limit: NEWEST, ..CaseQuery::default() }).await?;
        let cases = running.into_iter().chain(newest).map(|entry| (entry.summary.id, entry.head)).collect();
        let swept = journal.sweeps().await?.into_iter().map(|sweep| format!("{} {}", sweep.system, sweep.at));
        let pause = journal.pause_order().await?;
        let rest = swept.chain(pause.map(|order| format!("{} {:?}", order.given_at, order.kind))).collect();
        Ok(Pulse { cases, rest })
    }
}
