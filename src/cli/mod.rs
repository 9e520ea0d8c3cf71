//! The command line: commands, global options and exit codes. Data goes to stdout, progress and logs go to
//! stderr.

mod addresses;
mod answers;
mod archive;
mod case;
mod config;
mod config_file;
mod demo;
mod diagnose;
mod doctor;
mod explain;
mod gate;
mod host;
mod host_setup;
mod init;
mod lookup;
mod manual;
mod mcp;
mod measurements;
mod notices;
mod operations_log;
mod output;
mod pause;
mod playbook;
pub mod progress;
mod prompt;
mod report;
mod resolve;
mod schema;
mod serve;
mod signal;
mod spinner;
mod status;
mod sweep;
mod wordings;

use crate::app::settings::read_config;
use crate::app::signals::stopped_at_once;
use crate::cli::output::ExitStatus;
use crate::telemetry::log;
use crate::telemetry::log::{LogFormat, LogOptions};
use clap::{CommandFactory, Parser, Subcommand};
use miette::{IntoDiagnostic, Result};
use std::path::PathBuf;
use std::process::ExitCode;

/// Resolves operations tickets: diagnoses over SSH, fixes by playbook, verifies the fix, closes the issue or
/// escalates to a person.
#[derive(Debug, Parser)]
#[command(name = "fieldmedic", version = env!("FIELDMEDIC_VERSION"), max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// Configuration file [default: fieldmedic.toml here, in $XDG_CONFIG_HOME/fieldmedic (usually
    /// ~/.config/fieldmedic), or in /etc/fieldmedic].
    #[arg(long, short, global = true, env = "FIELDMEDIC_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Log more: once for what Fieldmedic does, twice for everything.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Log level (error, warn, info, debug, trace, off), or a filter such as fieldmedic=debug,russh=info.
    #[arg(long, global = true, env = "FIELDMEDIC_LOG", value_name = "LEVEL")]
    log_level: Option<String>,
    /// Format of the log. text and json go to stderr, journald goes to the systemd journal.
    #[arg(long, global = true, env = "FIELDMEDIC_LOG_FORMAT", value_enum, default_value_t)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes:
  0  success: resolved, confirmed, answered, or no fault found
  1  failure; the message says why
  2  the command line is wrong
  3  the ticket was escalated to a person
  4  the ticket was declined: it is closed or locked, or about something else
  5  faults were found (diagnose, sweep)
  6  some conditions are unknown (diagnose)
  7  the plan waits for approval, or the reporter is asked
  8  a fix is possible and was not started (resolve --dry-run)
  130  stopped at once by a second Ctrl-C";

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the whole process on a simulated GitHub and simulated hosts. Needs nothing, leaves nothing.
    Demo(demo::Arguments),
    /// Write a first configuration and add the first server; create the GitHub App, the webhook and the labels.
    Init(init::Arguments),
    /// Add a server: make a key, find what runs there, write it into the configuration.
    #[command(subcommand)]
    Host(host::Arguments),
    /// Work one ticket now: diagnose, fix, verify, report, close or escalate.
    Resolve(resolve::Arguments),
    /// Probe a system without a ticket. Changes nothing.
    Diagnose(diagnose::Arguments),
    /// Run one sweep now: pick up missed tickets and check the health of every system.
    Sweep(sweep::Arguments),
    /// Run the daemon: webhook, poll and sweeps, until Ctrl-C or SIGTERM. SIGHUP reloads the configuration.
    Serve(serve::Arguments),
    /// Print how each system was at its last sweep, and which cases are at work. No host is asked.
    Status(status::Arguments),
    /// Check, test, list, show, explain and migrate playbooks.
    #[command(subcommand)]
    Playbook(playbook::Arguments),
    /// Migrate the configuration file.
    #[command(subcommand)]
    Config(config::Arguments),
    /// List, show, approve, deny and cancel cases.
    #[command(subcommand)]
    Case(case::Arguments),
    /// Pause all changes on all systems. Running cases wait; probes continue.
    Pause(pause::Arguments),
    /// Resume changes. Waiting cases probe again and continue.
    Resume,
    /// Show and test the channels by which people are told outside of tickets.
    #[command(subcommand)]
    Notices(notices::Arguments),
    /// Check the configuration, GitHub permissions, SSH, the journal and the playbooks.
    Doctor(doctor::Arguments),
    /// Print a server's least-privilege setup: gates for the keys, sudo rules, authorized_keys lines.
    HostSetup(host_setup::Arguments),
    /// On a server, behind an SSH key: run a command only if the rules allow it.
    Gate(gate::Arguments),
    /// Answer an assistant's questions by the Model Context Protocol, over stdin and stdout. Changes nothing.
    Mcp,
    /// Check the journal's integrity.
    #[command(subcommand)]
    Audit(case::AuditArguments),
    /// Print the figures of a month: what was resolved, how long it took, what came back.
    Report(report::Arguments),
    /// List what sweeps have measured, and print it as CSV.
    #[command(subcommand)]
    Measurements(measurements::Arguments),
    /// Bring the operations log up to date: a file with an entry for each case.
    OperationsLog(operations_log::Arguments),
    /// Move closed cases older than a given age from the journal to a file.
    Archive(archive::Arguments),
    /// Print the JSON Schema of a kind of file, for editors.
    Schema(schema::Arguments),
    /// Print the completions of a shell, to be saved where it looks for them.
    Completions(manual::Completions),
    /// Write the man pages, one for each command.
    #[command(hide = true)]
    Man(manual::ManPages),
}

