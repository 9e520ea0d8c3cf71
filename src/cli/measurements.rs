//! `fieldmedic measurements`: what sweeps have measured, as a list and as CSV.

#![expect(clippy::disallowed_methods, reason = "counts back from today")]

use crate::app::settings::LoadedConfig;
use crate::app::{ProbeSetup, open_journal};
use crate::cli::output::ExitStatus;
use crate::console::print;
use crate::core::ids::{NameError, SystemName};
use crate::core::measurement::forecast::LOOK_BACK;
use crate::core::measurement::{Point, SeriesName};
use crate::core::playbook::inventory::System;
use crate::core::text::format::{format_minute, number};
use crate::core::text::suggest::closest_match;
use crate::engine::{series_points, summaries};
use crate::ports::Grain;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use clap::{Args, Subcommand};
use miette::{IntoDiagnostic, Result, miette};
use std::fmt::Write as _;

/// The command line of `fieldmedic measurements`.
#[derive(Debug, Subcommand)]
pub(super) enum Arguments {
    /// List the series of each system, with the newest value and what it runs to.
    List(List),
    /// Print measurements as CSV.
    Export(Export),
}

/// The command line of `fieldmedic measurements list`.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Only this system.
    #[arg(long, value_parser = system_name)]
    system: Option<SystemName>,
}

/// The command line of `fieldmedic measurements export`.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// Only this system.
    #[arg(long, value_parser = system_name)]
    system: Option<SystemName>,
    /// Only this series, such as disk.worst.
    #[arg(long, value_name = "PROBE.FACT")]
    series: Option<SeriesName>,
    /// How far back, such as 7d or 12h.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "7d")]
    since: std::time::Duration,
    /// One line for each sweep. The default is one for each hour, which is kept for longer.
    #[arg(long)]
    sweeps: bool,
}

fn system_name(text: &str) -> Result<SystemName, NameError> {
    SystemName::new(text)
}

/// Lists or prints measurements. No host and no GitHub is contacted.
///
/// # Errors
/// If the configuration does not fit the playbooks, the journal cannot be used, or there is no such system.
pub(super) async fn run(settings: &LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    let setup = ProbeSetup::build(settings)?;
    let journal = open_journal(settings).await?;
    let from = (&*journal, setup.library.as_ref());
    let now = Utc::now();
    let wanted = match &arguments {
        Arguments::List(list) => &list.system,
        Arguments::Export(export) => &export.system,
    };
    let systems = &setup.inventory.systems;
    if let Some(name) = wanted.as_ref().filter(|name| !systems.contains_key(*name)) {
        let hint = closest_match(name.as_str(), systems.keys().map(SystemName::as_str));
        let hint = hint.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
        return Err(miette!("there is no system `{name}` in the configuration{hint}"));
    }
    let systems = systems.values().filter(|system| wanted.as_ref().is_none_or(|name| system.name == *name));
    let mut out = String::new();
    match &arguments {
        Arguments::List(_) => {
            for system in systems {
                let summed = summaries(from, system, [now - LOOK_BACK, now]).await.into_diagnostic()?;
                for (series, summary) in summed {
                    let unit = if series.spec.unit.is_empty() {
                        String::new()
                    } else {
                        format!(" {}", series.spec.unit)
                    };
                    let limit = series.limit.map(|limit| format!(", limit {}{unit}", number(limit.value)));
                    let ahead = summary.forecast.ok().map(|forecast| {
                        format!(
                            ", reached {} (at the earliest {})",
                            format_minute(forecast.reaches),
                            format_minute(forecast.earliest)
                        )
                    });
                    let _ = writeln!(
                        out,
                        "{} {}: {}{unit}{}{}",
                        system.name,
                        series.name,
                        number(summary.newest),
                        limit.unwrap_or_default(),
                        ahead.unwrap_or_default()
                    );
                }
            }
            if out.is_empty() {
                out.push_str("Nothing was measured in the last 14 days. Sweeps measure what `keep_series` of a playbook names.\n");
            }
        }
        Arguments::Export(export) => {
            let grain = if export.sweeps { Grain::Sweep } else { Grain::Hour };
            let length =
                TimeDelta::from_std(export.since).ok().filter(|length| *length <= TimeDelta::days(1100));
            let length = length
                .ok_or_else(|| miette!("--since is too long: nothing is kept for more than 1100 days"))?;
            out.push_str(HEAD);
            for system in systems {
                let period = [now - length, now + TimeDelta::hours(1)];
                let all = series_points(from, system, grain, period).await.into_diagnostic()?;
                for series in
                    all.iter().filter(|series| export.series.as_ref().is_none_or(|name| series.name == *name))
                {
                    for point in &series.points {
                        csv_line(&mut out, system, (&series.name, &series.spec.unit), point);
                    }
                }
            }
        }
    }
    print(out.trim_end());
    Ok(ExitStatus::Done)
}

const HEAD: &str = "time,system,series,unit,count,min,mean,max\n";

fn csv_line(out: &mut String, system: &System, (series, unit): (&SeriesName, &str), point: &Point) {
    let at: DateTime<Utc> = point.at;
    let value = point.value;
    let _ = writeln!(
        out,
        "{},{},{},{},{},{},{},{}",
        at.to_rfc3339_opts(SecondsFormat::Secs, true),
        cell(system.name.as_str()),
        cell(&series.to_string()),
        cell(unit),
        value.count,
        value.min,
        value.mean,
        value.max
    );
}

/// A text as a cell of CSV. A spreadsheet takes what begins with one of some signs for a formula: a quote before it
/// keeps it a text.
fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    match text.contains([',', '"', '\n', '\r', '\'']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_or_ends_its_line() {
        for (text, expect) in [
            ("disk.worst", "disk.worst"),
            ("%", "%"),
            ("", ""),
            ("=1+1", "\"'=1+1\""),
            ("@x", "\"'@x\""),
            ("-x", "\"'-x\""),
            ("+x", "\"'+x\""),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\nb", "\"a\nb\""),
        ] {
            assert_eq!(cell(text), expect);
        }
    }
}
