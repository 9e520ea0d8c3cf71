//! Figures about cases. Their labels are closed lists and names of the configuration; a system that is not
//! configured, or not known, is the empty name.

use crate::core::case::event::CaseId;
use crate::core::case::outcome::{Code, Outcome};
use crate::core::case::{Case, Waiting};
use crate::core::ids::SystemName;
use crate::engine::Context;
use crate::ports::{Counts, DURATION_BOUNDS, EndedCases, JournalError};
use crate::web::MetricKind::{Counter, Gauge, Histogram};
use crate::web::{Metric, number};
use std::collections::BTreeMap;
use std::time::Duration;

/// Open cases that one scrape reads; the next one goes on. Until then they count as `unknown`.
const READ_AT_ONCE: usize = 100;

/// Every word of [`Outcome::word`] but that of escalations.
const OUTCOMES: [&str; 7] =
    ["resolved", "confirmed", "partial", "unrelated", "answered", "declined", "cancelled"];

/// What an open case can wait for. `nothing`: it is worked on, verified, or about to be.
const WAITS: [&str; 6] = ["approval", "limit", "related_case", "reporter", "pause", "nothing"];

/// What each open case waits for, as of its last record.
#[derive(Debug, Default)]
pub struct ReadCases(BTreeMap<CaseId, (String, &'static str)>);

/// Cases by how they ended.
pub(super) fn ended(context: &Context, counts: &Counts) -> Metric {
    let codes = Code::ALL.iter().map(|code| ("escalated", code.as_str()));
    let ends: Vec<_> = OUTCOMES.iter().map(|word| (*word, "")).chain(codes).collect();
    // An alert sees a rise only of what was there before.
    let mut cases: BTreeMap<_, u64> =
        systems(context).flat_map(|system| ends.iter().map(move |end| ((system, *end), 0))).collect();
    for group in &counts.ended {
        let code = match &group.example {
            Outcome::Escalated(escalation) => escalation.code.as_str(),
            _ => "",
        };
        let key = (label(context, group.system.as_ref()), (group.example.word(), code));
        *cases.entry(key).or_default() += group.cases;
    }
    let metric =
        Metric::new(Counter, "fieldmedic_cases_total", "Cases that have ended, of the whole journal.");
    cases.into_iter().fold(metric, |metric, ((system, (outcome, code)), cases)| {
        metric.with(&[("system", system), ("outcome", outcome), ("code", code)], number(cases))
    })
}

/// How long cases took, by outcome.
pub(super) fn durations(counts: &Counts) -> Metric {
    let mut by_outcome: BTreeMap<&str, Vec<&EndedCases>> = BTreeMap::new();
    for group in &counts.ended {
        by_outcome.entry(group.example.word()).or_default().push(group);
    }
    let help = "From the first record of a case to its last, of the whole journal.";
    let metric = Metric::new(Histogram, "fieldmedic_case_duration_seconds", help);
    by_outcome.into_iter().fold(metric, |metric, (outcome, groups)| {
        let up_to = |class| groups.iter().filter(|group| group.class <= class).map(|group| group.cases).sum();
        let bounds = DURATION_BOUNDS.iter().enumerate();
        let bounds: Vec<(f64, u64)> = bounds.map(|(class, it)| (it.as_secs_f64(), up_to(class))).collect();
        let sum: Duration = groups.iter().map(|group| group.duration).sum();
        metric.with_histogram(&[("outcome", outcome)], &bounds, up_to(usize::MAX), sum.as_secs_f64())
    })
}

/// False closures of the last days.
pub(super) fn disputes(context: &Context, counts: &Counts) -> Metric {
    let mut disputes: BTreeMap<&str, u64> = systems(context).map(|system| (system, 0)).collect();
    for (system, count) in &counts.disputes {
        *disputes.entry(label(context, system.as_ref())).or_default() += count;
    }
    let help = "Closed tickets that people said are not settled, in the last 7 days.";
    let metric = Metric::new(Gauge, "fieldmedic_close_disputes", help);
    disputes
        .into_iter()
        .fold(metric, |metric, (system, count)| metric.with(&[("system", system)], number(count)))
}

/// Open cases by what they wait for. Only those that have changed since the last scrape are read.
pub(super) async fn open_cases(
    context: &Context,
    counts: &Counts,
    read: &mut ReadCases,
) -> Result<Metric, JournalError> {
    let mut known = BTreeMap::new();
    let mut waiting: BTreeMap<&str, u64> = WAITS.iter().map(|waits| (*waits, 0)).collect();
    let mut left = READ_AT_ONCE;
    for case in &counts.open {
        let waits = match read.0.remove(&case.id) {
            Some((head, waits)) if head == case.head => Some(waits),
            _ if left == 0 => None,
            _ => {
                left -= 1;
                waits_for(context, &case.id).await?
            }
        };
        *waiting.entry(waits.unwrap_or("unknown")).or_default() += 1;
        if let Some(waits) = waits {
            known.insert(case.id.clone(), (case.head.clone(), waits));
        }
    }
    read.0 = known;
    let metric = Metric::new(Gauge, "fieldmedic_cases_open", "Cases that have not ended.");
    Ok(waiting
        .into_iter()
        .fold(metric, |metric, (waits, cases)| metric.with(&[("waits_for", waits)], number(cases))))
}

/// `None` if its records cannot be read, now or ever.
async fn waits_for(context: &Context, id: &CaseId) -> Result<Option<&'static str>, JournalError> {
    let records = match context.journal.load(id).await {
        Err(error) if error.is_permanent() => return Ok(None),
        records => records?,
    };
    let Ok(case) = Case::fold(id, &records) else { return Ok(None) };
    Ok(Some(match case.waiting() {
        Some(Waiting::Approval(_)) => "approval",
        Some(Waiting::Deferred(_)) => "limit",
        Some(Waiting::Related) => "related_case",
        Some(Waiting::Reporter(_)) => "reporter",
        Some(Waiting::Paused) => "pause",
        None => "nothing",
    }))
}

fn systems(context: &Context) -> impl Iterator<Item = &str> {
    context.inventory.systems.keys().map(|name| name.as_str()).chain([""])
}

fn label<'a>(context: &Context, system: Option<&'a SystemName>) -> &'a str {
    let configured = system.filter(|name| context.inventory.systems.contains_key(*name));
    configured.map(|name| name.as_str()).unwrap_or_default()
}
