//! The integration tests, in one binary.

// clippy.toml allows these inside of tests, and not in the functions that tests share.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::print_stdout, clippy::unwrap_used)]

mod asking;
mod canary;
mod conformance;
mod contracts;
mod cores;
mod crash;
mod doors;
mod gate;
mod golden;
mod halt;
mod harness;
mod hostile;
mod init;
mod kin;
mod limits;
mod observe;
mod orders;
mod porter;
mod postgres;
mod recurrence;
mod replicas;
mod sample;
mod scenarios;
mod simulation;
mod standstill;
mod talk;
mod taps;
mod tidy;
mod whole;
