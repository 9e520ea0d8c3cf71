//! Progress of cases on a terminal: one line for each event, on stderr.

use crate::cli::spinner::Spinner;
use crate::clock::SystemClock;
use crate::console::{Paint, painted_for_stderr, sanitize};
use crate::core::case::event::{CaseId, Event, ProbeReason, Publication};
use crate::core::case::{Case, Waiting};
use crate::core::decide::action::Action;
use crate::core::ids::Direction;
use crate::core::view::events::{Line, lines, step_name};
use crate::engine::{Observer, Progress};
use crate::ports::Clock;
use crate::render::Prompts;
use chrono::{DateTime, Utc};
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
    /// It is stderr, which may take colour.
    is_stderr: bool,
    /// What goes on between two lines; only where one case is shown in a terminal.
    activity: Mutex<Option<Spinner>>,
    /// The last line of each case: what is still so is not said again.
    last: Mutex<BTreeMap<CaseId, String>>,
    /// What puts reasons in words; the built-in prompts unless others are given.
    prompts: Arc<Prompts>,
}

impl Screen<std::io::Stderr> {
    /// Progress of one case, on stderr.
    pub fn for_one(prompts: Arc<Prompts>) -> Self {
        Self { is_stderr: true, ..Self::new(std::io::stderr(), false, prompts) }
    }

    /// Progress of many cases, on stderr.
    pub fn for_all(prompts: Arc<Prompts>) -> Self {
        Self { is_stderr: true, ..Self::new(std::io::stderr(), true, prompts) }
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
        Self {
            out: Mutex::new(out),
            several,
            only_waits: false,
            is_stderr: false,
            activity: Mutex::default(),
            last: Mutex::default(),
            prompts,
        }
    }

    fn show(&self, case: &Case, line: &Line) {
        if let Some(mark) = mark(line).filter(|mark| !self.only_waits || WAITS.contains(mark)) {
            self.write(case, mark, &self.prompts.line("event", line));
        }
    }

    fn write(&self, case: &Case, mark: &str, text: &str) {
        if let Ok(mut last) = self.last.lock() {
            let line = format!("{mark} {text}");
            if last.get(&case.id).is_some_and(|before| *before == line) {
                return;
            }
            last.insert(case.id.clone(), line);
        }
        self.follow(None);
        let Ok(mut out) = self.out.lock() else { return };
        let label = if self.several {
            format!("{:>5} ", format!("#{}", case.ticket.id.number))
        } else {
            String::new()
        };
        // A line that goes on cannot look like one of its own. Nobody can be told that the screen is gone.
        let mark = match paint(mark).filter(|_| self.is_stderr) {
            Some(paint) => painted_for_stderr(mark, paint),
            None => mark.to_owned(),
        };
        let _ = writeln!(out, "{label}{mark} {}", sanitize(text).replace('\n', "\n          "));
    }

    /// Shows what goes on now in place of what went on before.
    fn follow(&self, activity: Option<(String, Option<DateTime<Utc>>)>) {
        let Ok(mut shown) = self.activity.lock() else { return };
        // The one before has to leave the line first.
        *shown = None;
        *shown =
            activity.filter(|_| self.is_stderr && !self.several && !self.only_waits).map(|(what, until)| {
                let left = until.and_then(|until| (until - SystemClock.now()).to_std().ok());
                Spinner::start(&what, left)
            });
    }
}

impl<W: Write + Send> Observer for Screen<W> {
    fn on_progress(&self, progress: Progress<'_>) {
        match progress {
            Progress::Starting { case, action } => {
                if let Some(line) = starting(case, action) {
                    self.show(case, &line);
                }
                self.follow(activity(case, action));
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

/// What takes its time from now on, and until when at the latest.
fn activity(case: &Case, action: &Action) -> Option<(String, Option<DateTime<Utc>>)> {
    match action {
        Action::RunProbes { probes, .. } => Some((format!("{} probes", probes.len()), None)),
        Action::LeaseHosts { .. } => Some(("waiting for the hosts".to_owned(), None)),
        Action::Change(request) => Some((step_name(case, &request.change), None)),
        Action::Wait { until } => Some(("waiting, and looking again then".to_owned(), Some(*until))),
        // Somebody else has to do something, and this command ends.
        Action::Suspend(_) if matches!(case.waiting(), Some(Waiting::Approval(_) | Waiting::Reporter(_))) => {
            None
        }
        Action::Suspend(suspension) => Some(("waiting".to_owned(), Some(suspension.until))),
        Action::Record(_) | Action::Done => None,
        _ => Some(("GitHub".to_owned(), None)),
    }
}

fn has_rolled_back(case: &Case) -> bool {
    let last = case.remediations.last();
    last.is_some_and(|remediation| remediation.rollbacks.iter().any(|rollback| rollback.attempts > 0))
}

/// The colour of a mark, if it has one.
fn paint(mark: &str) -> Option<Paint> {
    match mark {
        "✓" => Some(Paint::Good),
        "✗" | "☎" | "!" => Some(Paint::Bad),
        "?" | "‖" | "✋" => Some(Paint::Warn),
        _ => None,
    }
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
