//! The dashboard itself: what all pages share.

use crate::core::ids::{CaseId, LibraryHash};
use crate::core::playbook::Library;
use crate::core::policy::permit::Pause;
use crate::core::policy::schedule::Schedule;
use crate::dashboard::card::Cards;
use crate::dashboard::words::{Moment, moment};
use crate::engine::{Context, library_of};
use crate::ports::JournalError;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::UnboundedSender;

/// So many libraries of older cases are kept in memory: to read one takes long.
const LIBRARIES: usize = 4;

/// One dashboard over one journal.
pub struct Dashboard {
    pub(super) context: Context,
    /// When systems are swept.
    pub(super) sweeps: Schedule,
    /// Receives a case that a person has spoken to, so that it goes on at once.
    pub(super) wake: Option<UnboundedSender<CaseId>>,
    pub(super) cards: Mutex<Cards>,
    libraries: Mutex<Vec<(LibraryHash, Arc<Library>)>>,
}

/// A pause of all changes, as pages show it.
#[derive(Debug, Clone, Serialize)]
pub struct PauseView {
    /// Who paused.
    pub by: String,
    /// Since when.
    pub since: Moment,
    /// The person's reason; may be empty.
    pub why: String,
}

impl Dashboard {
    /// A dashboard of an engine whose systems are swept on this schedule.
    pub fn new(context: Context, sweeps: Schedule, wake: Option<UnboundedSender<CaseId>>) -> Self {
        Self { context, sweeps, wake, cards: Mutex::default(), libraries: Mutex::default() }
    }

    /// The time that pages go by.
    pub fn now(&self) -> DateTime<Utc> {
        self.context.clock.now()
    }

    /// What the whole installation may do, in a word: `observe`, `ask` or `act`.
    pub fn mode(&self) -> &'static str {
        self.context.policy.mode.as_str()
    }

    /// The pause in force.
    ///
    /// # Errors
    /// The journal cannot be used.
    pub async fn pause(&self) -> Result<Option<PauseView>, JournalError> {
        let pause = self.context.journal.pause_state().await?;
        let now = self.context.clock.now();
        Ok(pause.map(|Pause { by, at, why }| PauseView { by, since: moment(at, now), why: why.to_string() }))
    }

    /// The playbooks that a case is pinned to; those of now, where those cannot be used.
    pub(super) async fn library(&self, hash: &LibraryHash) -> Result<Arc<Library>, JournalError> {
        let known = |libraries: &[(LibraryHash, Arc<Library>)]| {
            libraries.iter().find(|(known, _)| known == hash).map(|(_, library)| Arc::clone(library))
        };
        if let Some(library) = known(&self.libraries.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(library);
        }
        let library = library_of(&self.context, hash).await?;
        let library = library.unwrap_or_else(|| Arc::clone(&self.context.library));
        let mut libraries = self.libraries.lock().unwrap_or_else(PoisonError::into_inner);
        libraries.push((hash.clone(), Arc::clone(&library)));
        if libraries.len() > LIBRARIES {
            libraries.remove(0);
        }
        Ok(library)
    }
}
