//! Evidence: what the probes of one look returned, and the facts read from it.

use crate::expr::{FactValue, Scope};
use crate::ids::{FactName, HostName, ParamName, ProbeName};
use crate::playbook::Probe;
use crate::playbook::parse::select_rows;
pub use crate::text::format::cut_at;
use crate::text::pattern::Pattern;
use crate::text::redact::{Redacted, Redactor};
use crate::text::sanitize::visible;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// How a command ended, as far as the host said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Exit {
    /// The exit code of the process.
    Code(i32),
    /// Killed by a signal, named without `SIG`.
    Signal(String),
    /// The channel closed with neither a code nor a signal: nobody knows how it ended.
    Unknown,
}

impl Exit {
    /// Whether the exit code is 0.
    pub fn is_success(&self) -> bool {
        *self == Exit::Code(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exit {code}"),
            Exit::Signal(name) => write!(f, "killed by {name}"),
            Exit::Unknown => write!(f, "ended without saying how"),
        }
    }
}

/// One stream of a command, as it came from the host: capped, not yet redacted.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct RawOutput {
    /// At most the cap's number of bytes.
    pub kept: Vec<u8>,
    /// Length of the whole stream, in bytes.
    pub length: u64,
    /// SHA-256 of the whole stream, in hex.
    pub sha256: String,
}

impl RawOutput {
    /// The text, without the line in which the cap ended it: what is left of a secret that is cut in half
    /// has a shape that nobody knows.
    fn whole_lines(&self) -> Cow<'_, str> {
        let is_cut = (self.kept.len() as u64) < self.length;
        let end = if is_cut {
            self.kept.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
        } else {
            self.kept.len()
        };
        String::from_utf8_lossy(self.kept.get(..end).unwrap_or_default())
    }
}

/// What a host returned for one command, not yet redacted. It has no `Debug`, so that it cannot slip
/// into a log.
#[derive(Clone, PartialEq, Eq)]
pub struct RawObservation {
    /// How the command ended.
    pub exit: Exit,
    /// Its standard output.
    pub stdout: RawOutput,
    /// Its standard error.
    pub stderr: RawOutput,
    /// From the request to the end of the command, in milliseconds.
    pub took_ms: u64,
}

/// One stream of a command, as it is kept and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The text without hidden characters and carriage returns, cut at [`Output::KEPT`] bytes.
    pub text: Redacted,
    /// Length of the whole stream, in bytes.
    pub length: u64,
    /// SHA-256 of the whole stream as the host sent it, in hex.
    pub sha256: String,
    /// The kept text is shorter than the stream.
    pub cut: bool,
    /// The stream was not UTF-8, or held NUL characters.
    pub binary: bool,
}

impl Output {
    /// What the journal keeps of a stream, in bytes.
    pub const KEPT: usize = 16 * 1024;

    fn new(raw: &RawOutput, redactor: &Redactor) -> Self {
        let text = raw.whole_lines();
        let binary = text.contains('\u{FFFD}') || text.contains('\0');
        let printable = visible(&text).replace('\r', "");
        // Redact before cutting: a cut could split a secret into a shape nobody knows.
        let redacted = redactor.text(&printable);
        let kept = cut_at(redacted.as_str(), Self::KEPT);
        let cut = kept.len() < redacted.as_str().len() || (raw.kept.len() as u64) < raw.length;
        let text = redactor.text(kept);
        Self { text, length: raw.length, sha256: raw.sha256.clone(), cut, binary }
    }
}

/// What one command returned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// How the command ended.
    pub exit: Exit,
    /// Its standard output.
    pub stdout: Output,
    /// Its standard error.
    pub stderr: Output,
    /// From the request to the end of the command, in milliseconds.
    pub took_ms: u64,
}

impl Observation {
    /// Redacts and cuts what a host returned.
    pub fn new(raw: &RawObservation, redactor: &Redactor) -> Self {
        Self {
            exit: raw.exit.clone(),
            stdout: Output::new(&raw.stdout, redactor),
            stderr: Output::new(&raw.stderr, redactor),
            took_ms: raw.took_ms,
        }
    }

