//! Progress of cases on a terminal: one line for each event, on stderr.

use crate::console::sanitize;
use crate::core::case::Case;
use crate::core::case::event::{CaseId, Direction, Event, ProbeReason, Publication};
use crate::core::case::outcome::Outcome;
use crate::core::case::published::Published;
use crate::core::decide::action::Action;
use crate::core::expr::Truth;
use crate::core::text::format::format_minute;
use crate::engine::{Observer, Progress};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Mutex;

/// Writes progress to a stream, a line at a time.
pub struct Screen<W> {
    out: Mutex<W>,
    /// With several cases at work each line names its ticket.
    several: bool,
    /// The last line of each case: what is still so is not said again.
    last: Mutex<BTreeMap<CaseId, String>>,
}

impl Screen<std::io::Stderr> {
    /// Progress of one case, on stderr.
    pub fn for_one() -> Self {
        Self { out: Mutex::new(std::io::stderr()), several: false, last: Mutex::default() }
    }
}

impl<W: Write + Send> Screen<W> {
    /// Progress of many cases.
    pub fn for_many(out: W) -> Self {
        Self { out: Mutex::new(out), several: true, last: Mutex::default() }
    }

    fn line(&self, case: &Case, text: &str) {
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
                if let Some(text) = doing(case, action) {
                    self.line(case, &text);
                }
            }
            Progress::Recorded { case, event } => {
                for text in recorded(case, event) {
                    self.line(case, &text);
                }
            }
        }
    }
}

fn doing(case: &Case, action: &Action) -> Option<String> {
    let step = |remediation: usize, step: usize| {
        case.remediations
            .get(remediation)
            .and_then(|t| t.plan.steps.get(step))
            .map_or("", |s| s.name.as_str())
    };
    match action {
        Action::RunProbes { purpose: ProbeReason::Diagnose, probes } => {
            Some(format!("· probing: {} checks", probes.len()))
        }
        Action::LeaseHosts { hosts } => {
            let names: Vec<&str> = hosts.iter().map(|host| host.as_str()).collect();
            Some(format!("· leasing {} for this case", names.join(", ")))
        }
        Action::Change(request) => {
            let name = step(request.change.remediation, request.change.step);
            let what = match request.change.direction {
                Direction::Forward => "→",
                Direction::Rollback => "← rolling back:",
            };
            Some(format!("{what} {name} (on {})", request.host))
        }
        _ => None,
    }
}

fn recorded(case: &Case, event: &Event) -> Vec<String> {
    match event {
        Event::Opened { .. } => Vec::new(),
        Event::Triaged(triage) => match &triage.system {
            Some(system) => vec![format!("· about {}: {}", system.name, short(case.ticket.title.as_str()))],
            None => vec!["· the ticket names no managed system".into()],
        },
        // Every condition is unknown for the one reason that the end of the case tells.
        Event::Diagnosed(_) if case.evidence.nothing_reached() => Vec::new(),
        Event::Diagnosed(diagnosis) => {
            let found = diagnosis.findings.iter().map(|f| format!("! {}: {}", f.title, f.summary));
            let unknown = diagnosis.unknown.iter().map(|u| format!("? {}: {}", u.playbook, u.why));
            let mut lines: Vec<String> = found.chain(unknown).collect();
            if lines.is_empty() {
                lines.push(format!("· {} faults ruled out, none found", diagnosis.ruled_out.len()));
            }
            lines
        }
        Event::ChangeEnded { observation, success: true, .. } => {
            vec![format!("  done in {:.1} s", observation.took_ms as f64 / 1000.0)]
        }
        Event::ChangeEnded { observation, .. } => {
            vec![format!("  failed, {}: {}", observation.exit, observation.last_line())]
        }
        Event::ChangeBlocked { why, .. } | Event::ChangeNotStarted { why, .. } => {
            vec![format!("  not started: {why}")]
        }
        Event::ChangeInDoubt { why, .. } => vec![format!("  in doubt: {why}")],
        Event::ChangeSkipped { why, .. } => vec![format!("  skipped, {why}")],
        Event::ChangeConfirmed { .. } => vec!["  already done".into()],
        Event::ChangeAbandoned { why, .. } => vec![format!("  abandoned: {why}")],
        Event::StepsCompleted => vec!["· verifying that the fix works and lasts".into()],
        Event::ConditionsChecked { truths } => {
            let so = truths.iter().filter(|truth| **truth == Truth::True).count();
            vec![format!("  {so} of {} conditions hold", truths.len())]
        }
        Event::VerificationPassed { .. } => vec!["✓ verified".into()],
        Event::VerificationFailed { why } | Event::RemediationFailed { why } => vec![format!("✗ {why}")],
        Event::RolledBack { clean: true } => {
            let undone =
                case.remediations.last().is_some_and(|t| t.rollbacks.iter().any(|undo| undo.attempts > 0));
            if undone { vec!["· changes rolled back".into()] } else { Vec::new() }
        }
        Event::RolledBack { clean: false } => vec!["✗ rollback failed".into()],
        Event::OutcomeDecided(outcome) => vec![match outcome {
            Outcome::Escalated(escalation) => {
                format!("☎ a person is needed ({}): {}", escalation.code, escalation.why)
            }
            Outcome::Declined { why } => format!("· declined: {why}"),
            other => format!("✓ {}", other.word()),
        }],
        Event::Paused(pause) => vec![format!("‖ paused by {}", crate::cli::pause::describe(pause))],
        Event::Resumed => vec!["· resumed".into()],
        Event::ApprovalRequested { plan, until } => {
            vec![format!("✋ plan {} needs approval until {}", plan.short_id(), format_minute(*until))]
        }
        Event::RecurrenceDetected { playbook, count, .. } => {
            vec![format!("! {playbook} was fixed {count} times within seven days and is back")]
        }
        Event::Deferred(delay) => {
            vec![format!("‖ waits until {}: {}", delay.until.format("%H:%M:%S UTC"), delay.exceeded)]
        }
        Event::Linked { ticket, playbook, .. } => {
            vec![format!("‖ waits for {ticket}, where {playbook} is being fixed")]
        }
        Event::CloseDisputed(objection) => {
            vec![format!("! the close by case {} is disputed", objection.case)]
        }
        Event::SignalReceived(posted) => vec![format!("· {}", crate::cli::signal::describe(&posted.signal))],
        Event::Published { what: Published::Report, .. } => vec!["· report posted".into()],
        Event::Published { what: Published::Problem { ticket: Some(ticket) }, .. } => {
            vec![format!("· opened a ticket about the recurring fault: {ticket}")]
        }
        Event::Published { what: Published::Close, .. } => vec!["· issue closed".into()],
        Event::PublishFailed { publication, why, .. } => {
            vec![format!("  GitHub rejected the {}: {why}", word(*publication))]
        }
        _ => Vec::new(),
    }
}

fn word(act: Publication) -> &'static str {
    match act {
        Publication::TicketRefresh => "refresh of the issue",
        Publication::ApprovalRequest => "approval request",
        Publication::Reopen => "reopening of the issue",
        Publication::Problem => "ticket about the recurring fault",
        Publication::Status => "status",
        Publication::Label => "label",
        Publication::Report => "report",
        Publication::Assign => "assignment",
        Publication::Close => "close",
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(70) {
        Some((cut, _)) => format!("{}…", text.get(..cut).unwrap_or(text)),
        None => text.to_owned(),
    }
}
