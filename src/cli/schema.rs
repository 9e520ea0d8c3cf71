//! `fieldmedic schema`: what editors read to complete and check the files that people write.

use crate::cli::output::ExitStatus;
use crate::console::print_program;
use crate::{config, library, scenario};
use clap::{Args, ValueEnum};
use miette::{IntoDiagnostic, Result};

/// The command line of `fieldmedic schema`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The kind of file.
    file: FileKind,
}

/// The kinds of files that people write.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum FileKind {
    /// The configuration: fieldmedic.toml.
    Config,
    /// A system type: system.yaml.
    System,
    /// A playbook: a fault, a request or an operation.
    Playbook,
    /// A symptom of a system type.
    Symptom,
    /// What a scenario expects: expect.yaml.
    Scenario,
    /// The host of a scenario: host.yaml.
    Host,
}

/// Prints a schema.
///
/// # Errors
/// If it cannot be printed.
pub(super) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    let schema = match arguments.file {
        FileKind::Config => config::schema(),
        FileKind::System => library::schema::system(),
        FileKind::Playbook => library::schema::playbook(),
        FileKind::Symptom => library::schema::symptom(),
        FileKind::Scenario => scenario::schema::expect(),
        FileKind::Host => scenario::schema::host(),
    };
    print_program(&serde_json::to_string_pretty(&schema).into_diagnostic()?);
    Ok(ExitStatus::Done)
}
