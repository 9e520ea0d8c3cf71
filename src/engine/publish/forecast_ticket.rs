//! Tickets about limits that will be reached: one for each series of a system, while it is open. What is newer is told in
//! one comment, which is edited. Nothing is changed on a host because of a forecast.

use crate::core::ids::SystemName;
use crate::core::measurement::capacity::Summary;
use crate::core::measurement::forecast::{Forecast, NoForecast};
use crate::core::measurement::{Point, SeriesName};
use crate::core::playbook::series::{Limit, Side};
use crate::core::text::format::{format_minute, number};
use crate::core::ticket::{Repo, Ticket, TicketId};
use crate::engine::context::Context;
use crate::engine::publish::error::PublishError;
use crate::engine::publish::once::{new_ticket, once, people, write};
use crate::ports::{DedupeKey, Label, Marker, Urgency};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The label of such tickets.
const LABEL: &str = "medic:forecast";

/// The comment of a ticket is brought up to date so often.
const UPDATE_EVERY: TimeDelta = TimeDelta::hours(24);

/// Who closes such a ticket hears no more of the series for so long.
const QUIET: TimeDelta = TimeDelta::days(7);

/// So many tickets are opened at once at most. The others follow an hour later, if they are still needed.
const MOST_AT_ONCE: usize = 3;

/// So many days are shown.
const DAYS_SHOWN: usize = 7;

/// What a series runs to.
pub(crate) struct Outlook {
    pub series: SeriesName,
    pub unit: String,
    pub limit: Limit,
    pub points: Vec<Point>,
    pub summary: Summary,
}

/// Opens a ticket for each series that is expected to reach its limit within a time, and brings open ones up to date.
///
/// # Errors
/// The forge or the journal cannot be used.
pub(crate) async fn tell(
    context: &Context,
    outlooks: &[(SystemName, Vec<Outlook>)],
    within: TimeDelta,
) -> Result<(), PublishError> {
    if outlooks.iter().all(|(_, of_system)| of_system.is_empty()) {
        return Ok(());
    }
    let now = context.clock.now();
    let repos: BTreeSet<&Repo> =
        outlooks.iter().filter_map(|(system, _)| context.ticket_repo(system)).collect();
    let mut open_tickets: Vec<Ticket> = Vec::new();
    let me = context.forge.me().await?;
    for repo in repos {
        let labelled = context.forge.tickets(repo, Some(LABEL), None).await?;
        open_tickets.extend(labelled.into_iter().filter(|ticket| ticket.author.eq_ignore_ascii_case(&me)));
    }
    let mut opened = 0;
    for (system, of_system) in outlooks {
        let Some(repo) = context.ticket_repo(system) else { continue };
        for outlook in of_system {
            let marker = marker(system, &outlook.series);
            let known = open_tickets.iter().find(|ticket| marker.opens(ticket.body.as_str()));
            if let Some(ticket) = known {
                update(context, system, outlook, &ticket.id, now).await?;
                continue;
            }
            let is_soon = outlook.summary.forecast.is_ok_and(|forecast| forecast.reaches - now <= within);
            if !is_soon || is_quiet(context, system, outlook, now).await? {
                continue;
            }
            if opened == MOST_AT_ONCE {
                tracing::warn!(%system, series = %outlook.series, "runs to its limit; its ticket has to wait for others");
                continue;
            }
            let new = new_ticket(
                context,
                repo,
                marker,
                &title(context, system, outlook, now),
                &body(context, system, outlook, now),
            );
            let id = once(context, new.marker.as_str(), async {
                Ok::<_, PublishError>(context.forge.open(&new).await?)
            });
            let Some(id) = id.await? else { continue };
            let label = Label {
                name: LABEL.into(),
                color: "fbca04",
                description: "Measurements say that a limit will be reached soon",
            };
            context.forge.update_labels(&id, &[label], &[], Urgency::Status).await?;
            context.forge.assign(&id, &context.forge_settings.on_call).await?;
            context.journal.mark_done(&key(system, outlook), now).await?;
            opened += 1;
        }
    }
    Ok(())
}

