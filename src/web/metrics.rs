//! `GET /metrics`: figures in the Prometheus text format.
//!
//! The format is written here instead of with the crate `prometheus-client`: that one keeps counters of a
//! process, and ours come from the journal at every scrape. What would be left of it is this encoder.

use async_trait::async_trait;
use std::fmt::Write;

/// The version of the text format.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Gives the figures of a process.
#[async_trait]
pub trait MetricSource: Send + Sync {
    /// All figures that can be had now. It takes a few seconds at most.
    async fn collect(&self) -> Vec<Metric>;
}

/// How a figure behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// It only rises, except at a restart.
    Counter,
    /// It rises and falls.
    Gauge,
    /// How often a value fell in each of several classes.
    Histogram,
}

/// A figure with all its samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    name: &'static str,
    help: &'static str,
    kind: MetricKind,
    samples: Vec<Sample>,
}

#[derive(Debug, Clone, PartialEq)]
struct Sample {
    suffix: &'static str,
    labels: Vec<(&'static str, String)>,
    value: f64,
}

/// Labels of a sample: name and value.
pub type Labels<'a> = &'a [(&'static str, &'a str)];

impl Metric {
    /// A figure that has no sample yet. `name` and `help` are constants of ours: `help` is one line.
    pub fn new(kind: MetricKind, name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind, samples: Vec::new() }
    }

    /// Adds a sample. What is no number is left out.
    #[must_use]
    pub fn with(mut self, labels: Labels<'_>, value: f64) -> Self {
        self.push("", labels, value);
        self
    }

    /// Adds the samples of a histogram: how many values were at most each bound (which rise), how many there
    /// were at all, and their sum.
    #[must_use]
    pub fn with_histogram(mut self, labels: Labels<'_>, counts: &[(f64, u64)], all: u64, sum: f64) -> Self {
        let bounds = counts.iter().map(|(bound, count)| (bound.to_string(), *count));
        for (bound, count) in bounds.chain([("+Inf".to_owned(), all)]) {
            let labels: Vec<_> = labels.iter().copied().chain([("le", bound.as_str())]).collect();
            self.push("_bucket", &labels, number(count));
        }
        self.push("_sum", labels, sum);
        self.push("_count", labels, number(all));
        self
    }

    fn push(&mut self, suffix: &'static str, labels: Labels<'_>, value: f64) {
        if value.is_finite() {
            let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            self.samples.push(Sample { suffix, labels, value });
        }
    }
}

/// A count as the format has numbers; beyond 2^53 it is rounded.
#[expect(clippy::cast_precision_loss, reason = "the format knows no other numbers")]
pub fn number(count: u64) -> f64 {
    count as f64
}

/// All figures as text. One without a sample is left out.
pub(super) fn encode(metrics: &[Metric]) -> String {
    let mut text = String::new();
    for Metric { name, help, kind, samples } in metrics.iter().filter(|metric| !metric.samples.is_empty()) {
        let kind = match kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        // Nothing that is written to a string fails.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for Sample { suffix, labels, value } in samples {
            let labels = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value)));
            let labels = labels.collect::<Vec<_>>().join(",");
            let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
            let _ = writeln!(text, "{name}{suffix}{labels} {value}");
        }
    }
    text
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_that_of_the_format() {
        let metrics = [
            Metric::new(MetricKind::Gauge, "a", "Without a sample."),
            Metric::new(MetricKind::Gauge, "b", "One that is no number.").with(&[], f64::NAN).with(&[], -0.5),
            Metric::new(MetricKind::Counter, "c_total", "Labels.")
                .with(&[("x", "a\"b\\c\nd"), ("y", "")], 12_345_678_901.0),
            Metric::new(MetricKind::Histogram, "d_seconds", "Classes.").with_histogram(
                &[("x", "a")],
                &[(0.5, 1), (300.0, 3)],
                4,
                1000.25,
            ),
        ];
        let expect = "# HELP b One that is no number.\n# TYPE b gauge\nb -0.5\n\
            # HELP c_total Labels.\n# TYPE c_total counter\nc_total{x=\"a\\\"b\\\\c\\nd\",y=\"\"} 12345678901\n\
            # HELP d_seconds Classes.\n# TYPE d_seconds histogram\n\
            d_seconds_bucket{x=\"a\",le=\"0.5\"} 1\nd_seconds_bucket{x=\"a\",le=\"300\"} 3\n\
            d_seconds_bucket{x=\"a\",le=\"+Inf\"} 4\nd_seconds_sum{x=\"a\"} 1000.25\nd_seconds_count{x=\"a\"} 4\n";
        assert_eq!(encode(&metrics), expect);
    }
}
