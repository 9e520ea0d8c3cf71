//! What this machine itself runs out of: file descriptors, processes, memory. It says nothing about a host,
//! so it is waited for, and never told as a host that cannot be reached.

#![expect(clippy::disallowed_methods, reason = "opens /dev/null to learn whether a file can be opened")]

use crate::ssh::error::SshError;
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::time::Duration;

/// The first wait for what is short, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];
/// A shortage that goes on is told again after so many waits: about each minute.
const TOLD: u32 = 12;

/// What is short, if that is what this error says.
pub(super) fn shortage(error: &io::Error) -> Option<SshError> {
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    let what = match code {
        Some(Errno::MFILE) => "no free file descriptor; raise LimitNOFILE of the service, or `ulimit -n`",
        Some(Errno::NFILE) => "no free file descriptor for any process; raise the sysctl fs.file-max",
        Some(Errno::AGAIN) => "no free process or port; raise LimitNPROC or TasksMax of the service",
        Some(Errno::NOMEM) => "no free memory; stop what takes it, or add some",
        Some(Errno::NOBUFS) => "no free memory for the network; stop what takes it, or add some",
        Some(_) => return None,
        // The resolver does not say why it failed, and it needs files of its own.
        None => return files_are_short(),
    };
    Some(SshError::Shortage { what: what.to_owned() })
}

/// Whether a few files can be opened now.
fn files_are_short() -> Option<SshError> {
    let files: io::Result<Vec<File>> = (0..8).map(|_| File::open("/dev/null")).collect();
    files.err().filter(|error| error.raw_os_error().is_some()).and_then(|error| shortage(&error))
}

/// How long what is short is waited for. It has no end of its own: the caller's end is one, and for a change
/// its lease.
pub(super) struct Patience {
    pause: Duration,
    waits: u32,
}

impl Patience {
    /// The first wait takes 100 ms; each is twice as long as the one before, up to 5 s.
    pub(super) fn new() -> Self {
        let [first, _] = PAUSES;
        Self { pause: first, waits: 0 }
    }

    /// Waits longer each time, and tells the log what is short.
    pub(super) async fn wait(&mut self, host: &str, what: &str) {
        if self.waits.is_multiple_of(TOLD) {
            tracing::warn!(host, "this machine has {what}; what was to be asked of the host waits");
        }
        self.waits += 1;
        tokio::time::sleep(self.pause).await;
        let [_, longest] = PAUSES;
        self.pause = (self.pause * 2).min(longest);
    }
}
