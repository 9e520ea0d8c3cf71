//! The integration tests, in one binary.

mod contracts;
mod crash;
mod gate;
mod halt;
mod harness;
mod scenarios;
mod tidy;
mod whole;
