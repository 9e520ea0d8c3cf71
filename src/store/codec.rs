//! How values stand in columns, in every database.

use crate::core::case::event::CaseId;
use crate::core::ticket::TicketId;
use crate::store::error::{StoreError, unreadable};
use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use std::fmt;
use std::time::Duration;

/// The last moment that still sorts as text.
const FOREVER: &str = "9999-12-31T23:59:59.999999Z";

/// A moment cut to whole microseconds, which is what a column keeps.
pub(super) fn cut(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(6)
}

/// A moment as RFC 3339 text in UTC with six decimals, which also sorts. Hashes are over this spelling.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// `now + ttl`; a time to live beyond all dates means the last one.
pub(super) fn after(now: DateTime<Utc>, ttl: Duration) -> DateTime<Utc> {
    let forever = moment(FOREVER).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let until = TimeDelta::from_std(ttl).ok().and_then(|ttl| now.checked_add_signed(ttl));
    cut(until.map_or(forever, |until| until.min(forever)))
}

pub(super) fn moment(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc())
}

pub(super) fn case(text: &str) -> Result<CaseId, StoreError> {
    CaseId::from_text(text).ok_or_else(|| unreadable(format!("`{text}` is not the name of a case")))
}

pub(super) fn ticket(text: &str) -> Result<TicketId, StoreError> {
    text.parse().map_err(|error| unreadable(format!("{error}")))
}

pub(super) fn seq(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| unreadable(format!("{number} is not a sequence number")))
}

/// A name of a system, a host or a playbook.
pub(super) fn name<N: TryFrom<String, Error: fmt::Display>>(text: String) -> Result<N, StoreError> {
    N::try_from(text).map_err(|error| unreadable(error.to_string()))
}
