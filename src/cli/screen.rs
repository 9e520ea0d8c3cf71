//! What a person sees while cases are at work: one line for each thing that happens, on stderr.

use super::voice::plain;
use crate::core::action::Action;
use crate::core::case::Case;
use crate::core::event::{Act, CaseId, Event, Purpose, Way};
use crate::core::expr::Truth;
use crate::core::moment::minute;
use crate::core::outcome::Outcome;
use crate::engine::{Glimpse, Watch};
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
        let _ = writeln!(out, "{label}{}", plain(text).replace('\n', "\n          "));
    }
}

impl<W: Write + Send> Watch for Screen<W> {
    fn see(&self, glimpse: Glimpse<'_>) {
        match glimpse {
            Glimpse::Doing { case, action } => {
                if let Some(text) = doing(case, action) {
                    self.line(case, &text);
                }
            }
            Glimpse::Recorded { case, event } => {
                for text in recorded(case, event) {
                    self.line(case, &text);
                }
            }
        }
    }
}

fn doing(case: &Case, action: &Action) -> Option<String> {
    let step = |treatment: usize, step: usize| {
        case.treatments.get(treatment).and_then(|t| t.plan.steps.get(step)).map_or("", |s| s.name.as_str())
    };
    match action {
        Action::Look { purpose: Purpose::Diagnose, probes } => {
            Some(format!("· looking: {} checks", probes.len()))
        }
        Action::Hold { hosts } => {
            let names: Vec<&str> = hosts.iter().map(|host| host.as_str()).collect();
            Some(format!("· taking {} for this case alone", names.join(", ")))
        }
        Action::Change(order) => {
            let name = step(order.change.treatment, order.change.step);
            let what = match order.change.way {
                Way::Do => "→",
                Way::Undo => "← undoing:",
            };
            Some(format!("{what} {name} (on {})", order.host))
        }
        _ => None,
    }
}

fn recorded(case: &Case, event: &Event) -> Vec<String> {
    match event {
        Event::Opened { .. } => Vec::new(),
        Event::Triaged(triage) => match &triage.site {
            Some(site) => vec![format!("· about {}: {}", site.name, short(case.ticket.title.as_str()))],
            None => vec!["· it names no system that is looked after".into()],
        },
        // Every condition is unknown for the one reason that the end of the case tells.
        Event::Diagnosed(_) if case.evidence.nothing_reached() => Vec::new(),
        Event::Diagnosed(diagnosis) => {
            let found = diagnosis.findings.iter().map(|f| format!("! {}: {}", f.title, f.because));
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
            vec![format!("  failed, {}: {}", observation.exit, observation.last_words())]
        }
        Event::ChangeBarred { why, .. } | Event::ChangeNotStarted { why, .. } => {
            vec![format!("  not started: {why}")]
        }
        Event::ChangeInDoubt { why, .. } => vec![format!("  in doubt: {why}")],
        Event::ChangeSkipped { why, .. } => vec![format!("  skipped, {why}")],
        Event::ChangeFound { .. } => vec!["  it was done already".into()],
        Event::ChangeFrozen { why, .. } => vec![format!("  frozen: {why}")],
        Event::Applied => vec!["· checking that it worked, and that it stays so".into()],
        Event::Checked { truths } => {
            let so = truths.iter().filter(|truth| **truth == Truth::True).count();
            vec![format!("  {so} of {} conditions hold", truths.len())]
        }
        Event::Verified { .. } => vec!["✓ verified".into()],
        Event::NotVerified { why } | Event::RemedyFailed { why } => vec![format!("✗ {why}")],
        Event::Undone { clean: true } => {
            let undone = case.treatments.last().is_some_and(|t| t.undos.iter().any(|undo| undo.attempts > 0));
            if undone { vec!["· what was changed is taken back".into()] } else { Vec::new() }
        }
        Event::Undone { clean: false } => vec!["✗ taking it back failed".into()],
        Event::Concluded(outcome) => vec![match outcome {
            Outcome::Escalated(escalation) => {
                format!("☎ a person is needed ({}): {}", escalation.code, escalation.why)
            }
            Outcome::Declined { why } => format!("· declined: {why}"),
            other => format!("✓ {}", other.word()),
        }],
        Event::Paused(pause) => vec![format!("‖ paused by {}", super::pause::told(pause))],
        Event::Resumed => vec!["· the halt is lifted".into()],
        Event::Asked { plan, until } => {
            vec![format!("✋ plan {} needs a person's yes, until {}", plan.short(), minute(*until))]
        }
        Event::Recurred { playbook, count, .. } => {
            vec![format!("! {playbook} was mended {count} times within seven days, and is back")]
        }
        Event::Delayed(delay) => {
            vec![format!("‖ waits until {}: {}", delay.until.format("%H:%M:%S UTC"), delay.over)]
        }
        Event::FalselyClosed(objection) => {
            vec![format!("! case {} closed it, and somebody objects", objection.of)]
        }
        Event::Heard(posted) => vec![format!("· {}", super::say::told(&posted.word))],
        Event::Told { act: Act::Report, .. } => vec!["· report posted".into()],
        Event::Told { act: Act::Problem, stage, .. } if !stage.is_empty() => {
            vec![format!("· what comes back again and again has a ticket of its own: {stage}")]
        }
        Event::Told { act: Act::Close, .. } => vec!["· issue closed".into()],
        Event::NotTold { act, why, .. } => vec![format!("  GitHub did not take the {}: {why}", word(*act))],
        _ => Vec::new(),
    }
}

fn word(act: Act) -> &'static str {
    match act {
        Act::Recheck => "second look at the issue",
        Act::Question => "question",
        Act::Reopen => "opening of the issue",
        Act::Problem => "ticket about what comes back",
        Act::Status => "status",
        Act::Label => "label",
        Act::Report => "report",
        Act::Assign => "assignment",
        Act::Close => "closing",
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(70) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}
