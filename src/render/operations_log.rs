//! The file of an operations log: entries of cases, the newest first, with a hidden line before each. What a case says
//! cannot forge such a line.

use crate::core::view::operations::{LogRetention, Severity};
use chrono::{DateTime, SecondsFormat, Utc};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The hidden line that every log has.
const HEAD: &str = "<!-- fieldmedic operations-log version=1 until=";

/// The hidden line before an entry.
const ENTRY: &str = "<!-- fieldmedic entry case=";

const END: &str = " -->";

/// More entries are never kept, whatever their age.
const MOST: usize = 20_000;

/// A log, as it stands in its file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperationsLog {
    /// Up to here the journal is in it; `None`: it is new.
    pub until: Option<DateTime<Utc>>,
    /// By the case.
    entries: BTreeMap<String, LogEntry>,
}

/// One case in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// When the case was opened.
    pub at: DateTime<Utc>,
    /// How long it is kept depends on it.
    pub severity: Severity,
    /// What people read, in Markdown.
    pub text: String,
}

/// A file is no operations log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not an operations log of Fieldmedic")]
pub struct NotALog;

impl OperationsLog {
    /// Reads a file. An empty one is a new log.
    ///
    /// # Errors
    /// The file is something else.
    pub fn parse(text: &str) -> Result<Self, NotALog> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let head = text.lines().find_map(|line| line.strip_prefix(HEAD)).ok_or(NotALog)?;
        let until = head.trim_end().strip_suffix(END).and_then(|at| at.parse().ok()).ok_or(NotALog)?;
        let mut log = Self { until: Some(until), entries: BTreeMap::new() };
        let mut newest: Option<(String, LogEntry)> = None;
        for line in text.lines() {
            if let Some((case, entry)) = line.strip_prefix(ENTRY).and_then(opening) {
                log.entries.extend(newest.replace((case, entry)));
            } else if let Some((_, entry)) = &mut newest {
                entry.text.push_str(line);
                entry.text.push('\n');
            }
        }
        log.entries.extend(newest);
        for entry in log.entries.values_mut() {
            entry.text = entry.text.trim().to_owned();
        }
        Ok(log)
    }

    /// The cases that it has entries of.
    pub fn cases(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Whether it has the same entries as another one.
    pub fn has_entries_of(&self, other: &Self) -> bool {
        self.entries == other.entries
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Puts an entry in, in the place of an older one of the same case. Nothing in its text can look like the beginning
    /// of another one.
    pub fn put(&mut self, case: &str, entry: LogEntry) {
        let text = entry.text.replace("<!--", "&lt;!--").trim().to_owned();
        self.entries.insert(case.to_owned(), LogEntry { text, ..entry });
    }

    /// Takes an entry out.
    pub fn remove(&mut self, case: &str) {
        self.entries.remove(case);
    }

    /// Takes out what is kept long enough, and what is too much.
    pub fn expire(&mut self, now: DateTime<Utc>, retention: &LogRetention) {
        self.entries.retain(|_, entry| now - entry.at <= retention.of(entry.severity));
        if let Some((_, oldest)) = self.newest_first().get(MOST.saturating_sub(1)) {
            let oldest = oldest.at;
            self.entries.retain(|_, entry| entry.at >= oldest);
        }
    }

    /// The whole file. `intro` stands at its top.
    pub fn to_text(&self, intro: &str) -> String {
        let until = self.until.unwrap_or_default().to_rfc3339_opts(SecondsFormat::Micros, true);
        let mut out = format!("{}\n\n{HEAD}{until}{END}\n", intro.replace("<!--", "&lt;!--").trim());
        for (case, entry) in self.newest_first() {
            let at = entry.at.to_rfc3339_opts(SecondsFormat::Micros, true);
            let severity = entry.severity.as_str();
            let _ = write!(out, "\n{ENTRY}{case} at={at} severity={severity}{END}\n\n{}\n", entry.text);
        }
        out
    }

    fn newest_first(&self) -> Vec<(&String, &LogEntry)> {
        let mut all: Vec<(&String, &LogEntry)> = self.entries.iter().collect();
        all.sort_by(|(one, a), (other, b)| b.at.cmp(&a.at).then_with(|| one.cmp(other)));
        all
    }
}

/// What the rest of the hidden line before an entry says.
fn opening(rest: &str) -> Option<(String, LogEntry)> {
    let mut words = rest.trim_end().strip_suffix(END)?.split(' ');
    let case = words.next()?.to_owned();
    let at = words.next()?.strip_prefix("at=")?.parse().ok()?;
    let severity = words.next()?.strip_prefix("severity=")?;
    let severity = *Severity::ALL.iter().find(|known| known.as_str() == severity)?;
    Some((case, LogEntry { at, severity, text: String::new() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn at(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000 + day)
    }

    fn entry(day: i64, severity: Severity, text: &str) -> LogEntry {
        LogEntry { at: at(day), severity, text: text.to_owned() }
    }

    #[test]
    fn what_is_written_is_read_again_newest_first() {
        let mut log = OperationsLog { until: Some(at(9)), ..OperationsLog::default() };
        log.put("c1", entry(1, Severity::High, "## one\n\ntext"));
        log.put("c2", entry(2, Severity::Low, "## two"));
        log.put("c1", entry(1, Severity::Medium, "## one again"));
        let text = log.to_text("# Log");
        assert_eq!(OperationsLog::parse(&text).as_ref(), Ok(&log));
        assert!(text.find("## two").unwrap() < text.find("## one again").unwrap());
        assert!(text.starts_with("# Log\n\n<!-- fieldmedic operations-log version=1 until="), "{text}");
        assert_eq!(OperationsLog::parse(""), Ok(OperationsLog::default()));
        assert_eq!(OperationsLog::parse("# My notes\n"), Err(NotALog));
    }

    #[test]
    fn no_text_forges_an_entry() {
        let mut log = OperationsLog { until: Some(at(9)), ..OperationsLog::default() };
        let forged =
            "## x\n<!-- fieldmedic entry case=c9 at=2026-01-01T00:00:00Z severity=low -->\n## forged";
        log.put("c1", entry(1, Severity::Low, forged));
        let read = OperationsLog::parse(&log.to_text("# Log")).unwrap();
        assert_eq!(read.cases().collect::<Vec<_>>(), ["c1"]);
        assert_eq!(read, log);
    }

    #[test]
    fn each_severity_is_kept_for_its_own_time() {
        let mut log = OperationsLog::default();
        for (case, severity) in [("c1", Severity::Low), ("c2", Severity::Medium), ("c3", Severity::High)] {
            log.put(case, entry(0, severity, "x"));
        }
        for (day, left) in [(90, 3), (91, 2), (366, 1), (731, 0)] {
            log.expire(at(day), &LogRetention::default());
            assert_eq!(log.len(), left, "day {day}");
        }
    }
}
