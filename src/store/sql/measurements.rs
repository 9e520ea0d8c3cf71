//! Measurements: a row for each sweep of a system, and one for each of its hours.

use crate::core::measurement::{Measured, SeriesName};
use crate::ports::{Grain, MEASUREMENTS_PURGED_AT_ONCE, MeasurementQuery, MeasurementRow, SweepMeasurements};
use crate::store::error::{StoreError, unreadable};
use crate::store::sql::connection::Value::{Integer, Moment, Text};
use crate::store::sql::connection::{Connection, Row};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The form of a body that this version writes.
const FORM: u32 = 1;

/// What a row holds, as it is stored.
#[derive(Serialize, Deserialize)]
struct Body {
    form: u32,
    /// The name of a series to its numbers: how many, the smallest, the largest and their mean. One number stands alone.
    values: BTreeMap<String, Stored>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    One(f64),
    Many(u64, f64, f64, f64),
}

impl From<&Measured> for Stored {
    fn from(value: &Measured) -> Self {
        match value.count {
            1 => Stored::One(value.mean),
            count => Stored::Many(count, value.min, value.max, value.mean),
        }
    }
}

impl From<Stored> for Measured {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::One(value) => Measured::one(value),
            Stored::Many(count, min, max, mean) => Measured { count, min, max, mean },
        }
    }
}

fn write(values: &BTreeMap<SeriesName, Measured>) -> Result<String, StoreError> {
    let values = values.iter().map(|(name, value)| (name.to_string(), value.into())).collect();
    serde_json::to_string(&Body { form: FORM, values })
        .map_err(|error| unreadable(format!("measurements: {error}")))
}

/// `None`: another version has written it.
fn read(body: &str) -> Option<BTreeMap<SeriesName, Measured>> {
    let body: Body = serde_json::from_str(body).ok()?;
    let named = |(name, value): (String, Stored)| Some((name.parse().ok()?, value.into()));
    (body.form == FORM).then(|| body.values.into_iter().filter_map(named).collect())
}

/// The minute or the hour in which a moment lies.
fn begin_of(at: DateTime<Utc>, length: TimeDelta) -> DateTime<Utc> {
    at.duration_trunc(length).unwrap_or(at)
}

/// Keeps what a sweep has measured. The caller commits.
pub(in crate::store) async fn keep<C: Connection>(
    tx: &mut C,
    measured: &SweepMeasurements,
) -> Result<(), StoreError> {
    let system = measured.system.as_str();
    // Two sweeps at once would both add to what the hour had before.
    tx.lock(&format!("measurements {system}")).await?;
    let minute = begin_of(measured.at, TimeDelta::minutes(1));
    let hour = begin_of(measured.at, TimeDelta::hours(1));
    let one = measured.values.iter().map(|(name, value)| (name.clone(), Measured::one(*value))).collect();
    tx.execute(
        "INSERT INTO measurement (system, at, body) VALUES ($1, $2, $3) \
         ON CONFLICT (system, at) DO UPDATE SET body = excluded.body",
        &[Text(system), Moment(minute), Text(&write(&one)?)],
    )
    .await?;
    let known = tx
        .fetch_optional(
            "SELECT body FROM measurement_hour WHERE system = $1 AND at = $2",
            &[Text(system), Moment(hour)],
        )
        .await?;
    let known = known.map(|row| row.text("body")).transpose()?;
    let mut values = known.and_then(|body| read(&body)).unwrap_or_default();
    for (name, value) in &measured.values {
        let known = values.get(name).copied();
        values.insert(name.clone(), known.map_or(Measured::one(*value), |known| known.and(*value)));
    }
    tx.execute(
        "INSERT INTO measurement_hour (system, at, body) VALUES ($1, $2, $3) \
         ON CONFLICT (system, at) DO UPDATE SET body = excluded.body",
        &[Text(system), Moment(hour), Text(&write(&values)?)],
    )
    .await?;
    Ok(())
}

/// What is kept of a system, in order of time.
pub(in crate::store) async fn find<C: Connection>(
    tx: &mut C,
    query: &MeasurementQuery,
) -> Result<Vec<MeasurementRow>, StoreError> {
    let statement = match query.grain {
        Grain::Sweep => {
            "SELECT at, body FROM measurement WHERE system = $1 AND at >= $2 AND at < $3 \
             ORDER BY at DESC LIMIT $4"
        }
        Grain::Hour => {
            "SELECT at, body FROM measurement_hour WHERE system = $1 AND at >= $2 AND at < $3 \
             ORDER BY at DESC LIMIT $4"
        }
    };
    let values = [
        Text(query.system.as_str()),
        Moment(query.from),
        Moment(query.until),
        Integer(i64::from(query.limit)),
    ];
    let rows = tx.fetch_all(statement, &values).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows.iter().rev() {
        let at = row.moment("at")?;
        found.extend(read(&row.text("body")?).map(|values| MeasurementRow { at, values }));
    }
    Ok(found)
}

/// Removes what is too old. The caller commits.
pub(in crate::store) async fn purge<C: Connection>(
    tx: &mut C,
    sweeps_before: DateTime<Utc>,
    hours_before: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let most = Integer(i64::from(MEASUREMENTS_PURGED_AT_ONCE));
    let sweeps = "DELETE FROM measurement WHERE (system, at) IN \
         (SELECT system, at FROM measurement WHERE at < $1 ORDER BY at LIMIT $2)";
    let hours = "DELETE FROM measurement_hour WHERE (system, at) IN \
         (SELECT system, at FROM measurement_hour WHERE at < $1 ORDER BY at LIMIT $2)";
    let removed = tx.execute(sweeps, &[Moment(sweeps_before), most]).await?;
    Ok(removed + tx.execute(hours, &[Moment(hours_before), most]).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_version_has_written_is_left_out() {
        let values: BTreeMap<SeriesName, Measured> =
            BTreeMap::from([("disk.worst".parse().unwrap(), Measured::one(3.0).and(5.0))]);
        let written = write(&values).unwrap();
        assert_eq!(written, r#"{"form":1,"values":{"disk.worst":[2,3.0,5.0,4.0]}}"#);
        assert_eq!(read(&written), Some(values));
        assert_eq!(
            read(r#"{"form":1,"values":{"a.b":7}}"#).unwrap().into_values().next(),
            Some(Measured::one(7.0))
        );
        assert_eq!(read(&written.replace("\"form\":1", "\"form\":2")), None);
        assert_eq!(read("{}"), None);
    }

    #[test]
    fn minutes_and_hours_begin_at_their_beginning() {
        let at: DateTime<Utc> = "2026-03-01T08:59:59.9Z".parse().unwrap();
        assert_eq!(begin_of(at, TimeDelta::minutes(1)).to_rfc3339(), "2026-03-01T08:59:00+00:00");
        assert_eq!(begin_of(at, TimeDelta::hours(1)).to_rfc3339(), "2026-03-01T08:00:00+00:00");
    }
}
