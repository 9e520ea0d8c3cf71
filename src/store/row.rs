//! A record as a table has it, and its place in the hash chain of its case.

use crate::core::case::event::{CaseId, Event};
use crate::core::case::payload::{decode_event, encode_event};
use crate::core::case::record::{Record, chain};
use crate::core::case::repeated::expand;
use crate::ports::StoredRecord;
use crate::store::codec::{moment, stamp};
use crate::store::error::{StoreError, unreadable};

/// A record, its body not yet understood.
pub(super) struct EventRow {
    pub(super) seq: u64,
    pub(super) at: String,
    pub(super) version: u32,
    pub(super) body: String,
    pub(super) prev_hash: String,
    pub(super) hash: String,
}

impl EventRow {
    /// Makes the record that follows the one with the hash `prev`; the first one follows nothing.
    pub(super) fn encode(prev: &str, case: &CaseId, record: &Record) -> Result<Self, StoreError> {
        let Record { seq, at, event } = record;
        let body = encode_event(event)
            .map_err(|error| unreadable(format!("case {case}, record {seq} cannot be written: {error}")))?;
        let hash = chain(prev, case, *seq, *at, Event::VERSION, &body);
        let (version, prev_hash) = (Event::VERSION, prev.to_owned());
        Ok(Self { seq: *seq, at: stamp(*at), version, body, prev_hash, hash })
    }

    /// The record as an archive has it.
    pub(super) fn export(self, case: &CaseId) -> StoredRecord {
        let Self { seq, at, version, body, hash, .. } = self;
        StoredRecord { case: case.to_string(), seq, at, version, body, hash }
    }

    /// Decodes the body.
    pub(super) fn record(&self, case: &CaseId) -> Result<Record, StoreError> {
        let seq = self.seq;
        let bad = |why: String| unreadable(format!("case {case}, record {seq}: {why}"));
        let at = moment(&self.at).ok_or_else(|| bad(format!("`{}` is not a moment", self.at)))?;
        let event = decode_event(self.version, &self.body).map_err(|error| bad(error.to_string()))?;
        Ok(Record { seq, at, event })
    }

    fn is_as_written(&self, case: &CaseId) -> bool {
        let Self { seq, version, body, prev_hash, .. } = self;
        // The hash is over the moment, so its spelling is compared too.
        moment(&self.at)
            .filter(|at| stamp(*at) == self.at)
            .is_some_and(|at| chain(prev_hash, case, *seq, at, *version, body) == self.hash)
    }
}

/// The records of a case, from its rows in their order.
pub(super) fn records_of(case: &CaseId, rows: &[EventRow]) -> Result<Vec<Record>, StoreError> {
    let records: Result<Vec<Record>, StoreError> = rows.iter().map(|row| row.record(case)).collect();
    let mut records = records?;
    expand(&mut records).map_err(|error| unreadable(format!("case {case}: {error}")))?;
    Ok(records)
}

/// The first record of a case that is not as it was written, or that is missing. `head` is the hash of
/// its last record as the list of cases has it.
pub(super) fn first_broken(case: &CaseId, records: &[EventRow], head: Option<&str>) -> Option<u64> {
    let mut prev = "";
    for (expected, record) in (0..).zip(records) {
        if record.seq != expected || record.prev_hash != prev || !record.is_as_written(case) {
            return Some(expected);
        }
        prev = &record.hash;
    }
    let ends_well = !records.is_empty() && head == Some(prev);
    (!ends_well).then_some(records.len() as u64)
}
