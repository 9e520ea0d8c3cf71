//! Policy: whether, when and how much may be changed.

pub mod change_freeze;
pub mod confirmation;
pub mod consent;
pub mod deferral;
pub mod limits;
pub mod mode;
pub mod pause_order;
pub mod permit;
pub mod refusal;
pub mod run_history;
pub mod schedule;
pub mod standing;
