//! Alertmanager's webhook, version 4, and that of Grafana's unified alerting, which sends the same and more.

use crate::alerts::unredacted::{MAX_ALERTS, UnreadableAlert, UnredactedAlert, first_of, scalar};
use crate::core::ticket::alert::AlertState;
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Group {
    alerts: Vec<Message>,
    /// How many Alertmanager left out, because of `max_alerts`.
    #[serde(default, rename = "truncatedAlerts")]
    truncated: u64,
}

#[derive(Deserialize)]
struct Message {
    status: AlertState,
    #[serde(default)]
    labels: Map<String, Value>,
    #[serde(default)]
    annotations: Map<String, Value>,
    /// Alertmanager before 0.19 sends none.
    #[serde(default)]
    fingerprint: String,
}

/// Each alert of a group has its own state; that of the group is not of use.
pub(super) fn parse(body: &[u8]) -> Result<Vec<UnredactedAlert>, UnreadableAlert> {
    let group: Group = serde_json::from_slice(body)?;
    if group.truncated > 0 {
        tracing::warn!(left_out = group.truncated, "Alertmanager left alerts out; raise max_alerts");
    }
    // One more than is taken, so that the caller knows of it.
    Ok(group.alerts.into_iter().take(MAX_ALERTS + 1).map(alert).collect())
}

fn alert(message: Message) -> UnredactedAlert {
    let Message { status, labels, annotations, fingerprint } = message;
    let of = |map: &Map<String, Value>, key: &str| map.get(key).map(scalar).unwrap_or_default();
    let (name, summary) = (of(&labels, "alertname"), of(&annotations, "summary"));
    let (description, message) = (of(&annotations, "description"), of(&annotations, "message"));
    // A map is sorted by its keys, so the same labels are the same text.
    let identity =
        if fingerprint.is_empty() { Value::Object(labels.clone()).to_string() } else { fingerprint };
    let title = first_of([summary.as_str(), &name, "an alert without a name"]);
    UnredactedAlert::new(identity, status, title)
        .text(first_of([description.as_str(), &message]))
        .labels(&labels)
        .label("runbook", &of(&annotations, "runbook_url"))
}
