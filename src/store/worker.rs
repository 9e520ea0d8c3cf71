//! Who works on a case: a name that tells whether its process still lives.

#![expect(clippy::disallowed_methods, reason = "names this process: host, boot and process id")]

use sha2::{Digest, Sha256};
use std::fs;
use std::process::{self, Command};

/// The name of this process for [`Journal::claim`](crate::ports::Journal::claim):
/// `<machine>:<process id>:<start of the process, in clock ticks since boot>#<part>`. `part` tells workers
/// within the process apart.
///
/// The start tells a process from a later one with the same id. Off Linux it is 0, and a dead
/// worker's claim has to run out.
pub fn worker_name(part: u32) -> String {
    let id = process::id();
    format!("{}:{id}:{}#{part}", machine(), started_at(id).unwrap_or(0))
}

/// Whether the worker is certainly no longer there: a process of this machine that has ended. False when
/// it cannot be told.
pub(super) fn is_dead(worker: &str) -> bool {
    let process = worker.rsplit_once('#').map_or(worker, |(process, _)| process);
    let mut parts = process.rsplitn(3, ':');
    let (Some(since), Some(id), Some(host)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let (Ok(since), Ok(id)) = (since.parse::<u64>(), id.parse::<u32>()) else { return false };
    // Where this very process cannot be seen, no other can be either.
    let can_tell = since != 0 && host == machine() && started_at(process::id()).is_some();
    can_tell && started_at(id) != Some(since)
}

/// When a process began, in clock ticks since boot; `None` if there is no such process, or if it has
/// ended and only waits to be collected.
fn started_at(id: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// The machine as a process sees it: its name, which machines may share, and what they do not share: the
/// boot of the kernel, and the room in which a container counts its processes.
fn machine() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let room = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let hash = Sha256::digest(format!("{} {}", boot.trim(), room.display()));
    format!("{}-{:.12}", host_name(), hex::encode(hash))
}

fn host_name() -> String {
    let told = fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| {
        let output = Command::new("hostname").output().ok()?;
        String::from_utf8(output.stdout).ok()
    });
    told.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).unwrap_or("localhost".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_and_the_gone() {
        let me = worker_name(1);
        assert!(!is_dead(&me), "{me}");

        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let since = started_at(child.id()).unwrap();
        let name = format!("{}:{}:{since}", machine(), child.id());
        assert!(!is_dead(&name), "{name}");
        child.kill().unwrap();
        while started_at(child.id()).is_some() {}
        assert!(is_dead(&name), "ended, though nobody has waited for it");
        child.wait().unwrap();
        assert!(is_dead(&name));
    }

    #[test]
    fn what_cannot_be_told_is_not_gone() {
        let (host, id) = (machine(), process::id());
        assert!(is_dead(&format!("{host}:{id}:1")), "the id belongs to a later process");
        for name in ["elsewhere:1:1", "", "a", &format!("{host}:{id}:0"), &format!("{host}:x:1")] {
            assert!(!is_dead(name), "{name:?}");
        }
    }
}
