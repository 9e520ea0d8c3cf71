//! A record: one event of one case with its place in the hash chain.

use crate::case::event::{CaseId, Event};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

/// One record of a case.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The number of the record in its case, from 0, without a gap.
    pub seq: u64,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// What happened.
    pub event: Event,
}

/// The hash of a record: SHA-256 in hex over the hash before it and everything that the record holds, as
/// it was written. An edit anywhere breaks the chain from there on. The hash of a record of version 1 does
/// not include the version.
pub fn chain(prev: &str, case: &CaseId, seq: u64, at: DateTime<Utc>, version: u32, body: &str) -> String {
    let at = at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let mut hash = Sha256::new();
    let (seq, number) = (seq.to_string(), version.to_string());
    let version = (version > 1).then_some(number.as_str());
    for part in [prev, case.as_str(), &seq, &at, body].into_iter().chain(version) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}
