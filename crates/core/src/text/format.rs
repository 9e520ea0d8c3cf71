//! Short forms of values for people.

use chrono::{DateTime, Utc};

/// `2026-12-24 12:00 UTC`.
pub fn format_minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// The longest start of `text` that is at most `limit` bytes and ends between characters.
pub fn cut_at(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let end = (0..=limit).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// Milliseconds as seconds, to a tenth.
pub fn seconds(ms: u64) -> f64 {
    (ms as f64 / 100.0).round() / 10.0
}
