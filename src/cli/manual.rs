//! `fieldmedic completions` and `fieldmedic man`: what shells and `man` know of the command line. The packages
//! contain both.

#![expect(clippy::disallowed_methods, reason = "writes the man pages where it is told to")]

use crate::cli::output::ExitStatus;
use crate::console::{print, print_program};
use clap::{Args, Command};
use clap_complete::Shell;
use miette::{IntoDiagnostic, Result, WrapErr};
use std::path::PathBuf;

/// The command line of `fieldmedic completions`.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

/// The command line of `fieldmedic man`.
#[derive(Debug, Args)]
pub(super) struct ManPages {
    /// The folder that gets the pages, one for each command; it is created.
    into: PathBuf,
}

/// Prints the completions of a shell.
pub(super) fn completions(mut cli: Command, arguments: &Completions) -> ExitStatus {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut cli, "fieldmedic", &mut script);
    print_program(String::from_utf8_lossy(&script).trim_end());
    ExitStatus::Done
}

/// Writes a man page for each command.
///
/// # Errors
/// If the folder cannot be created or written to.
pub(super) fn man_pages(cli: Command, arguments: &ManPages) -> Result<ExitStatus> {
    let into = &arguments.into;
    let written = std::fs::create_dir_all(into).and_then(|()| clap_mangen::generate_to(cli, into));
    written.into_diagnostic().wrap_err_with(|| format!("{} cannot be written to", into.display()))?;
    print(&format!("written: the man pages, in {}", into.display()));
    Ok(ExitStatus::Done)
}
