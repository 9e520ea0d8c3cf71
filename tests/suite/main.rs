//! The integration tests, in one binary.

mod asking;
mod canary;
mod conformance;
mod contracts;
mod cores;
mod crash;
mod doors;
mod gate;
mod halt;
mod harness;
mod hostile;
mod init;
mod limits;
mod orders;
mod porter;
mod postgres;
mod recurrence;
mod replicas;
mod scenarios;
mod simulation;
mod standstill;
mod talk;
mod taps;
mod tidy;
mod whole;
