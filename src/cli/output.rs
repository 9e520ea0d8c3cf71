//! What a command gives back to its caller: the exit status, and the format of its result.

use clap::Args;

/// Where a program reads the result.
#[derive(Debug, Clone, Copy, Args)]
pub struct Format {
    /// Print the result as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// How a command ended. The number is the exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    Done = 0,
    Failed = 1,
    NeedsPerson = 3,
    Declined = 4,
    FaultsFound = 5,
    Unknown = 6,
    Waiting = 7,
}
