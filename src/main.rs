//! The binary: parses the command line and shows errors to people.

use clap::Parser;
use fieldmedic::cli::{Cli, run, voice};
use std::process::ExitCode;

fn main() -> ExitCode {
    run(Cli::parse()).unwrap_or_else(|error| {
        voice::fail(&error);
        ExitCode::FAILURE
    })
}