    /// What expressions over a change's output can see: `exit`, `text` and `stderr`.
    pub fn scope(&self) -> Scope {
        let mut scope = Scope::default();
        let exit = match self.exit {
            Exit::Code(code) => Ok(json!(code)),
            ref other => Err(other.to_string()),
        };
        scope.set("exit", exit);
        scope.set("text", Ok(json!(self.stdout.text.as_str().trim())));
        scope.set("stderr", Ok(json!(self.stderr.text.as_str().trim())));
        scope
    }

    /// The last line that says something, from stderr if there is one.
    pub fn last_line(&self) -> &str {
        let last = |output: &Output| -> usize { output.text.as_str().trim_end().len() };
        let stream = if last(&self.stderr) > 0 { &self.stderr } else { &self.stdout };
        let text = stream.text.as_str().trim_end();
        cut_at(text.rsplit('\n').next().unwrap_or(text).trim(), 300)
    }
}

/// What became of one probe in one look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeResult {
    /// `None`: the system has no host in the probe's role.
    pub host: Option<HostName>,
    /// The command, as a person may repeat it; empty if it could not be rendered.
    pub command: Redacted,
    /// How far the probe came, and what it returned.
    pub status: ProbeStatus,
}

/// How far one probe came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeStatus {
    /// The command ended, whatever its exit code.
    Completed(Observation),
    /// The host could not be reached or asked.
    Unreachable(Redacted),
    /// The command did not end in time, or the connection broke while it ran.
    Interrupted(Redacted),
    /// It was not run: something that it needs is unknown.
    Skipped(Redacted),
}

impl ProbeResult {
    /// Whether the host said something that passes by itself, such as that a database is starting.
    pub fn is_transient(&self, patterns: &[Pattern]) -> bool {
        let says = |text: &str| patterns.iter().any(|pattern| pattern.is_match(text));
        match &self.status {
            // A program may say it on either stream.
            ProbeStatus::Completed(seen) => {
                says(seen.stderr.text.as_str()) || says(seen.stdout.text.as_str())
            }
            ProbeStatus::Unreachable(why) | ProbeStatus::Interrupted(why) => says(why.as_str()),
            ProbeStatus::Skipped(_) => false,
        }
    }
}

/// A fact of one look: its value, or why it is unknown.
pub type FactTable = BTreeMap<ProbeName, BTreeMap<FactName, Result<Value, String>>>;

/// Everything one look returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Evidence {
    /// When the newest look was complete.
    pub at: DateTime<Utc>,
    /// The whole look, in milliseconds.
    pub took_ms: u64,
    /// Opening the connections, in milliseconds; 0 where they were open.
    pub connect_ms: u64,
    /// The newest result of each probe.
    pub probes: BTreeMap<ProbeName, ProbeResult>,
    /// The facts of the same probes.
    pub facts: FactTable,
}

impl Evidence {
    /// What conditions can see: the facts as namespaces, the parameters as names.
    pub fn scope(&self, params: &BTreeMap<String, Value>) -> Scope {
        let mut scope = Scope::default();
        for (name, value) in params {
            scope.set(name, Ok(value.clone()));
        }
        for (probe, facts) in &self.facts {
            let facts = facts.iter().map(|(name, known)| (name.to_string(), known.clone())).collect();
            scope.set_namespace(probe.as_str(), facts);
        }
        scope
    }

    /// Newer sights over older ones. The facts that were not looked at again stay.
    pub fn update(&mut self, newer: Evidence) {
        self.at = newer.at;
        self.probes.extend(newer.probes);
        self.facts.extend(newer.facts);
    }

    /// Every host that was asked could not be reached. False if none was asked.
    pub fn nothing_reached(&self) -> bool {
        !self.probes.is_empty()
            && self
                .probes
                .values()
                .all(|sight| !matches!(sight.status, ProbeStatus::Completed(_) | ProbeStatus::Interrupted(_)))
            && self.probes.values().any(|sight| matches!(sight.status, ProbeStatus::Unreachable(_)))
    }
}

