//! Uptime Kuma's webhook with the content type JSON.

use crate::alerts::unredacted::{UnreadableAlert, UnredactedAlert, first_of, scalar};
use crate::core::ticket::alert::AlertState;
use serde::Deserialize;
use serde_json::Value;

/// What Uptime Kuma sends. A test, and a note that a certificate expires, have neither a heartbeat nor a monitor.
#[derive(Deserialize)]
struct Message {
    heartbeat: Option<Heartbeat>,
    monitor: Option<Monitor>,
}

#[derive(Deserialize)]
struct Heartbeat {
    /// 0: down, 1: up, 2: pending, 3: maintenance.
    status: u8,
    #[serde(default)]
    msg: Option<String>,
}

#[derive(Deserialize)]
struct Monitor {
    id: u64,
    name: String,
    #[serde(default, rename = "pathName")]
    path_name: Option<String>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    hostname: Option<String>,
    #[serde(default)]
    port: Value,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    #[serde(default)]
    value: Option<String>,
}

pub(super) fn parse(body: &[u8]) -> Result<Vec<UnredactedAlert>, UnreadableAlert> {
    let Message { heartbeat: Some(heartbeat), monitor: Some(monitor) } = serde_json::from_slice(body)? else {
        return Ok(Vec::new());
    };
    let state = match heartbeat.status {
        0 => AlertState::Firing,
        1 => AlertState::Resolved,
        _ => return Ok(Vec::new()),
    };
    // A monitor of the type "ping" has the beginning of an address here.
    let url = monitor.url.as_deref().filter(|url| *url != "https://").unwrap_or_default();
    let title = format!("{} is down", first_of([monitor.name.as_str(), "a monitor"]));
    let alert = UnredactedAlert::new(format!("monitor {}", monitor.id), state, &title)
        .text(heartbeat.msg.as_deref().unwrap_or_default())
        .label("monitor", &monitor.name)
        .label("group", monitor.path_name.as_deref().filter(|path| *path != monitor.name).unwrap_or_default())
        .label("url", url)
        .label("host", monitor.hostname.as_deref().unwrap_or_default())
        .label("port", &scalar(&monitor.port))
        .label("type", monitor.kind.as_deref().unwrap_or_default());
    let tagged = monitor.tags.iter().fold(alert, |alert, tag| {
        // A tag without a value is one by its name.
        let value = tag.value.as_deref().unwrap_or_default();
        alert.label(&tag.name, first_of([value, &tag.name]))
    });
    Ok(vec![tagged])
}
