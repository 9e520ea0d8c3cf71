//! `fieldmedic report --capacity`: two weeks of measurements, and what they recommend.

use crate::app;
use crate::app::ProbeSetup;
use crate::app::settings::LoadedConfig;
use crate::core::measurement::capacity::{Advice, Summary};
use crate::core::measurement::forecast::LOOK_BACK;
use crate::core::playbook::series::Side;
use crate::core::text::format::{format_minute, number};
use crate::engine::{SeriesPoints, summaries};
use chrono::{DateTime, Utc};
use miette::{IntoDiagnostic, Result};
use serde_json::{Value, json};

/// What the measurements of the last two weeks say about capacity, as data.
///
/// # Errors
/// If the configuration does not fit the playbooks, or the journal cannot be used.
pub(super) async fn capacity(settings: &LoadedConfig, now: DateTime<Utc>) -> Result<Value> {
    let setup = ProbeSetup::build(settings)?;
    let journal = app::open_journal(settings).await?;
    let mut systems = Vec::new();
    for system in setup.inventory.systems.values() {
        let period = [now - LOOK_BACK, now];
        let summed = summaries((&*journal, &setup.library), system, period).await.into_diagnostic()?;
        let system_type = setup.library.systems.get(&system.system_type);
        systems.push(json!({
            "name": system.name,
            "type": system.system_type,
            "advice": summed.iter().map(|(_, summary)| summary.advice).max().unwrap_or(Advice::Unknown),
            "asks": system_type
                .is_some_and(|it| it.requests.iter().any(|request| request.name.as_str() == "capacity")),
            "series": summed.iter().map(|(series, summary)| line(series, summary)).collect::<Vec<Value>>(),
        }));
    }
    Ok(json!({ "since": format_minute(now - LOOK_BACK), "until": format_minute(now), "systems": systems }))
}

fn line(series: &SeriesPoints, summary: &Summary) -> Value {
    let forecast = summary.forecast.ok();
    json!({
        "name": series.name.to_string(),
        "unit": series.spec.unit,
        "limit": series.limit.map(|limit| number(limit.value)),
        "is_above": series.limit.is_none_or(|limit| limit.side == Side::Above),
        "watch": series.spec.watch.map(number),
        "hours": summary.hours,
        "mean": number(summary.mean),
        "p95": number(summary.p95),
        "worst": number(summary.worst),
        "newest": number(summary.newest),
        "hours_beyond": summary.hours_beyond,
        "per_day": forecast.map(|forecast| number(forecast.per_day)),
        "reaches": forecast.map(|forecast| format_minute(forecast.reaches)),
        "earliest": forecast.map(|forecast| format_minute(forecast.earliest)),
        "latest": forecast.and_then(|forecast| forecast.latest).map(format_minute),
        "advice": summary.advice,
    })
}