/// Somebody has closed the ticket about it not long ago.
async fn is_quiet(
    context: &Context,
    system: &SystemName,
    outlook: &Outlook,
    now: DateTime<Utc>,
) -> Result<bool, PublishError> {
    let told = context.journal.done_at(&key(system, outlook)).await?;
    Ok(told.is_some_and(|told| now - told < QUIET))
}

fn key(system: &SystemName, outlook: &Outlook) -> DedupeKey {
    DedupeKey::Forecast { system: system.clone(), series: outlook.series.clone() }
}

fn marker(system: &SystemName, series: &SeriesName) -> Marker {
    // A marker holds no underscores.
    Marker::new(&format!("forecast system={system} series={}", series.to_string().replace('_', "-")))
}

/// Writes what is newer than the ticket into its comment.
async fn update(
    context: &Context,
    system: &SystemName,
    outlook: &Outlook,
    ticket: &TicketId,
    now: DateTime<Utc>,
) -> Result<(), PublishError> {
    // From now on nobody has closed it.
    let told = context.journal.done_at(&key(system, outlook)).await?;
    if told.is_some_and(|told| now - told < UPDATE_EVERY) {
        return Ok(());
    }
    let text = context.prompts.fill("forecast_update.md", view(system, outlook, now));
    write(context, ticket, &Marker::new("kind=forecast"), &text, Urgency::Status).await?;
    context.journal.mark_done(&key(system, outlook), now).await?;
    Ok(())
}

fn title(context: &Context, system: &SystemName, outlook: &Outlook, now: DateTime<Utc>) -> String {
    context.prompts.line("forecast_title", view(system, outlook, now))
}

fn body(context: &Context, system: &SystemName, outlook: &Outlook, now: DateTime<Utc>) -> String {
    let mut view = view(system, outlook, now);
    if let Some(view) = view.as_object_mut() {
        view.insert("people".to_owned(), json!(people(context)));
        view.insert("days".to_owned(), json!(days(&outlook.points)));
    }
    context.prompts.fill("forecast.md", view)
}

/// What a ticket says about a series.
fn view(system: &SystemName, outlook: &Outlook, now: DateTime<Utc>) -> Value {
    let forecast = outlook.summary.forecast;
    json!({
        "system": system,
        "series": outlook.series.to_string(),
        "unit": outlook.unit,
        "limit": number(outlook.limit.value),
        "is_above": outlook.limit.side == Side::Above,
        "newest": number(outlook.summary.newest),
        "as_of": format_minute(now),
        "reached": forecast.err() == Some(NoForecast::Reached),
        "forecast": forecast.ok().map(|forecast| forecast_view(&forecast, now)),
    })
}

fn forecast_view(forecast: &Forecast, now: DateTime<Utc>) -> Value {
    let hours = |at: DateTime<Utc>| (at - now).num_hours().max(0);
    json!({
        "hours": hours(forecast.reaches),
        "earliest_hours": hours(forecast.earliest),
        "latest_hours": forecast.latest.map(hours),
        "at": format_minute(forecast.reaches),
        "earliest": format_minute(forecast.earliest),
        "latest": forecast.latest.map(format_minute),
        "level": number(forecast.level),
        "per_day": number(forecast.per_day.abs()),
        "points": forecast.points,
        "since": format_minute(forecast.since),
    })
}

/// The newest days: the smallest number, the mean of the hours, and the largest.
fn days(points: &[Point]) -> Vec<Value> {
    let mut days: BTreeMap<NaiveDate, Vec<&Point>> = BTreeMap::new();
    for point in points {
        days.entry(point.at.date_naive()).or_default().push(point);
    }
    let skipped = days.len().saturating_sub(DAYS_SHOWN);
    let shown = days.iter().skip(skipped).map(|(day, points)| {
        let mean = points.iter().map(|point| point.value.mean).sum::<f64>() / points.len() as f64;
        json!({
            "day": day.to_string(),
            "min": number(points.iter().map(|point| point.value.min).fold(f64::INFINITY, f64::min)),
            "mean": number(mean),
            "max": number(points.iter().map(|point| point.value.max).fold(f64::NEG_INFINITY, f64::max)),
        })
    });
    shown.collect()
}
