//! Webhooks of Sentry's integration platform: issue alerts, metric alerts, and the states of issues.

use crate::alerts::unredacted::{UnreadableAlert, UnredactedAlert, first_of, scalar};
use crate::core::ticket::alert::AlertState;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    action: String,
    #[serde(default)]
    data: Value,
}

/// `resource` says what it is about. An alert about an issue and the issue's state are about the same.
pub(super) fn parse(resource: &str, body: &[u8]) -> Result<Vec<UnredactedAlert>, UnreadableAlert> {
    let Message { action, data } = serde_json::from_slice(body)?;
    let of = |path: &str| data.pointer(path).map(scalar).unwrap_or_default();
    let alert = match (resource, action.as_str()) {
        ("event_alert", "triggered") => {
            let title = of("/event/title");
            let alert = issue(&of("/event/issue_id"), AlertState::Firing, &title)?;
            alert
                .text(&of("/event/culprit"))
                .label("rule", &of("/triggered_rule"))
                .label("level", &of("/event/level"))
                .label("environment", &of("/event/environment"))
                .label("url", &of("/event/web_url"))
        }
        ("metric_alert", "critical" | "warning" | "resolved") => {
            let state = if action == "resolved" { AlertState::Resolved } else { AlertState::Firing };
            let (rule, incident) = (of("/metric_alert/alert_rule/id"), of("/metric_alert/id"));
            let id = first_of([rule.as_str(), &incident]);
            if id.is_empty() {
                return Err(UnreadableAlert::Field("the metric alert has no id"));
            }
            let (name, title) = (of("/metric_alert/alert_rule/name"), of("/description_title"));
            let title = first_of([name.as_str(), &title, "a metric alert of Sentry"]);
            UnredactedAlert::new(format!("metric {id}"), state, title)
                .text(&of("/description_text"))
                .label("level", &action)
                .label("url", &of("/web_url"))
        }
        ("issue", "created" | "unresolved" | "resolved" | "archived" | "ignored") => {
            let is_open = matches!(action.as_str(), "created" | "unresolved");
            let state = if is_open { AlertState::Firing } else { AlertState::Resolved };
            let (web_url, permalink) = (of("/issue/web_url"), of("/issue/permalink"));
            issue(&of("/issue/id"), state, &of("/issue/title"))?
                .text(&of("/issue/culprit"))
                .label("project", &of("/issue/project/slug"))
                .label("level", &of("/issue/level"))
                .label("url", first_of([web_url.as_str(), &permalink]))
        }
        // An installation, a comment, an assignment.
        _ => return Ok(Vec::new()),
    };
    Ok(vec![alert])
}

fn issue(id: &str, state: AlertState, title: &str) -> Result<UnredactedAlert, UnreadableAlert> {
    if id.is_empty() {
        return Err(UnreadableAlert::Field("the issue has no id"));
    }
    Ok(UnredactedAlert::new(format!("issue {id}"), state, first_of([title, "an issue of Sentry"])))
}
