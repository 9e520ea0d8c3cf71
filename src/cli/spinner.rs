//! What is going on, on stderr of a terminal: a sign that moves, how long it has taken, and how long it may still take.
//! Nothing is shown elsewhere.

#![expect(clippy::disallowed_methods, reason = "a terminal without movements says so in TERM")]

use crate::console::sanitize;
use crate::core::ids::SystemName;
use crate::core::playbook::SystemType;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt::Write;
use std::io::IsTerminal;
use std::time::Duration;

/// How often it moves.
const TICK: Duration = Duration::from_millis(120);

/// It goes away when this is dropped; drop it before anything else is printed.
pub(super) struct Spinner(ProgressBar);

impl Spinner {
    /// Begins to show it. `limit`: when it ends at the latest.
    pub(super) fn start(what: &str, limit: Option<Duration>) -> Self {
        let shows =
            std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        if !shows {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(style(limit));
        bar.set_message(sanitize(what).replace('\n', " "));
        bar.enable_steady_tick(TICK);
        Self(bar)
    }
}

/// While a system is probed. Probes run side by side, so the longest limit counts; one that needs others runs after them.
pub(super) fn probing(system_type: &SystemType, system: &SystemName) -> Spinner {
    let limits = system_type.probes.values().map(|probe| probe.command.timeout());
    let count = system_type.probes.len();
    Spinner::start(&format!("{system}: {count} probes"), limits.max())
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn style(limit: Option<Duration>) -> ProgressStyle {
    let style = ProgressStyle::with_template("{spinner:.cyan} {wide_msg} {time:.dim}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
    style.with_key("time", move |state: &ProgressState, out: &mut dyn Write| {
        let _ = out.write_str(&time(state.elapsed(), limit));
    })
}

/// How long it has taken, and how long it may still take.
fn time(elapsed: Duration, limit: Option<Duration>) -> String {
    let seconds = elapsed.as_secs();
    match limit.and_then(|limit| limit.checked_sub(elapsed)) {
        Some(left) => format!("{seconds} s, at most {} s more", left.as_secs() + 1),
        None => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_counted_down_to_its_limit() {
        let at = |elapsed, limit| time(Duration::from_secs(elapsed), Option::map(limit, Duration::from_secs));
        assert_eq!(at(3, None), "3 s");
        assert_eq!(at(3, Some(30)), "3 s, at most 28 s more");
        assert_eq!(at(31, Some(30)), "31 s");
        assert!(ProgressStyle::with_template("{spinner:.cyan} {wide_msg} {time:.dim}").is_ok());
    }
}
