//! The integration tests, in one binary.

mod contracts;
mod crash;
mod halt;
mod harness;
mod postgres;
mod replicas;
mod scenarios;
mod tidy;
mod whole;
