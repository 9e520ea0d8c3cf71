//! Commands on the agent's own machine: the same line, through `sh`, in a process group of its own.

#![expect(clippy::disallowed_methods, reason = "runs commands on this machine")]

use crate::core::diagnosis::evidence::{Exit, RawObservation};
use crate::ssh::capture::Capture;
use crate::ssh::error::{SshError, StopResult};
use crate::ssh::route::SessionLimits;
use crate::ssh::shortage::shortage;
use rustix::process::{Pid, Signal, kill_process_group};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::{Instant, timeout_at};

/// How much of a stream is read at once, in bytes.
const PIECE: usize = 32 * 1024;

/// What a command sees of the agent's environment: as much as an SSH server would give it, and where
/// Docker is. The agent's own variables hold its tokens.
const PASSED_ON: [&str; 11] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TZ",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
];

/// Runs the line. The process group is ended at the deadline, and when the caller stops waiting.
pub(super) async fn run(
    line: &str,
    timeout: Duration,
    limits: &SessionLimits,
) -> Result<RawObservation, SshError> {
    let begun = Instant::now();
    let mut running = Running::start(line, limits)?;
    match running.read(begun + timeout, limits).await {
        Ok(exit) => Ok(running.observe(exit, begun)),
        Err(LocalStop::Late) => Err(SshError::TimedOut { limit: timeout, ending: running.end(limits).await }),
        Err(LocalStop::Flooded) => {
            Err(SshError::OutputLimit { limit: limits.output, ending: running.end(limits).await })
        }
        Err(LocalStop::Broken(cause)) => Err(SshError::Lost { at: "this machine".into(), cause }),
    }
}

enum LocalStop {
    Late,
    Flooded,
    Broken(String),
}

struct Running {
    child: Child,
    group: ProcessGroup,
    stdout: Capture,
    stderr: Capture,
}

impl Running {
    fn start(line: &str, limits: &SessionLimits) -> Result<Self, SshError> {
        let fail = |cause: String| SshError::NoShell { cause };
        // A session on a host begins at home, too.
        let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_dir());
        let child = Command::new("sh")
            .args(["-c", line])
            .env_clear()
            .envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            // One language for every command, whatever the machine's is.
            .env("LC_ALL", "C")
            .current_dir(home.unwrap_or_else(|| PathBuf::from("/")))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| shortage(&error).unwrap_or_else(|| fail(error.to_string())))?;
        let pid = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let pid = pid.ok_or_else(|| fail("it has no process id".into()))?;
        let group = ProcessGroup { pid, is_over: false };
        Ok(Self { child, group, stdout: Capture::new(limits.kept), stderr: Capture::new(limits.kept) })
    }

    /// Reads both streams until the shell has ended and its output with it; or, if a child in the
    /// background keeps the pipes, until they have been quiet for a while.
    async fn read(&mut self, deadline: Instant, limits: &SessionLimits) -> Result<Exit, LocalStop> {
        let (mut stdout, mut stderr) = (self.child.stdout.take(), self.child.stderr.take());
        let (mut out, mut err) = (Vec::with_capacity(PIECE), Vec::with_capacity(PIECE));
        let mut exit = None;
        let broken = |error: std::io::Error| LocalStop::Broken(error.to_string());
        loop {
            let until = match &exit {
                Some(exit) if stdout.is_none() && stderr.is_none() => return Ok(Exit::clone(exit)),
                Some(_) => deadline.min(Instant::now() + limits.grace),
                None => deadline,
            };
            let step = async {
                tokio::select! {
                    count = piece(&mut stdout, &mut out) => count.map(ReadStep::Out),
                    count = piece(&mut stderr, &mut err) => count.map(ReadStep::Err),
                    status = self.child.wait(), if exit.is_none() => status.map(ReadStep::End),
                }
            };
            match timeout_at(until, step).await {
                Ok(step) => match step.map_err(broken)? {
                    ReadStep::Out(0) => stdout = None,
                    ReadStep::Out(_) => self.stdout.take(&out),
                    ReadStep::Err(0) => stderr = None,
                    ReadStep::Err(_) => self.stderr.take(&err),
                    ReadStep::End(status) => {
                        self.group.is_over = true;
                        exit = Some(exit_of(status));
                    }
                },
                Err(_) => return exit.ok_or(LocalStop::Late),
            }
            if self.stdout.length() + self.stderr.length() > limits.output {
                return Err(LocalStop::Flooded);
            }
            if exit.is_none() && Instant::now() >= deadline {
                return Err(LocalStop::Late);
            }
        }
    }

    async fn end(&mut self, limits: &SessionLimits) -> StopResult {
        for signal in [Signal::TERM, Signal::KILL] {
            self.group.tell(signal);
            if timeout_at(Instant::now() + limits.grace, self.child.wait()).await.is_ok() {
                // Its children may have ignored the first signal.
                self.group.tell(Signal::KILL);
                self.group.is_over = true;
                return StopResult::Stopped;
            }
        }
        StopResult::Unknown
    }

    fn observe(self, exit: Exit, begun: Instant) -> RawObservation {
        let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        RawObservation { exit, stdout: self.stdout.finish(), stderr: self.stderr.finish(), took_ms }
    }
}

