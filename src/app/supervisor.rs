//! What systemd is told about the daemon, by the protocol of sd_notify(3): it is ready, it reloads, it stops, it
//! is alive, and what it does.
//!
//! Other supervisors speak the same protocol. Without `NOTIFY_SOCKET` in the environment nothing is told.

#![expect(clippy::disallowed_methods, reason = "a supervisor names its socket in the environment")]

use rustix::time::{ClockId, clock_gettime};
use std::ffi::OsStr;
use std::future::Future;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;
use tokio::time::Instant;

/// How often the status is told where no watchdog asks for signs of life.
const STATUS_INTERVAL: Duration = Duration::from_secs(15);

/// Signs of life in each interval of the watchdog. Two may be late before it strikes.
const SIGNS_PER_INTERVAL: u32 = 4;

/// A supervisor that does not read its socket is waited for so long, and not for ever.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);

/// The supervisor of this process, if it has one.
#[derive(Debug)]
pub(super) struct Supervisor {
    socket: Option<UnixDatagram>,
    /// The time between two signs of life.
    interval: Duration,
    /// Whether the supervisor ends a process that gives no signs of life.
    has_watchdog: bool,
    next_sign: Instant,
}

impl Supervisor {
    /// The one that the environment names. A socket that cannot be used is logged; the daemon works without.
    pub(super) fn from_environment() -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let socket = variable("NOTIFY_SOCKET").and_then(|name| {
            let opened = connect(&name);
            opened.map_err(|error| tracing::warn!(%error, "NOTIFY_SOCKET={name:?} cannot be used")).ok()
        });
        let number = |name: &str| variable(name)?.to_str()?.parse::<u64>().ok();
        let is_for_us = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| *usec > 0 && is_for_us);
        Self::new(socket, watchdog.map(Duration::from_micros))
    }

    fn new(socket: Option<UnixDatagram>, watchdog: Option<Duration>) -> Self {
        let interval = watchdog.map_or(STATUS_INTERVAL, |watchdog| watchdog / SIGNS_PER_INTERVAL);
        Self { socket, interval, has_watchdog: watchdog.is_some(), next_sign: Instant::now() + interval }
    }

    /// The daemon works; it has started, or a reload has ended, with success or without.
    pub(super) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// A reload has begun. [`Supervisor::ready`] ends it.
    pub(super) fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let microseconds = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}\nSTATUS=reloading the configuration"));
    }

    /// The daemon stops at the next safe point.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=stopping at the next safe point");
    }

    /// Waits until a sign of life is due, asks for it, and passes it on as it comes. What hangs gives no answer;
    /// then this never ends, the supervisor hears nothing, and its watchdog restarts the daemon.
    ///
    /// It may be dropped and called again at any time.
    pub(super) async fn pass_on_sign_of_life(&mut self, ask: impl Future<Output = String>) {
        if self.socket.is_none() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep_until(self.next_sign).await;
        let status = ask.await;
        self.next_sign = Instant::now() + self.interval;
        let sign = if self.has_watchdog { "WATCHDOG=1\n" } else { "" };
        self.tell(&format!("{sign}STATUS={status}"));
    }

    fn tell(&self, state: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = socket.send(state.as_bytes()) {
            tracing::warn!(%error, "the supervisor behind NOTIFY_SOCKET was not told {state:?}");
        }
    }
}

/// A name that begins with `@` is in the abstract namespace; any other is the path of a file.
fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_write_timeout(Some(SEND_TIMEOUT))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(watchdog: Option<Duration>) -> (Supervisor, UnixDatagram) {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        (Supervisor::new(Some(ours), watchdog), theirs)
    }

    fn heard(socket: &UnixDatagram) -> Option<String> {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_hears_only_what_was_answered() {
        let (mut supervisor, theirs) = pair(Some(Duration::from_secs(8)));
        let began = Instant::now();
        supervisor.pass_on_sign_of_life(async { "1 case at work".to_owned() }).await;
        assert_eq!(began.elapsed().as_secs(), 2, "of virtual time");
        assert_eq!(heard(&theirs).as_deref(), Some("WATCHDOG=1\nSTATUS=1 case at work"));
        // A dispatcher that hangs.
        let hour = Duration::from_secs(3600);
        let silent = tokio::time::timeout(hour, supervisor.pass_on_sign_of_life(std::future::pending()));
        assert!(silent.await.is_err());
        assert_eq!(heard(&theirs), None);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_watchdog_the_status_alone_is_told() {
        let (mut supervisor, theirs) = pair(None);
        supervisor.pass_on_sign_of_life(async { "idle".to_owned() }).await;
        assert_eq!(heard(&theirs).as_deref(), Some("STATUS=idle"));
        let mut nobody = Supervisor::new(None, None);
        let told = nobody.pass_on_sign_of_life(async { "idle".to_owned() });
        assert!(tokio::time::timeout(Duration::from_secs(3600), told).await.is_err());
    }
}
