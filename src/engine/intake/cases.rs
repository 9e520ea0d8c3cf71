//! The cases of a ticket, as intake needs them: asked for once, each folded at most once.

use crate::core::case::Case;
use crate::core::ticket::TicketId;
use crate::engine::case::load::load_case;
use crate::engine::context::Context;
use crate::ports::JournalError;

/// The cases of a ticket that intake goes by.
pub(crate) struct TicketCases {
    folded: Vec<Case>,
    running: Option<usize>,
    latest: Option<usize>,
}

impl TicketCases {
    /// Loads the cases of a ticket.
    pub(crate) async fn load(context: &Context, ticket: &TicketId) -> Result<Self, JournalError> {
        let mut cases = Self { folded: Vec::new(), running: None, latest: None };
        let (mut seeks_running, mut seeks_latest) = (true, true);
        for summary in context.journal.cases_of(ticket).await? {
            let is_running = seeks_running && summary.outcome.is_none();
            if !is_running && !seeks_latest {
                continue;
            }
            let loaded = load_case(context, &summary.id).await?;
            let index = cases.folded.len();
            if is_running {
                seeks_running = false;
                cases.running = loaded.is_some().then_some(index);
            }
            let Some(case) = loaded else {
                seeks_latest = false;
                continue;
            };
            if seeks_latest && !case.scope().is_read_only() {
                seeks_latest = false;
                cases.latest = Some(index);
            }
            cases.folded.push(case);
        }
        Ok(cases)
    }

    /// The case that has no outcome yet.
    pub(crate) fn running(&self) -> Option<&Case> {
        self.folded.get(self.running?)
    }

    /// The newest case, if its journal is consistent. Cases that only probed do not count.
    pub(crate) fn latest(&self) -> Option<&Case> {
        self.folded.get(self.latest?)
    }
}
