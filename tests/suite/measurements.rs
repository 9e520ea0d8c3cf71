//! Measurements: what sweeps keep, what they run to, and the tickets about that.

use crate::test_agent::{BOT, TestAgent};
use chrono::{DateTime, TimeDelta, Utc};
use fieldmedic::core::ids::SystemName;
use fieldmedic::core::measurement::{Measured, SeriesName};
use fieldmedic::engine::check_systems;
use fieldmedic::ports::{Clock, Grain, MeasurementQuery, MeasurementRow, SweepMeasurements};
use fieldmedic::sandbox::github::Issue;
use insta::assert_snapshot;
use std::collections::BTreeMap;

fn worst() -> SeriesName {
    "disk.worst".parse().expect("a name")
}

fn system(agent: &TestAgent) -> SystemName {
    agent.context().inventory.systems.keys().next().expect("a system").clone()
}

async fn rows(agent: &TestAgent, grain: Grain) -> Vec<MeasurementRow> {
    let query = MeasurementQuery {
        system: system(agent),
        grain,
        from: DateTime::UNIX_EPOCH,
        until: agent.clock().now() + TimeDelta::hours(2),
        limit: 10_000,
    };
    agent.journal().measurements(&query).await.expect("the journal works")
}

/// Hours of a disk that fills up by so much a day and is at `now` now.
async fn disk_fills_up(agent: &TestAgent, hours: i64, now: f64, per_day: f64) {
    for back in (1..=hours).rev() {
        let at: DateTime<Utc> = agent.clock().now() - TimeDelta::hours(back);
        let values = BTreeMap::from([(worst(), now - per_day * back as f64 / 24.0)]);
        let measured = SweepMeasurements { system: system(agent), at, values };
        agent.journal().keep_measurements(&measured).await.expect("the journal works");
    }
}

fn forecasts(agent: &TestAgent) -> Vec<Issue> {
    let tickets = agent.tickets().into_iter();
    tickets
        .filter(|issue| issue.author == BOT && issue.labels.iter().any(|it| it == "medic:forecast"))
        .collect()
}

async fn sweeps(agent: &TestAgent) {
    check_systems(agent.context()).await.expect("it is swept");
}

#[tokio::test]
async fn each_sweep_adds_a_point_and_what_is_unknown_adds_none() {
    let agent = TestAgent::on("disk-full-healthy").build().await;
    sweeps(&agent).await;
    agent.passes(TimeDelta::minutes(15));
    sweeps(&agent).await;
    let measured = rows(&agent, Grain::Sweep).await;
    assert_eq!(measured.len(), 2);
    let value = measured[0].values[&worst()];
    assert!(value.count == 1 && value.mean > 0.0, "{value:?}");
    let hours = rows(&agent, Grain::Hour).await;
    assert_eq!(hours.iter().map(|row| row.values[&worst()].count).sum::<u64>(), 2);
    // A disk of /tmp alone is told apart, so a fact that holds a stand-in is not kept for a number.
    let certificate: SeriesName = "web.certificate_days".parse().expect("a name");
    for row in &measured {
        let days = row.values.get(&certificate);
        assert!(days.is_none_or(|days| days.mean < 1000.0), "{days:?}");
    }
    assert_eq!(forecasts(&agent).len(), 0);
}

