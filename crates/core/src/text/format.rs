//! Short forms of values for people.

use chrono::{DateTime, Utc};
use std::error::Error;

/// `2026-12-24 12:00 UTC`.
pub fn format_minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// "client error (Connect): tcp connect error: connection refused": an error and what caused it, not only the first of
/// them. What a text holds already is not said again.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
        next = cause.source();
    }
    texts.join(": ")
}

/// A text in one line: every run of white space is one space, and there is none around it.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The longest start of `text` that is at most `limit` bytes and ends between characters.
pub fn cut_at(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let end = (0..=limit).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// The text, or the start of it that [`cut_at`] gives, with a mark that there is more.
pub fn shortened(text: &str, limit: usize) -> String {
    let start = cut_at(text, limit);
    if start.len() < text.len() { format!("{start}…") } else { start.to_owned() }
}

/// The longest start of `text` that is at most `limit` bytes and ends between words. A word that is longer
/// is left out: half of a secret has a shape that nobody knows. For text that is redacted only later.
pub fn cut_between_words(text: &str, limit: usize) -> &str {
    let start = cut_at(text, limit);
    let ends_word =
        text.get(start.len()..).is_none_or(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
    if ends_word {
        return start;
    }
    start.rfind(char::is_whitespace).and_then(|end| start.get(..end)).unwrap_or_default().trim_end()
}

/// A number with as many digits as people read: `1234`, `83.4`, `0.25`.
pub fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 1000.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Milliseconds as seconds, to a tenth.
pub fn seconds(ms: u64) -> f64 {
    (ms as f64 / 100.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (-0.001, "0"),
            (90.0, "90"),
            (83.44, "83.4"),
            (0.254, "0.25"),
            (-3.5, "-3.5"),
            (1234.6, "1235"),
            (1000.0, "1000"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    #[test]
    fn an_error_is_told_with_its_causes_and_nothing_twice() {
        let layer = |text, source: Option<Layer>| Layer { text, source: source.map(Box::new) };
        let refused = layer("connection refused", None);
        let connect = layer("tcp connect: connection refused", Some(refused));
        let client = layer("client error", Some(connect));
        assert_eq!(with_causes(&client), "client error: tcp connect: connection refused");
    }

    #[test]
    fn a_cut_between_words_leaves_no_half_of_one() {
        for (text, limit, expect) in [
            ("one two three", 20, "one two three"),
            ("one two three", 9, "one two"),
            ("one two three", 7, "one two"),
            ("one two three", 3, "one"),
            ("onetwothree", 5, ""),
            ("é é", 3, "é"),
            ("", 3, ""),
        ] {
            assert_eq!(cut_between_words(text, limit), expect, "{text} {limit}");
        }
    }
}
