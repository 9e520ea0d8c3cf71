//! The integration tests, in one binary. `story` is the one to read first.

// clippy.toml allows these inside of tests, and not in the functions that tests share.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, clippy::print_stdout, clippy::unwrap_used)]
#![allow(unreachable_pub, reason = "nothing outside of this binary can reach anything of it")]
#![allow(clippy::disallowed_methods, reason = "tests use the clock, files and processes of this machine")]
#![allow(clippy::indexing_slicing, clippy::string_slice, reason = "a test fails where there is nothing")]
#![allow(clippy::unreachable, reason = "a test that reaches it shall fail")]
#![allow(clippy::invisible_characters, reason = "snapshots show how comments escape references")]
#![allow(clippy::type_complexity, reason = "closures of a test's set-up")]

mod action;
mod alerts;
mod approval;
mod architecture;
mod binary;
mod canary;
mod commands;
mod confirmation;
mod conformance;
mod contracts;
mod cores;
mod crash;
mod dashboard;
mod discovery;
mod figures;
mod gate;
mod golden;
mod growth;
mod harness;
mod host_add;
mod hostile;
mod init;
mod intake;
mod limits;
mod lost_claim;
mod mcp;
mod measurements;
mod metrics;
mod notices;
mod observe;
mod operations_log;
mod pages;
mod pause;
mod postgres;
mod publishing;
mod recurrence;
mod related;
mod replicas;
mod sample;
mod scenarios;
mod schedules;
mod schemas;
mod service;
mod set_aside;
mod simulation;
mod snapshots;
mod story;
mod sweep;
mod taps;
mod test_agent;
mod texts;
mod tidy;
mod traces;
mod wordings;
