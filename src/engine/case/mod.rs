//! Cases at work: find one, drive it, perform its actions.

pub(crate) mod answer;
pub(crate) mod dispatcher;
pub(crate) mod driver;
pub(crate) mod find;
pub(crate) mod perform;
pub(crate) mod probe;
