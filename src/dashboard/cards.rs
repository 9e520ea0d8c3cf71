//! The cards of running cases. A card is kept until the case has another record, so that a page folds only what has
//! changed since the last one.

use crate::core::case::Case;
use crate::core::view::events::lines;
use crate::dashboard::board::Dashboard;
use crate::dashboard::card::CaseCard;
use crate::ports::{CaseEntry, JournalError};
use std::sync::{Arc, PoisonError};

impl Dashboard {
    /// The cards of these cases, in their order.
    pub(super) async fn cards_of(&self, entries: &[CaseEntry]) -> Result<Vec<Arc<CaseCard>>, JournalError> {
        let mut cards = Vec::with_capacity(entries.len());
        for entry in entries {
            let id = &entry.summary.id;
            let known = self.cards.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
            let card = match known {
                Some((head, card)) if head == entry.head => card,
                _ => {
                    let card = Arc::new(self.card(entry).await?);
                    let mut cards = self.cards.lock().unwrap_or_else(PoisonError::into_inner);
                    cards.insert(id.clone(), (entry.head.clone(), Arc::clone(&card)));
                    card
                }
            };
            cards.push(card);
        }
        // Those that have ended are not asked for again.
        let mut kept = self.cards.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() > entries.len() {
            kept.retain(|id, _| entries.iter().any(|entry| entry.summary.id == *id));
        }
        Ok(cards)
    }

    async fn card(&self, entry: &CaseEntry) -> Result<CaseCard, JournalError> {
        let id = &entry.summary.id;
        let records = match self.context.journal.load(id).await {
            Ok(records) => records,
            Err(error) if error.is_permanent() => return Ok(CaseCard::unreadable(entry)),
            Err(error) => return Err(error),
        };
        let Ok(case) = Case::fold(id, &records) else { return Ok(CaseCard::unreadable(entry)) };
        let library = self.library(&case.library).await?;
        let newest = records.last().map(|record| lines(&case, &record.event)).unwrap_or_default();
        let newest = newest.iter().map(|line| self.context.prompts.line("event", line));
        let newest = newest.collect::<Vec<_>>().join("; ");
        Ok(CaseCard::of(&case, &library, &self.context.prompts, newest))
    }
}