#[tokio::test]
async fn a_limit_that_will_be_reached_gets_one_ticket_and_no_change() {
    let agent = TestAgent::on("disk-full-healthy").build().await;
    disk_fills_up(&agent, 300, 88.0, 0.4).await;
    sweeps(&agent).await;
    let opened = forecasts(&agent);
    assert_eq!(opened.len(), 1, "{opened:?}");
    assert_snapshot!(opened[0].title, @"qfieldcloud: disk.worst rises above 90 % in 5 days");
    assert_snapshot!(opened[0].body.as_deref().unwrap_or_default(), @"
    <!-- fieldmedic forecast system=qfieldcloud series=disk.worst -->
    @ops-lead: `disk.worst` on `qfieldcloud` is expected to rise above **90 %** in **5 days**, on 2026-09-26 13:59 UTC. Nothing is broken yet, and I change nothing because of a forecast.

    | | |
    |---|---|
    | now | 88 % |
    | change in a day | +0.4 % |
    | at the earliest | 2026-09-26 13:59 UTC |
    | at the latest | 2026-09-26 13:59 UTC |
    | it rests on | 301 hours with measurements, since 2026-09-09 02:00 UTC |

    The days before:

    | day | smallest | mean | largest |
    |---|---|---|---|
    | 2026-09-15 | 85.4 | 85.6 | 85.8 |
    | 2026-09-16 | 85.8 | 86 | 86.2 |
    | 2026-09-17 | 86.2 | 86.4 | 86.5 |
    | 2026-09-18 | 86.6 | 86.8 | 87 |
    | 2026-09-19 | 87 | 87.2 | 87.3 |
    | 2026-09-20 | 87.4 | 87.6 | 87.8 |
    | 2026-09-21 | 87.8 | 87.9 | 88 |

    The trend is the median of the slopes between all hours, so that a few wild values do not move it. It is said only if it is large beside what scatters around it. It knows nothing of what people plan.

    A comment below tells once a day what is new. Close this ticket when something was done about it. I open no other one about this series while it is open, and none within seven days after it was closed.
    ");
    assert_eq!(opened[0].assignees, ["ops-lead"]);

    // It is the same hour, and then the same day.
    sweeps(&agent).await;
    agent.passes(TimeDelta::hours(2));
    sweeps(&agent).await;
    assert_eq!(forecasts(&agent).len(), 1);
    assert_eq!(opened[0].comments.len(), 0);
    assert_eq!(agent.changes(), 0);

    // A day later there is news.
    agent.passes(TimeDelta::hours(23));
    sweeps(&agent).await;
    let ticket =
        fieldmedic::core::ticket::TicketId { repo: agent.ticket().repo.clone(), number: opened[0].number };
    let news = agent.comments_on(&ticket, "forecast");
    assert_eq!(news.len(), 1);
    assert_snapshot!(news[0], @"
    <!-- fieldmedic kind=forecast -->
    As of 2026-09-22 15:13 UTC, `disk.worst` on `qfieldcloud` is at 88 %.

    It is expected to rise above 90 % in 4 days, on 2026-09-26 13:59 UTC (between 2026-09-26 13:59 UTC and 2026-09-26 13:59 UTC).
    ");

    // Who closes it hears no more of it for a week.
    agent.github().close(&ticket, "ops-lead", "completed").expect("GitHub closes it");
    agent.passes(TimeDelta::hours(2));
    sweeps(&agent).await;
    assert_eq!(forecasts(&agent).iter().filter(|issue| !issue.is_closed()).count(), 0);
    agent.passes(TimeDelta::days(8));
    disk_fills_up(&agent, 150, 88.0, 0.4).await;
    sweeps(&agent).await;
    assert_eq!(forecasts(&agent).iter().filter(|issue| !issue.is_closed()).count(), 1);
}

#[tokio::test]
async fn what_is_far_ahead_gets_no_ticket() {
    let agent = TestAgent::on("disk-full-healthy").build().await;
    disk_fills_up(&agent, 300, 88.0, 0.05).await;
    sweeps(&agent).await;
    assert_eq!(forecasts(&agent).len(), 0, "the limit is a month ahead");
}

#[tokio::test]
async fn where_nobody_wants_warnings_no_ticket_is_opened() {
    let mut agent = TestAgent::on("disk-full-healthy").build().await;
    agent.context_mut().measurements.warn_within = None;
    disk_fills_up(&agent, 300, 88.0, 0.4).await;
    sweeps(&agent).await;
    assert_eq!(forecasts(&agent).len(), 0);
}

#[tokio::test]
async fn what_is_kept_long_enough_goes() {
    let agent = TestAgent::on("disk-full-healthy").build().await;
    disk_fills_up(&agent, 24 * 100, 50.0, 0.0).await;
    sweeps(&agent).await;
    let policy = agent.context().measurements;
    let now = agent.clock().now();
    let (sweeps, hours) = (rows(&agent, Grain::Sweep).await, rows(&agent, Grain::Hour).await);
    assert!(sweeps[0].at >= now - policy.sweeps_for && hours[0].at >= now - policy.hours_for);
    assert!(sweeps.len() >= 3 * 24 && hours.len() >= 89 * 24);
    let one = hours[5].values[&worst()];
    assert_eq!(one, Measured { count: 1, min: 50.0, max: 50.0, mean: 50.0 });
}