/// Runs a command line.
///
/// # Errors
/// If the log or the runtime cannot be started, or the command fails. The error is written for people.
pub fn run(cli: Cli) -> Result<ExitCode> {
    if let Command::Gate(arguments) = &cli.command {
        return Ok(gate::run(arguments));
    }
    log::start(&LogOptions {
        format: cli.log_format,
        level: cli.log_level.filter(|level| !level.trim().is_empty()),
        verbose: cli.verbose,
        daemon: matches!(cli.command, Command::Serve(_)),
    })?;
    let runtime = tokio::runtime::Runtime::new().into_diagnostic()?;
    let file = cli.config;
    let command = async {
        match cli.command {
            Command::Demo(arguments) => demo::run(arguments).await,
            Command::Init(arguments) => init::run(file, arguments).await,
            Command::Host(arguments) => host::run(file, arguments).await,
            Command::Resolve(arguments) => resolve::run(&read_config(file)?, arguments).await,
            Command::Diagnose(arguments) => diagnose::run(&read_config(file)?, arguments).await,
            Command::Sweep(arguments) => sweep::run(&read_config(file)?, arguments).await,
            Command::Status(arguments) => status::run(&read_config(file)?, arguments).await,
            Command::Serve(arguments) => serve::run(read_config(file)?, arguments).await,
            Command::Playbook(arguments) => playbook::run(file, arguments, cli.verbose > 0).await,
            Command::Config(arguments) => config::run(file, arguments),
            Command::Case(arguments) => case::run(&read_config(file)?, arguments).await,
            Command::Audit(arguments) => case::audit(file, arguments).await,
            Command::Report(arguments) => report::run(&read_config(file)?, arguments).await,
            Command::Measurements(arguments) => measurements::run(&read_config(file)?, arguments).await,
            Command::OperationsLog(arguments) => operations_log::run(&read_config(file)?, arguments).await,
            Command::Archive(arguments) => archive::run(&read_config(file)?, arguments).await,
            Command::Pause(arguments) => pause::pause(&read_config(file)?, arguments).await,
            Command::Resume => pause::resume(&read_config(file)?).await,
            Command::Notices(arguments) => notices::run(&read_config(file)?, arguments).await,
            Command::Doctor(arguments) => doctor::run(file, arguments).await,
            Command::Mcp => mcp::run(read_config(file)?).await,
            Command::HostSetup(arguments) => host_setup::run(&read_config(file)?, arguments).await,
            Command::Schema(arguments) => schema::run(&arguments),
            Command::Completions(arguments) => Ok(manual::completions(Cli::command(), &arguments)),
            Command::Man(arguments) => manual::man_pages(Cli::command(), &arguments),
            // It was handled above.
            Command::Gate(_) => Ok(ExitStatus::Failed),
        }
    };
    let status = runtime.block_on(async {
        tokio::select! {
            status = command => status,
            () = stopped_at_once() => Ok(ExitStatus::Killed),
        }
    })?;
    // A probe that hangs on a blocking thread must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    Ok(ExitCode::from(status as u8))
}
