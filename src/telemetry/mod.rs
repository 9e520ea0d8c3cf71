//! What the process tells its operator: spans, log records and their formats.
//!
//! - `spans`: the names of spans and fields, and a constructor for each span. They are an interface:
//!   dashboards and log queries rely on them.
//! - `record`: one log record as data, redacted, with the fields of its spans.
//! - `log`: the subscriber, and the formats `text`, `json` and `journald`.
//! - `systemd_journal`: the way of a record into the systemd journal.
//! - `announce`: what a daemon tells about its own life, in a terminal or in the log.

pub mod announce;
pub mod log;
mod record;
pub mod spans;
mod systemd_journal;
