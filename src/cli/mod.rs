//! The command line: what can be asked, and the exit codes. Data goes to stdout, progress and logs to
//! stderr.

mod archive;
mod case;
mod config;
mod demo;
mod diagnose;
mod doctor;
mod gate;
mod host_setup;
mod init;
mod pause;
mod playbook;
pub mod progress;
mod resolve;
mod serve;
mod signal;
mod sweep;

use crate::config::{Config, ConfigError, search_paths};
pub(crate) use crate::console::{eprint, print, print_json};
use clap::{Args, Parser, Subcommand};
use miette::{IntoDiagnostic, Result};
use std::path::PathBuf;
use std::process::ExitCode;

/// Resolves operations tickets: diagnoses over SSH, fixes by playbook, proves it, closes the issue or
/// hands it to a person.
#[derive(Debug, Parser)]
#[command(name = "fieldmedic", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// The configuration [default: fieldmedic.toml here, in ~/.config/fieldmedic or /etc/fieldmedic].
    #[arg(long, short, global = true, env = "FIELDMEDIC_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// More log lines on stderr; twice for all of them.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes:
  0  done: resolved, answered, or nothing is wrong
  1  it could not be done; the message says why
  2  the command line is wrong
  3  a person is needed: the ticket was escalated
  4  the ticket was declined: closed or locked
  5  faults were found (diagnose, sweep)
  6  some conditions could not be told (diagnose)
  7  the plan waits for a person's yes";

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the whole loop on an embedded GitHub, hosts and database; needs nothing, leaves nothing.
    Demo(demo::Arguments),
    /// Writes the first configuration, makes the GitHub App, sets the webhook and the labels.
    Init(init::Arguments),
    /// Works one ticket now: diagnoses, fixes, verifies, reports, closes or escalates.
    Resolve(resolve::Arguments),
    /// Looks at a system, without a ticket, and changes nothing.
    Diagnose(diagnose::Arguments),
    /// One sweep now: tickets nobody took, and the health of every system.
    Sweep(sweep::Arguments),
    /// The daemon: webhook, poll and sweeps, until it is told to stop.
    Serve(serve::Arguments),
    /// Playbooks: check, test, list, show, explain, migrate.
    #[command(subcommand)]
    Playbook(playbook::Arguments),
    /// The configuration file: migrate.
    #[command(subcommand)]
    Config(config::Arguments),
    /// Cases: list, show, approve, deny, cancel.
    #[command(subcommand)]
    Case(case::Arguments),
    /// Calls a halt: from now on nothing is changed on any system, whatever is under way waits.
    Pause(pause::Arguments),
    /// Lifts the halt; cases that waited look again, and go on.
    Resume,
    /// Checks the configuration, GitHub's rights, SSH, the journal and the playbooks.
    Doctor(doctor::Arguments),
    /// Prints what to put on a server for least privilege: gates for the keys, sudo rules, key lines.
    HostSetup(host_setup::Arguments),
    /// On a server, behind an SSH key: runs what the rules admit, and nothing else.
    Gate(gate::Arguments),
    /// Checks the journal.
    #[command(subcommand)]
    Audit(case::AuditArguments),
    /// Moves closed cases that are older than an age from the journal to a file.
    Archive(archive::Arguments),
}

/// Where a program reads the result.
#[derive(Debug, Clone, Copy, Args)]
pub struct Format {
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    Done = 0,
    Failed = 1,
    NeedsPerson = 3,
    Declined = 4,
    FaultsFound = 5,
    CannotTell = 6,
    Waiting = 7,
}

/// Runs a command line.
pub fn run(cli: Cli) -> Result<ExitCode> {
    if let Command::Gate(arguments) = &cli.command {
        return Ok(gate::run(arguments));
    }
    crate::console::start_log(cli.verbose);
    let runtime = tokio::runtime::Runtime::new().into_diagnostic()?;
    let place = cli.config;
    let ending = runtime.block_on(async {
        match cli.command {
            Command::Demo(arguments) => demo::run(arguments).await,
            Command::Init(arguments) => init::run(place, arguments).await,
            Command::Resolve(arguments) => resolve::run(&read_config(place)?, arguments).await,
            Command::Diagnose(arguments) => diagnose::run(&read_config(place)?, arguments).await,
            Command::Sweep(arguments) => sweep::run(&read_config(place)?, arguments).await,
            Command::Serve(arguments) => serve::run(&read_config(place)?, arguments).await,
            Command::Playbook(arguments) => playbook::run(place, arguments, cli.verbose > 0).await,
            Command::Config(arguments) => config::run(place, arguments),
            Command::Case(arguments) => case::run(&read_config(place)?, arguments).await,
            Command::Audit(arguments) => case::audit(place, arguments).await,
            Command::Archive(arguments) => archive::run(&read_config(place)?, arguments).await,
            Command::Pause(arguments) => pause::pause(&read_config(place)?, arguments).await,
            Command::Resume => pause::resume(&read_config(place)?).await,
            Command::Doctor(arguments) => doctor::run(place, arguments).await,
            Command::HostSetup(arguments) => host_setup::run(&read_config(place)?, arguments).await,
            // It has become something else, or has ended, before this.
            Command::Gate(_) => Ok(ExitStatus::Failed),
        }
    })?;
    // A probe that hangs on a blocking thread must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    Ok(ExitCode::from(ending as u8))
}

/// A configuration and the file it came from.
#[derive(Debug)]
pub struct LoadedConfig {
    pub config: Config,
    pub path: PathBuf,
}

fn read_config(place: Option<PathBuf>) -> Result<LoadedConfig, ConfigError> {
    let path = config_path(place);
    let config = Config::read(&path)?;
    for renamed in &config.renamed {
        let file = path.display();
        eprint(&format!("warning: {file}: {renamed}. `fieldmedic config migrate` renames it"));
    }
    Ok(LoadedConfig { config, path })
}

/// The file that was named, or the first that exists of those that are searched, or the first of them.
fn config_path(named: Option<PathBuf>) -> PathBuf {
    named.unwrap_or_else(|| {
        let paths = search_paths();
        let first = paths.first().cloned().unwrap_or_default();
        paths.into_iter().find(|path| path.exists()).unwrap_or(first)
    })
}
