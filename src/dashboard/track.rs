//! The course of a case: its phases one after another, and how the conditions of a verification turned true.

use crate::core::case::apply::InvalidJournal;
use crate::core::case::event::Event;
use crate::core::case::record::Record;
use crate::core::case::{Case, Stage};
use crate::core::expr::Truth;
use crate::core::ids::CaseId;
use crate::core::playbook::Fault;
use crate::core::view::trace::phase_of;
use crate::dashboard::words::{Moment, instant, length, moment};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use std::time::Duration;

/// So many columns of a verification are shown; of more, the first and the last.
const CHECKS: usize = 24;

/// So many phases are shown.
const PHASES: usize = 24;

/// A stretch of time in which the case was in one phase.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Segment {
    /// The phase, as `Case::phase_key` has it, and `reading` before the triage.
    pub phase: &'static str,
    pub from: Moment,
    pub took: String,
    /// How wide it is drawn, 1 to 12: by the square root of its length, so that a short one is still seen.
    pub width: u8,
    /// It is the last of a case that runs.
    pub is_open: bool,
}

/// How the conditions of one remediation turned true.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Verification {
    /// When each check was made.
    pub at: Vec<Moment>,
    pub rows: Vec<ConditionRow>,
    /// So many checks in the middle are left out.
    pub left_out: usize,
}

/// One condition.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ConditionRow {
    /// In the words of the playbook.
    pub condition: String,
    /// `true`, `false` or `unknown` at each check.
    pub checks: Vec<&'static str>,
}

/// What the records tell.
pub(super) struct Track {
    /// The case, folded from all records.
    pub case: Case,
    pub segments: Vec<Segment>,
    /// For each remediation, its checks: when, and the truth of each condition.
    checks: Vec<Vec<(DateTime<Utc>, Vec<Truth>)>>,
}

impl Track {
    /// Folds a case and follows its phases.
    ///
    /// # Errors
    /// The records contradict each other.
    pub(super) fn follow(
        id: &CaseId,
        records: &[Record],
        now: DateTime<Utc>,
    ) -> Result<Self, InvalidJournal> {
        let (first, rest) = records.split_at(records.len().min(1));
        let mut case = Case::fold(id, first)?;
        let mut phases = vec![(phase_of(&case), case.opened_at)];
        let mut checks: Vec<Vec<_>> = Vec::new();
        for record in rest {
            case.apply(record)?;
            match &record.event {
                Event::RemediationStarted(_) => checks.push(Vec::new()),
                Event::ConditionsChecked { truths } => {
                    if let Some(last) = checks.last_mut() {
                        last.push((record.at, truths.clone()));
                    }
                }
                _ => {}
            }
            let next = phase_of(&case);
            if phases.last().is_none_or(|(known, _)| *known != next) {
                phases.push((next, record.at));
            }
        }
        let runs = case.stage != Stage::Ended;
        let end = if runs { now.max(case.updated_at) } else { case.updated_at };
        let segments = segments(&phases, case.opened_at, end, runs, now);
        Ok(Self { case, segments, checks })
    }

    /// The checks of a remediation; `None` if there was none.
    pub(super) fn verification(
        &self,
        remediation: usize,
        fault: Option<&Fault>,
        soak: Duration,
        now: DateTime<Utc>,
    ) -> Option<Verification> {
        let checks = self.checks.get(remediation).filter(|checks| !checks.is_empty())?;
        let names: Vec<String> = fault.map_or_else(Vec::new, |fault| {
            let all = crate::core::diagnosis::verify::conditions(fault, soak);
            all.into_iter().map(|condition| condition.what).collect()
        });
        let left_out = checks.len().saturating_sub(CHECKS);
        let shown: Vec<&(DateTime<Utc>, Vec<Truth>)> = match left_out {
            0 => checks.iter().collect(),
            _ => checks.iter().take(CHECKS / 2).chain(checks.iter().skip(left_out + CHECKS / 2)).collect(),
        };
        let count = checks.iter().map(|(_, truths)| truths.len()).max().unwrap_or_default();
        let row = |index: usize| ConditionRow {
            condition: names.get(index).cloned().unwrap_or_else(|| format!("condition {}", index + 1)),
            checks: shown.iter().map(|(_, truths)| truths.get(index).map_or("unknown", word)).collect(),
        };
        Some(Verification {
            at: shown.iter().map(|(at, _)| moment(*at, now)).collect(),
            rows: (0..count).map(row).collect(),
            left_out,
        })
    }
}

fn word(truth: &Truth) -> &'static str {
    match truth {
        Truth::True => "true",
        Truth::False => "false",
        Truth::Unknown(_) => "unknown",
    }
}

fn segments(
    phases: &[(&'static str, DateTime<Utc>)],
    opened: DateTime<Utc>,
    end: DateTime<Utc>,
    runs: bool,
    now: DateTime<Utc>,
) -> Vec<Segment> {
    // A case that was put off again and again has many phases; the newest are told.
    let phases = phases.get(phases.len().saturating_sub(PHASES)..).unwrap_or_default();
    let ends = phases.iter().skip(1).map(|(_, at)| *at).chain([end]);
    let spans: Vec<(&'static str, DateTime<Utc>, TimeDelta)> =
        phases.iter().zip(ends).map(|((phase, from), to)| (*phase, *from, to - *from)).collect();
    let root = |length: TimeDelta| (length.num_milliseconds().max(1) as f64).sqrt();
    let longest = spans.iter().map(|(.., length)| root(*length)).fold(1.0, f64::max);
    let count = spans.len();
    let draw = |(index, (phase, from, took)): (usize, (&'static str, DateTime<Utc>, TimeDelta))| Segment {
        phase,
        from: instant(from, opened, now),
        took: length(took),
        width: 1 + (root(took) / longest * 11.0).round() as u8,
        is_open: runs && index + 1 == count,
    };
    spans.into_iter().enumerate().map(draw).collect()
}
