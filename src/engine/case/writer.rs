//! The right to write a case's journal. Only the process that claimed a case appends to it.

use crate::core::case::Case;
use crate::core::case::apply::InvalidJournal;
use crate::core::case::event::Event;
use crate::core::case::record::Record;
use crate::core::case::repeated::contract;
use crate::core::playbook::Library;
use crate::engine::case::places::Place;
use crate::engine::context::{Context, Progress};
use crate::ports::JournalError;
use crate::telemetry::spans;
use tracing::Instrument;

/// Why a case was left where it was. What its journal holds is whole, and driving it again goes on there.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// Another worker has it, or went on with it.
    #[error("another worker has claimed the case")]
    Claimed,
    /// The journal cannot be used now.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The case's own records cannot be read: they are damaged, or of a later version.
    #[error("the records of the case cannot be read. {0}")]
    Damaged(JournalError),
    /// The case's records cannot follow each other.
    #[error("the records of the case contradict each other: {0}")]
    Invalid(#[from] InvalidJournal),
}

impl CaseError {
    /// Trying again cannot help. Such a case is set aside until a restart.
    pub fn is_permanent(&self) -> bool {
        match self {
            CaseError::Claimed | CaseError::Journal(_) => false,
            CaseError::Damaged(_) | CaseError::Invalid(_) => true,
        }
    }
}

/// The right to write a case's journal: it appends, then folds what it appended.
pub(crate) struct CaseWriter<'a> {
    pub context: &'a Context,
    pub library: &'a Library,
    pub case: Case,
    pub place: Place<'a>,
}

impl CaseWriter<'_> {
    /// Records an event, and takes it into the case.
    ///
    /// # Errors
    /// [`CaseError`] if the journal did not store the event, or the case cannot take it in.
    pub(crate) async fn append(&mut self, mut event: Event) -> Result<(), CaseError> {
        let (seq, at) = (self.case.next_seq, self.context.clock.now());
        let stored = contract(&mut event, &self.case.evidence);
        let append = self.context.journal.append(&self.case.id, seq, at, stored.as_ref().unwrap_or(&event));
        append.instrument(spans::journal_append(event.kind().as_str(), seq)).await?;
        self.case.apply(&Record { seq, at, event: event.clone() })?;
        spans::log_record(&self.case, &event, at);
        self.context.observer.on_progress(Progress::Recorded { case: &self.case, event: &event });
        Ok(())
    }
}
