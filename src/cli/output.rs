//! What a command gives back to its caller: the exit status, and the format of its result.

use clap::Args;

/// Where a program reads the result.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Format {
    /// Print the result as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// How a command ended. The number is the exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExitStatus {
    /// Success: resolved, answered, or no fault found.
    Done = 0,
    /// Failure; the output says why.
    Failed = 1,
    /// The ticket was escalated to a person.
    NeedsPerson = 3,
    /// The ticket was declined, or its case was cancelled.
    Declined = 4,
    /// Faults were found (`diagnose`, `sweep`).
    FaultsFound = 5,
    /// No fault was found, but some conditions are unknown (`diagnose`).
    Unknown = 6,
    /// The plan waits for approval (`resolve`).
    Waiting = 7,
    /// A fix is possible, and nothing was begun (`resolve --dry-run`).
    Fixable = 8,
    /// Somebody asked twice to stop. 130 is what a shell reports for Ctrl-C.
    Killed = 130,
}
