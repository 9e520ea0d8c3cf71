//! Progress of cases on a terminal: one line for each event, on stderr.

use crate::console::sanitize;
use crate::core::case::Case;
use crate::core::case::event::{CaseId, Event, ProbeReason, Publication};
use crate::core::decide::action::Action;
use crate::core::ids::Direction;
use crate::core::view::events::{Line, lines, step_name};
use crate::engine::{Observer, Progress};
use crate::render::Prompts;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

/// The marks of what a case waits for: a limit, a pause or another case, and a person.
const WAITS: [&str; 2] = ["‖", "✋"];

/// Writes progress to a stream, a line at a time.
pub struct Screen<W> {
    out: Mutex<W>,
    /// With several cases at work each line names its ticket.
    several: bool,
    /// Only what a case waits for is shown.
    only_waits: bool,
    /// The last line of each case: what is still so is not said again.
    last: Mutex<BTreeMap<CaseId, String>>,
    /// What puts reasons in words; the built-in prompts unless others are given.
    prompts: Arc<Prompts>,
}

impl Screen<std::io::Stderr> {
    /// Progress of one case, on stderr.
    pub fn for_one(prompts: Arc<Prompts>) -> Self {
        Self::new(std::io::stderr(), false, prompts)
    }

    /// What one case waits for, and until when, on stderr: nobody should wonder why a command does not end.
    pub fn for_waits(prompts: Arc<Prompts>) -> Self {
        Self { only_waits: true, ..Self::for_one(prompts) }
    }
}

impl<W: Write + Send> Screen<W> {
    /// Progress of many cases.
    pub fn for_many(out: W, prompts: Arc<Prompts>) -> Self {
        Self::new(out, true, prompts)
    }

    fn new(out: W, several: bool, prompts: Arc<Prompts>) -> Self {
        Self { out: Mutex::new(out), several, only_waits: false, last: Mutex::default(), prompts }
    }

    fn show(&self, case: &Case, line: &Line) {
        if let Some(mark) = mark(line).filter(|mark| !self.only_waits || WAITS.contains(mark)) {
            self.write(case, &format!("{mark} {}", self.prompts.line("event", line)));
        }
    }

    fn write(&self, case: &Case, text: &str) {
        if let Ok(mut last) = self.last.lock() {
            if last.get(&case.id).is_some_and(|before| before == text) {
                return;
            }
            last.insert(case.id.clone(), text.to_owned());
        }
        let Ok(mut out) = self.out.lock() else { return };
        let label = if self.several {
            format!("{:>5} ", format!("#{}", case.ticket.id.number))
        } else {
            String::new()
        };
        // A line that goes on cannot look like one of its own. Nobody can be told that the screen is gone.
        let _ = writeln!(out, "{label}{}", sanitize(text).replace('\n', "\n          "));
    }
}

impl<W: Write + Send> Observer for Screen<W> {
    fn on_progress(&self, progress: Progress<'_>) {
        match progress {
            Progress::Starting { case, action } => {
                if let Some(line) = starting(case, action) {
                    self.show(case, &line);
                }
            }
            // Every condition is unknown for the one reason that the end of the case tells.
            Progress::Recorded { case, event: Event::Diagnosed(_) } if case.evidence.nothing_reached() => {}
            // A rollback of nothing is no news.
            Progress::Recorded { case, event: Event::RolledBack { clean: true } }
                if !has_rolled_back(case) => {}
            Progress::Recorded { case, event } => {
                for line in lines(case, event) {
                    self.show(case, &line);
                }
            }
        }
    }
}

/// What is about to be done, if it may take a while.
fn starting(case: &Case, action: &Action) -> Option<Line> {
    match action {
        Action::RunProbes { purpose: ProbeReason::Diagnose, probes } => {
            Some(Line::Probing { probes: probes.len() })
        }
        Action::LeaseHosts { hosts } => {
            Some(Line::Leasing { hosts: hosts.iter().map(ToString::to_string).collect() })
        }
        Action::Change(request) => Some(Line::Changing {
            step: step_name(case, &request.change),
            host: request.host.to_string(),
            is_rollback: request.change.direction == Direction::Rollback,
        }),
        _ => None,
    }
}

fn has_rolled_back(case: &Case) -> bool {
    let last = case.remediations.last();
    last.is_some_and(|remediation| remediation.rollbacks.iter().any(|rollback| rollback.attempts > 0))
}

/// The mark before a line; `None` if the screen does not show it.
fn mark(line: &Line) -> Option<&'static str> {
    Some(match line {
        Line::Probing { .. }
        | Line::Leasing { .. }
        | Line::TicketRead { .. }
        | Line::Triaged { .. }
        | Line::NothingFound { .. }
        | Line::Resumed
        | Line::SignalReceived { .. }
        | Line::StepsCompleted
        | Line::RolledBack { clean: true } => "·",
        Line::Changing { is_rollback: false, .. } => "→",
        Line::Changing { is_rollback: true, .. } => "←",
        Line::FaultFound { .. } | Line::RecurrenceDetected { .. } | Line::CloseDisputed { .. } => "!",
        Line::FaultUnknown { .. } => "?",
        Line::Paused { .. } | Line::Deferred { .. } | Line::Linked { .. } => "‖",
        Line::ApprovalRequested { .. } | Line::ReporterAsked { .. } => "✋",
        // What came of the line before.
        Line::ChangeEnded { .. }
        | Line::ChangeNotStarted { .. }
        | Line::ChangeInDoubt { .. }
        | Line::ChangeSkipped { .. }
        | Line::ChangeConfirmed
        | Line::ChangeAbandoned { .. }
        | Line::ConditionsChecked { .. }
        | Line::PublishFailed { .. } => " ",
        Line::VerificationPassed { .. } => "✓",
        Line::Failed { .. } | Line::RolledBack { clean: false } => "✗",
        Line::OutcomeDecided { code: Some(_), .. } => "☎",
        Line::OutcomeDecided { detail: Some(_), .. } => "·",
        Line::OutcomeDecided { .. } => "✓",
        Line::Published { what, .. } => match what {
            Publication::Report | Publication::Problem | Publication::Close => "·",
            _ => return None,
        },
        Line::Opened { .. }
        | Line::Probed { .. }
        | Line::HostsLeased { .. }
        | Line::Rechecked { .. }
        | Line::RemediationStarted { .. }
        | Line::ChangeStarted { .. }
        | Line::Ended => return None,
    })
}
