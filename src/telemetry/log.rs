//! The subscriber: which records are written, where and in which format.

#![expect(clippy::disallowed_methods, reason = "stamps log lines with the time of this machine")]

use crate::console;
use crate::telemetry::announce;
use crate::telemetry::record::{LogRecord, RecordLayer};
use crate::telemetry::systemd_journal::SystemdJournal;
use chrono::{SecondsFormat, Utc};
use clap::ValueEnum;
use miette::Diagnostic;
use std::io;
use std::io::{IsTerminal, Write};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

/// The format of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people on stderr: timestamp, level, spans, message. Colours in a terminal only.
    #[default]
    Text,
    /// One JSON object a line on stderr, with the fields of the spans at its top.
    Json,
    /// Entries of the systemd journal, with the fields of the spans.
    Journald,
}

/// How the process logs.
#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    /// The format, and with it the destination.
    pub format: LogFormat,
    /// A level, or a filter such as `fieldmedic=debug,russh=info`. `None` goes by `verbose`.
    pub level: Option<String>,
    /// How often `--verbose` was given.
    pub verbose: u8,
    /// The process is a daemon: without a terminal its log says what it does, not only what goes wrong.
    pub daemon: bool,
}

/// Why the log cannot be started. Both are permanent: the command line has to change.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum LogError {
    /// The text is neither a level nor a filter: the text, and why.
    #[error("`{0}` is not a log level: {1}")]
    #[diagnostic(help(
        "write error, warn, info, debug, trace or off, or a filter such as fieldmedic=debug,russh=info"
    ))]
    Level(String, String),
    /// No systemd-journald can be reached.
    #[error("the systemd journal cannot be used: {0}")]
    #[diagnostic(help("systemd-journald does not run here: use --log-format text or json"))]
    Journald(io::Error),
}

/// Starts the log. A panic is written there too.
///
/// # Errors
/// [`LogError`] if the level is none, or there is no systemd journal.
pub fn start(options: &LogOptions) -> Result<(), LogError> {
    let is_terminal = io::stderr().is_terminal();
    let filter = filter(options, is_terminal)?;
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match options.format {
        LogFormat::Text => Box::new(
            tracing_subscriber::fmt::layer()
                .with_writer(|| console::LogWriter)
                .with_ansi(is_terminal)
                .with_target(false)
                // Nobody can be told that stderr is gone, and to try would end the task that logs.
                .log_internal_errors(false),
        ),
        LogFormat::Json => Box::new(RecordLayer::new(write_json)),
        LogFormat::Journald => {
            let journal = SystemdJournal::connect().map_err(LogError::Journald)?;
            Box::new(RecordLayer::new(move |record| journal.write(&record)))
        }
    };
    announce::set_to_log(options.format != LogFormat::Text || options.daemon && !is_terminal);
    // A second start in one process, as tests do it, keeps the first log.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
    std::panic::set_hook(Box::new(|panic| announce::panicked(&panic.to_string())));
    Ok(())
}

fn filter(options: &LogOptions, is_terminal: bool) -> Result<EnvFilter, LogError> {
    let directives = match (&options.level, options.verbose) {
        // A level alone is about this program. Its libraries say what goes wrong.
        (Some(level), _) if level.parse::<LevelFilter>().is_ok() => match level.as_str() {
            "off" => "off".to_owned(),
            level => format!("warn,fieldmedic={level}"),
        },
        // A single word would be taken for the name of a library, and nothing would be logged.
        (Some(word), _) if !word.contains(['=', ',', '[']) => {
            return Err(LogError::Level(word.clone(), "it is neither a level nor a filter".into()));
        }
        (Some(filter), _) => filter.clone(),
        // In a terminal the progress of cases is shown line by line, and is not logged as well.
        (None, 0) if options.daemon && (!is_terminal || options.format != LogFormat::Text) => {
            "fieldmedic=info".to_owned()
        }
        (None, 0) => "fieldmedic=warn".to_owned(),
        (None, 1) => "fieldmedic=info".to_owned(),
        (None, _) => "debug".to_owned(),
    };
    EnvFilter::try_new(&directives).map_err(|error| LogError::Level(directives, error.to_string()))
}

fn write_json(record: LogRecord) {
    let timestamp = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
    let line = console::in_ascii(&record.to_json(&timestamp).to_string());
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_logged() {
        let options = |level: Option<&str>, verbose, daemon| LogOptions {
            level: level.map(str::to_owned),
            verbose,
            daemon,
            ..LogOptions::default()
        };
        for (options, is_terminal, expect) in [
            (options(None, 0, false), false, "fieldmedic=warn"),
            (options(None, 0, true), true, "fieldmedic=warn"),
            (options(None, 0, true), false, "fieldmedic=info"),
            (options(None, 1, true), true, "fieldmedic=info"),
            (options(None, 2, false), true, "debug"),
            (options(Some("debug"), 0, true), false, "fieldmedic=debug,warn"),
            (options(Some("off"), 2, true), false, "off"),
            (options(Some("russh=info"), 2, true), false, "russh=info"),
        ] {
            let filter = filter(&options, is_terminal).expect("a filter");
            assert_eq!(filter.to_string(), expect, "{options:?}");
        }
        for wrong in ["fieldmedic=loud", "loud"] {
            let error = filter(&options(Some(wrong), 0, true), false).expect_err("no level").to_string();
            assert!(error.starts_with(&format!("`{wrong}` is not a log level")), "{error}");
        }
    }
}