/// Reads a probe's facts from what the host returned. Each fact is a value of its declared type, or
/// the reason why it is unknown.
pub fn read_facts(
    probe: &Probe,
    raw: &RawObservation,
    redactor: &Redactor,
    mut scope: Scope,
) -> BTreeMap<FactName, FactValue> {
    let all_unknown = |reason: String| -> BTreeMap<FactName, FactValue> {
        probe.facts.iter().map(|fact| (fact.name.clone(), Err(reason.clone()))).collect()
    };
    // Before the output, which has names of its own, becomes part of the scope.
    let bounds = probe.facts.iter().filter_map(|fact| fact.below.as_ref());
    let directories: BTreeMap<&ParamName, Value> =
        bounds.filter_map(|param| Some((param, scope.get(param.as_str()).ok()?))).collect();
    let Exit::Code(code) = raw.exit else {
        return all_unknown(format!("the command {}", raw.exit));
    };
    if !probe.ok_exits.contains(&code) {
        let said = Observation::new(raw, redactor);
        return all_unknown(format!("exit {code}: {}", said.last_line()));
    }
    if (raw.stdout.kept.len() as u64) < raw.stdout.length {
        return all_unknown(format!("the output of {} bytes is too long to read", raw.stdout.length));
    }
    let Ok(text) = std::str::from_utf8(&raw.stdout.kept) else {
        return all_unknown("the output is not text".into());
    };
    // As a whole, before it is taken apart: one line of a key is not known for a secret by itself.
    let text = redactor.text(text);
    let stderr = redactor.text(&raw.stderr.whole_lines());
    scope.set("exit", Ok(json!(code)));
    scope.set("stderr", Ok(json!(stderr.as_str().trim())));
    if let Err(problem) = probe.parser.parse(text.as_str(), &mut scope) {
        return all_unknown(redactor.text(&problem).as_str().to_owned());
    }
    if let Err(problem) = select_rows(&mut scope, &probe.row_defaults, probe.row_if.as_ref()) {
        return all_unknown(redactor.text(&problem).as_str().to_owned());
    }
    if let Some(error) = &probe.error {
        match error.value(&scope) {
            Ok(Value::String(said)) if said.trim().is_empty() => {}
            Ok(said) => {
                let said = said.as_str().map_or_else(|| said.to_string(), str::to_owned);
                return all_unknown(redactor.text(&said).as_str().to_owned());
            }
            Err(reason) => return all_unknown(redactor.text(&reason).as_str().to_owned()),
        }
    }
    probe
        .facts
        .iter()
        .map(|fact| {
            let known = fact.value.value(&scope);
            let known = known.and_then(|value| fact.check(value, |param| directories.get(param).cloned()));
            let known = match known {
                Ok(value) => Ok(redactor.value(value)),
                Err(reason) => Err(redactor.text(&reason).as_str().to_owned()),
            };
            (fact.name.clone(), known)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(kept: &str, length: u64) -> Output {
        let raw = RawOutput { kept: kept.into(), length, sha256: String::new() };
        Output::new(&raw, &Redactor::default())
    }

    /// What the cap left of a secret has a shape that nobody knows: the line in which it ends is dropped.
    #[test]
    fn the_line_in_which_a_cap_ends_the_output_is_not_kept() {
        let secret = format!("ghp_{}", "a1B2".repeat(9));
        for cut in 1..secret.len() {
            let kept = format!("first\nlast {}", secret.get(..cut).unwrap_or_default());
            let seen = output(&kept, 5000);
            assert_eq!((seen.text.as_str(), seen.cut), ("first\n", true));
        }
        assert_eq!(output("one long line", 5000).text.as_str(), "");
        assert_eq!(output("whole", 5).text.as_str(), "whole");
    }

    /// A key that is longer than what is kept is hidden as a whole before it is cut.
    #[test]
    fn what_is_cut_was_redacted_first() {
        let line = format!("{}\n", "Ab3dE5gH7jK9mN1p".repeat(4));
        let key = format!("-----BEGIN PRIVATE KEY-----\n{}-----END PRIVATE KEY-----\n", line.repeat(60));
        let filler = "x y\n".repeat((Output::KEPT - 1000) / 4);
        let text = format!("{filler}{key}{}", "x y\n".repeat(1000));
        let seen = output(&text, text.len() as u64);
        assert!(!seen.text.as_str().contains("Ab3dE5gH7jK9") && seen.text.as_str().contains("[redacted]"));
    }
}
