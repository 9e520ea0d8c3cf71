//! The binary: parses the command line and shows errors to people.

use clap::Parser;
use fieldmedic::cli::{Cli, run};
use fieldmedic::telemetry::announce;
use std::process::ExitCode;

fn main() -> ExitCode {
    run(Cli::parse()).unwrap_or_else(|error| {
        announce::fail(&error);
        ExitCode::FAILURE
    })
}
