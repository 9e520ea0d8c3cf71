//! Healthchecks' webhook. Its body is what its owner writes: the one of `docs/OPERATIONS.md`, or `$JSON` alone.

use crate::alerts::unredacted::{UnreadableAlert, UnredactedAlert, first_of};
use crate::core::ticket::alert::AlertState;
use serde::Deserialize;

#[derive(Deserialize)]
struct Message {
    #[serde(default, alias = "uuid", alias = "unique_key")]
    code: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    slug: String,
    status: String,
    #[serde(default)]
    tags: String,
    #[serde(default)]
    desc: String,
}

pub(super) fn parse(body: &[u8]) -> Result<Vec<UnredactedAlert>, UnreadableAlert> {
    let Message { code, name, slug, status, tags, desc } = serde_json::from_slice(body)?;
    let state = match status.as_str() {
        "down" => AlertState::Firing,
        "up" => AlertState::Resolved,
        "grace" | "new" | "paused" | "started" => return Ok(Vec::new()),
        _ => return Err(UnreadableAlert::Field("`status` is not `down` or `up`: send $STATUS")),
    };
    if code.is_empty() {
        return Err(UnreadableAlert::Field("`code` is missing: send $CODE, which tells checks apart"));
    }
    let title = format!("{} has not reported in time", first_of([name.as_str(), &slug, "a check"]));
    let alert = UnredactedAlert::new(format!("check {code}"), state, &title)
        .text(&desc)
        .label("check", &name)
        .label("slug", &slug);
    Ok(vec![tags.split_whitespace().fold(alert, |alert, tag| alert.label("tag", tag))])
}
