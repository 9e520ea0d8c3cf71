//! The targets, which the test suite has too.

#[path = "../../tests/suite/hostile/judge.rs"]
mod judge;
#[path = "../../tests/suite/hostile/targets.rs"]
pub mod targets;
