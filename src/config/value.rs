//! Values of several sections: durations and paths.

#![expect(clippy::disallowed_methods, reason = "finds the home folder")]

use chrono::TimeDelta;
use serde::{Deserialize, Deserializer};
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

/// Deserializes a duration such as `5m`.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|_| serde::de::Error::custom(format!("`{text}` is not a duration; write 30s, 5m or 1h")))
}

/// Deserializes a duration; `never` is `None`.
pub(super) fn duration_or_never<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == "never" {
        return Ok(None);
    }
    let invalid = |_| serde::de::Error::custom(format!("`{text}` is not a duration; write 30m, 4h or never"));
    humantime::parse_duration(&text).map(Some).map_err(invalid)
}

/// Deserializes a duration of a key that may be missing.
pub(super) fn optional_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

/// A duration for calculations with dates. The sections refuse what is too long for one.
pub(super) fn time_delta(length: Duration) -> TimeDelta {
    TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX)
}

/// A length of time of the core as sections hold it. None of them is negative.
pub(super) fn std_duration(length: TimeDelta) -> Duration {
    length.to_std().unwrap_or_default()
}

/// Whether this is the address of a web server.
pub fn is_web_address(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

/// `~/` is the home directory; other relative paths are relative to `base`.
pub(super) fn resolve(path: &Path, base: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => base.join(path),
    }
}
