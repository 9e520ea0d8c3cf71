//! Gatus' custom provider. Its body is what its owner writes: the one of `docs/OPERATIONS.md`.

use crate::alerts::unredacted::{UnreadableAlert, UnredactedAlert, first_of};
use crate::core::ticket::alert::AlertState;
use serde::Deserialize;

#[derive(Deserialize)]
struct Message {
    name: String,
    #[serde(default)]
    group: String,
    #[serde(default)]
    url: String,
    /// What stands in the place of `[ALERT_TRIGGERED_OR_RESOLVED]`.
    status: String,
    #[serde(default)]
    description: String,
    /// `[RESULT_ERRORS]`, which newer versions have.
    #[serde(default)]
    errors: String,
}

pub(super) fn parse(body: &[u8]) -> Result<Vec<UnredactedAlert>, UnreadableAlert> {
    let Message { name, group, url, status, description, errors } = serde_json::from_slice(body)?;
    let state = match status.as_str() {
        "TRIGGERED" => AlertState::Firing,
        "RESOLVED" => AlertState::Resolved,
        _ => {
            let why = "`status` is not TRIGGERED or RESOLVED: send [ALERT_TRIGGERED_OR_RESOLVED]";
            return Err(UnreadableAlert::Field(why));
        }
    };
    if name.trim().is_empty() {
        return Err(UnreadableAlert::Field("`name` is empty: send [ENDPOINT_NAME]"));
    }
    let title = first_of([description.as_str(), &format!("{name} is unhealthy")]).to_owned();
    // The key of an endpoint is its group and its name.
    let alert = UnredactedAlert::new(format!("endpoint {group}/{name}"), state, &title).text(&errors);
    Ok(vec![alert.label("endpoint", &name).label("group", &group).label("url", &url)])
}
