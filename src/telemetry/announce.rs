//! What the process tells about its own life: it listens, it stops, it broke. In a terminal that is a line
//! on stderr; where the log is read by machines, or by people afterwards, it is a record of the log.

use crate::console;
use crate::core::text::format::with_causes;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether announcements are records of the log. There is one log for each process.
static TO_LOG: AtomicBool = AtomicBool::new(false);

pub(super) fn set_to_log(to_log: bool) {
    TO_LOG.store(to_log, Ordering::Relaxed);
}

/// Whether stderr holds nothing but the log, so that lines of progress must not stand between its records.
pub fn goes_to_log() -> bool {
    TO_LOG.load(Ordering::Relaxed)
}

/// Tells something good or neutral.
pub fn announce(text: &str) {
    match goes_to_log() {
        true => tracing::info!("{text}"),
        false => console::eprint(&format!("· {text}")),
    }
}

/// Says why a command failed.
pub fn fail(error: &miette::Report) {
    match goes_to_log() {
        true => {
            let help = error.help().map(|help| help.to_string());
            let text = error.chain().next().map(with_causes).unwrap_or_default();
            tracing::error!(help, "{text}");
        }
        false => console::fail(error),
    }
}

pub(super) fn panicked(text: &str) {
    match goes_to_log() {
        true => tracing::error!("a task panicked: {text}"),
        false => console::eprint(text),
    }
}
