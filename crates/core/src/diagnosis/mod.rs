//! From probe results to a finding, from a finding to a plan, and from new results to a verdict.

pub mod diagnose;
pub mod evidence;
pub mod plan;
pub mod verify;
