//! Cases at work: find one, drive it, perform its actions.

pub(crate) mod answer;
pub(crate) mod dispatcher;
pub(crate) mod driver;
pub(crate) mod history;
pub(crate) mod library;
pub(crate) mod load;
pub(crate) mod perform;
pub(crate) mod places;
pub(crate) mod probe;
pub(crate) mod set_aside;
pub(crate) mod writer;
