//! What an operations log says about cases, from the journal alone: it can be made anew at any time.

use crate::core::case::Case;
use crate::core::case::event::EventKind;
use crate::core::ids::{CaseId, LibraryHash};
use crate::core::playbook::Library;
use crate::core::text::redact::Redactor;
use crate::core::view::operations::{LogRetention, operations_entry};
use crate::core::view::report::report;
use crate::library::{Files, load_recorded};
use crate::ports::{JournalError, Store};
use crate::render::Prompts;
use crate::render::operations_log::{LogEntry, OperationsLog};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A replica may write a record a little later than the moment that the record has.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);

/// What a log is made from.
pub struct LogSource<'a> {
    /// Where the cases are.
    pub journal: &'a dyn Store,
    /// The playbooks of now.
    pub library: &'a Library,
    /// The words.
    pub prompts: &'a Prompts,
    /// What every entry passes.
    pub redactor: &'a Redactor,
    /// How long entries are kept.
    pub retention: LogRetention,
}

/// Whether a log is brought up to date, or made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogUpdate {
    /// With what was recorded since it was written last.
    Newer,
    /// With everything that is kept. Entries of archived cases stay: the journal does not have those cases any more.
    Everything,
}

impl LogSource<'_> {
    /// Brings a log up to date. Gives how many entries were written.
    ///
    /// # Errors
    /// The journal cannot be used. The log is then as it was.
    pub async fn update(
        &self,
        log: &mut OperationsLog,
        update: LogUpdate,
        now: DateTime<Utc>,
    ) -> Result<usize, JournalError> {
        let oldest = now - self.retention.longest();
        let since = match (update, log.until) {
            (LogUpdate::Newer, Some(until)) => (until - OVERLAP).max(oldest),
            _ => oldest,
        };
        let is_whole = since == oldest;
        // A look is a large record, and changes no entry by itself.
        let kinds: Vec<EventKind> =
            EventKind::ALL.iter().copied().filter(|kind| *kind != EventKind::Probed).collect();
        let kinds = if is_whole { vec![EventKind::Opened] } else { kinds };
        let history = self.journal.history(&kinds, since).await?;
        let mut cases: BTreeSet<CaseId> = history.records.into_iter().map(|(case, _)| case).collect();
        if is_whole {
            cases.extend(log.cases().filter_map(CaseId::from_text));
        }
        let mut libraries = BTreeMap::new();
        let mut written = Vec::new();
        for id in cases {
            let records = match self.journal.load(&id).await {
                Ok(records) => records,
                // `audit verify` tells of it; its entry stays as it was.
                Err(error) if error.is_permanent() => continue,
                Err(error) => return Err(error),
            };
            let Some(case) = Case::fold(&id, &records).ok().filter(|_| !records.is_empty()) else { continue };
            let library = self.library_of(&case.library, &mut libraries).await?;
            written.push((id, self.entry(&case, library.as_deref().unwrap_or(self.library))));
        }
        let count = written.iter().filter(|(_, entry)| entry.is_some()).count();
        for (case, entry) in written {
            match entry {
                Some(entry) => log.put(case.as_str(), entry),
                None => log.remove(case.as_str()),
            }
        }
        log.expire(now, &self.retention);
        log.until = Some(now);
        Ok(count)
    }

    /// The text at the top of a log.
    pub fn intro(&self) -> String {
        let days = |length: TimeDelta| length.num_days();
        let LogRetention { low, medium, high } = self.retention;
        let data = json!({ "low": days(low), "medium": days(medium), "high": days(high) });
        self.prompts.fill("operations_log.md", data)
    }

    /// The entry of a case; `None` if there is nothing to log.
    fn entry(&self, case: &Case, library: &Library) -> Option<LogEntry> {
        let entry = operations_entry(case)?;
        let report = report(case, library);
        let advice: Vec<String> = report
            .advice
            .iter()
            .flat_map(|advice| advice.lines())
            .map(|line| line.trim().trim_start_matches('#').to_owned())
            .filter(|line| !line.is_empty())
            .collect();
        let data = json!({ "entry": entry, "report": report, "advice": advice });
        let text = self.prompts.fill("operations_entry.md", data);
        let text = self.redactor.publish(&text).as_str().to_owned();
        Some(LogEntry { at: entry.at, severity: entry.severity, text })
    }

    async fn library_of(
        &self,
        hash: &LibraryHash,
        known: &mut BTreeMap<String, Option<Arc<Library>>>,
    ) -> Result<Option<Arc<Library>>, JournalError> {
        if *hash == self.library.hash {
            return Ok(None);
        }
        if let Some(library) = known.get(&hash.0) {
            return Ok(library.clone());
        }
        let files = self.journal.library(hash).await?;
        let library = files.and_then(|files| load_recorded(&Files::from_map(files)).ok()).map(Arc::new);
        known.insert(hash.0.clone(), library.clone());
        Ok(library)
    }
}
