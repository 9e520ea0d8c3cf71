//! `fieldmedic report`: the figures of a month, from the journal. `capacity`: whether there is enough of everything.

#![expect(clippy::disallowed_methods, reason = "the month before this one is the default")]

mod capacity;

use crate::app;
use crate::app::settings::LoadedConfig;
use crate::cli::output::ExitStatus;
use crate::cli::report::capacity::capacity;
use crate::console::{print, print_json};
use crate::core::case::Case;
use crate::core::case::event::EventKind;
use crate::core::policy::run_history::CloseStats;
use crate::core::view::figures::{Figures, figures};
use crate::ports::{History, Store};
use crate::render::html;
use crate::render::terminal::{Folded, plain};
use chrono::{DateTime, Months, NaiveDate, Utc};
use clap::{Args, ValueEnum};
use miette::{IntoDiagnostic, Result, miette};
use std::io::IsTerminal;

/// The command line of `fieldmedic report`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The month, in UTC, such as 2026-10 [default: the last one that is over].
    #[arg(long, value_parser = month)]
    month: Option<NaiveDate>,
    /// Instead of the figures: whether there is enough of everything that sweeps measure, over the last two weeks.
    #[arg(long, conflicts_with = "month")]
    capacity: bool,
    /// The format of the report.
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormat,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// Markdown; plain text in a terminal.
    #[default]
    Markdown,
    /// A page that stands alone.
    Html,
    /// The figures as data.
    Json,
}

/// Prints the figures of the cases that were opened in a month.
///
/// # Errors
/// If the journal cannot be used, or holds a case of that month that cannot be read.
pub(super) async fn run(settings: &LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    if arguments.capacity {
        let data = capacity(settings, Utc::now()).await?;
        if arguments.format == ReportFormat::Json {
            print_json(&data)?;
        } else {
            let text = app::prompts(&settings.config)?.fill("capacity.md", data);
            show("Capacity", &text, arguments.format);
        }
        return Ok(ExitStatus::Done);
    }
    let journal = app::open_journal(settings).await?;
    let first = arguments.month.unwrap_or_else(last_month);
    let until = first.checked_add_months(Months::new(1)).unwrap_or(first);
    let period = [first, until].map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc());
    let figures = of_period(&*journal, period, settings.config.report.minutes_per_ticket).await?;
    if arguments.format == ReportFormat::Json {
        print_json(&figures)?;
        return Ok(ExitStatus::Done);
    }
    let title = first.format("%B %Y").to_string();
    let data = serde_json::json!({ "title": title, "figures": figures });
    let text = app::prompts(&settings.config)?.fill("figures.md", data);
    show(&title, &text, arguments.format);
    Ok(ExitStatus::Done)
}

/// Prints a report in Markdown, or as what was asked for.
fn show(title: &str, text: &str, format: ReportFormat) {
    match format {
        ReportFormat::Html => print(&html::page(title, text)),
        _ if std::io::stdout().is_terminal() => print(&plain(text, Folded::Shown)),
        _ => print(text),
    }
}

/// The figures of the cases that were opened in a period. Each case is read, one at a time.
async fn of_period(
    journal: &dyn Store,
    period: [DateTime<Utc>; 2],
    minutes_per_ticket: Option<u32>,
) -> Result<Figures> {
    let [from, until] = period;
    let opened = journal.history(&[EventKind::Opened], from).await.and_then(History::complete);
    let mut cases = Vec::new();
    for (id, record) in opened.into_diagnostic()? {
        if record.at < until {
            let records = journal.load(&id).await.into_diagnostic()?;
            cases.push(Case::fold(&id, &records).into_diagnostic()?);
        }
    }
    let closes = journal.history(&CloseStats::KINDS, from).await.and_then(History::complete);
    let closes = CloseStats::count(&closes.into_diagnostic()?);
    Ok(figures(&cases, period, &closes.false_closes, minutes_per_ticket))
}

fn last_month() -> NaiveDate {
    let today = Utc::now().date_naive();
    let first = chrono::Datelike::with_day(&today, 1).unwrap_or(today);
    first.checked_sub_months(Months::new(1)).unwrap_or(first)
}

fn month(text: &str) -> Result<NaiveDate, miette::Report> {
    NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d")
        .map_err(|_| miette!("`{text}` is not a month: write it as 2026-10"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_read_as_people_write_them() {
        assert_eq!(month("2026-10").unwrap().to_string(), "2026-10-01");
        for text in ["2026", "2026-13", "10-2026", "2026-10-01", ""] {
            assert!(month(text).unwrap_err().to_string().contains("2026-10"), "{text}");
        }
    }
}