enum ReadStep {
    Out(usize),
    Err(usize),
    End(ExitStatus),
}

/// The next piece of a stream; never, once it has ended.
async fn piece(stream: &mut Option<impl AsyncRead + Unpin>, buffer: &mut Vec<u8>) -> std::io::Result<usize> {
    buffer.clear();
    match stream {
        Some(stream) => stream.read_buf(buffer).await,
        None => std::future::pending().await,
    }
}

/// The process group of a command. What is under way when it is dropped is told to stop.
struct ProcessGroup {
    pid: Pid,
    is_over: bool,
}

impl ProcessGroup {
    fn tell(&self, signal: Signal) {
        // It fails if nobody is left to tell, which is as well.
        let _ = kill_process_group(self.pid, signal);
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if !self.is_over {
            self.tell(Signal::TERM);
        }
    }
}

fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(number)) => Exit::Signal(signal(number)),
        (None, None) => Exit::Unknown,
    }
}

/// A signal's name without `SIG`, as an SSH server says it; its number if it has no name there.
fn signal(number: i32) -> String {
    const NAMES: [(Signal, &str); 13] = [
        (Signal::HUP, "HUP"),
        (Signal::INT, "INT"),
        (Signal::QUIT, "QUIT"),
        (Signal::ILL, "ILL"),
        (Signal::ABORT, "ABRT"),
        (Signal::FPE, "FPE"),
        (Signal::KILL, "KILL"),
        (Signal::USR1, "USR1"),
        (Signal::SEGV, "SEGV"),
        (Signal::USR2, "USR2"),
        (Signal::PIPE, "PIPE"),
        (Signal::ALARM, "ALRM"),
        (Signal::TERM, "TERM"),
    ];
    let known = NAMES.iter().find(|(signal, _)| signal.as_raw() == number);
    known.map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> SessionLimits {
        SessionLimits {
            kept: 1000,
            output: 100_000,
            grace: Duration::from_millis(300),
            ..SessionLimits::default()
        }
    }

    async fn sh(line: &str, timeout: Duration) -> Result<RawObservation, SshError> {
        run(line, timeout, &limits()).await
    }

    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn both_streams_and_the_end_are_told() {
        let seen = sh("echo out; echo err >&2; exit 3", LONG).await.ok().unwrap();
        assert_eq!(
            (seen.exit, &seen.stdout.kept[..], &seen.stderr.kept[..]),
            (Exit::Code(3), &b"out\n"[..], &b"err\n"[..])
        );
        let seen = sh("printenv LC_ALL LANG", LONG).await.ok().unwrap();
        assert_eq!((seen.exit, &seen.stdout.kept[..]), (Exit::Code(1), &b"C\n"[..]));
        let seen = sh("kill -KILL $$", LONG).await.ok().unwrap();
        assert_eq!(seen.exit, Exit::Signal("KILL".into()));
        let seen = sh("cat; printenv CARGO_MANIFEST_DIR", LONG).await.ok().unwrap();
        assert_eq!((seen.exit, seen.stdout.length), (Exit::Code(1), 0));
    }

    #[tokio::test]
    async fn output_is_capped_and_a_flood_is_stopped() {
        let seen = sh("head -c 50000 /dev/zero", LONG).await.ok().unwrap();
        assert_eq!((seen.stdout.kept.len(), seen.stdout.length), (1000, 50_000));
        let error = sh("yes", LONG).await.err().unwrap();
        assert_eq!(error, SshError::OutputLimit { limit: 100_000, ending: StopResult::Stopped });
    }

    #[tokio::test]
    async fn the_whole_group_is_ended_at_the_deadline() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let line = format!("(trap '' TERM; sleep 600) & echo $! > {}; sleep 600", file.path().display());
        let error = sh(&line, Duration::from_millis(300)).await.err().unwrap();
        assert!(matches!(error, SshError::TimedOut { ending: StopResult::Stopped, .. }), "{error}");
        let pid = std::fs::read_to_string(file.path()).unwrap();
        let is_running = || {
            let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
            state.is_ok_and(|state| !state.contains(") Z "))
        };
        let patience = Instant::now();
        while is_running() {
            assert!(patience.elapsed() < Duration::from_secs(10), "the child goes on");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_child_in_the_background_does_not_hold_us() {
        let begun = Instant::now();
        let seen = sh("sleep 5 & echo started", LONG).await.ok().unwrap();
        assert_eq!((seen.exit, &seen.stdout.kept[..]), (Exit::Code(0), &b"started\n"[..]));
        assert!(begun.elapsed() < Duration::from_secs(4));
    }
}
