//! Monitoring: checks that nobody asked for, on a schedule.

pub(crate) mod measure;
pub(crate) mod recurrence;
pub(crate) mod run;
pub(crate) mod schedule;
pub(crate) mod sweep;
pub(crate) mod thumbs;
