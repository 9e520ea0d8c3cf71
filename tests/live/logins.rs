//! The SSH server's log, read for one question: how many connections, and how many sessions at once.

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Logins {
    pub connections: usize,
    pub sessions: usize,
    /// Sessions that are open at the end of the log.
    pub open: usize,
    /// The most sessions that were open at one time.
    pub most_at_once: usize,
}

impl Logins {
    pub fn read(log: &str) -> Self {
        let mut logins = Self::default();
        for line in log.lines() {
            if line.starts_with("Accepted publickey") {
                logins.connections += 1;
            } else if line.starts_with("Starting session") {
                logins.sessions += 1;
                logins.open += 1;
                logins.most_at_once = logins.most_at_once.max(logins.open);
            } else if line.starts_with("Close session") {
                logins.open = logins.open.saturating_sub(1);
            }
        }
        logins
    }
}
