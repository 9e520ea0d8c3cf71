//! The integration tests, in one binary.

mod asking;
mod contracts;
mod crash;
mod gate;
mod halt;
mod harness;
mod limits;
mod postgres;
mod recurrence;
mod replicas;
mod scenarios;
mod standstill;
mod taps;
mod tidy;
mod whole;
