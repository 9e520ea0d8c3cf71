//! `fieldmedic gate`: what an SSH key runs in place of the command that was asked for, on the host.

#![expect(
    clippy::disallowed_methods,
    reason = "runs as the forced command of an SSH key: environment in, process out"
)]

use crate::console::{eprint, print};
use crate::core::gate::{DENIED, GateAnswer, REFUSED, Rules};
use crate::core::playbook::command::envelope::BEGIN;
use clap::Args;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

/// The command line of `fieldmedic gate`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Rules file that `fieldmedic host-setup` wrote.
    rules: PathBuf,
}

/// The variable in which the SSH server hands over the requested command.
const REQUESTED: &str = "SSH_ORIGINAL_COMMAND";

/// Becomes the command if the rules admit it. Everything else runs nothing, a rules file that cannot be
/// read too; the system's log says why.
pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let requested = std::env::var_os(REQUESTED).unwrap_or_default();
    let rules = std::fs::read(&arguments.rules)
        .map_err(|error| error.to_string())
        .and_then(|text| serde_json::from_slice::<Rules>(&text).map_err(|error| error.to_string()));
    let rules = match rules {
        Ok(rules) => rules,
        Err(error) => {
            return refuse(&format!("{} cannot be read: {error}", arguments.rules.display()), &requested);
        }
    };
    match requested.to_str().map(|line| (line, rules.answer(line))) {
        Some((_, GateAnswer::Version)) => {
            print(&rules.version());
            ExitCode::SUCCESS
        }
        Some((line, GateAnswer::Run(rule))) => {
            let error = become_command(line, rule.limit_s);
            refuse(&format!("it could not be started: {error}"), &requested)
        }
        _ => refuse("not admitted", &requested),
    }
}

/// Comes back only if it could not be started. `timeout` keeps the deadline, where there is one.
fn become_command(line: &str, limit_s: u64) -> std::io::Error {
    let limit = limit_s.to_string();
    // Both streams get a mark where the output begins, and only then the command is started.
    let program = format!("{BEGIN} && exec /bin/sh -c \"$1\"");
    let shell = ["/bin/sh", "-c", &program, "sh", line];
    let with = |mut command: Command| command.env_remove(REQUESTED).env("LC_ALL", "C").exec();
    let mut timeout = Command::new("timeout");
    timeout.args(["-k", "2", &limit]).args(shell);
    let error = with(timeout);
    if error.kind() != std::io::ErrorKind::NotFound {
        return error;
    }
    let [shell, arguments @ ..] = shell;
    let mut plain = Command::new(shell);
    plain.args(arguments);
    with(plain)
}

fn refuse(why: &str, requested: &OsStr) -> ExitCode {
    let from = std::env::var_os("SSH_CLIENT").unwrap_or_else(|| OsString::from("nowhere"));
    let told = format!("{why}, from {}: {}", shown(&from), shown(requested));
    let mut logger = Command::new("logger");
    logger.args(["-t", "fieldmedic-gate", "-p", "auth.warning", "--", &told]);
    // A host without a log refuses all the same.
    let _ = logger.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    eprint(DENIED);
    ExitCode::from(u8::try_from(REFUSED).unwrap_or(u8::MAX))
}

/// Foreign text for a log: printable, on one line, and short.
fn shown(text: &OsStr) -> String {
    text.as_encoded_bytes().escape_ascii().take(500).map(char::from).collect()
}
