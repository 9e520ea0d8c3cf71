//! Moments, as people are told them.

use chrono::{DateTime, Utc};

/// `2026-12-24 12:00 UTC`.
pub fn format_minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}
