//! Alerts by the names of their own fields, for whatever can be told what to send: one, or a list.

use crate::alerts::unredacted::{MAX_ALERTS, UnreadableAlert, UnredactedAlert};
use crate::core::ticket::alert::AlertState;
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "an alert with `id`, `status` (`firing` or `resolved`) and `title`, or a list of them"
)]
enum Messages {
    One(Message),
    Many(Vec<Message>),
}

#[derive(Deserialize)]
struct Message {
    id: String,
    status: AlertState,
    title: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    labels: Map<String, Value>,
    #[serde(default)]
    url: String,
}

pub(super) fn parse(body: &[u8]) -> Result<Vec<UnredactedAlert>, UnreadableAlert> {
    let messages = match serde_json::from_slice(body)? {
        Messages::One(message) => vec![message],
        Messages::Many(messages) => messages,
    };
    if messages.iter().any(|message| message.id.is_empty()) {
        return Err(UnreadableAlert::Field("`id` is empty: it tells alerts apart"));
    }
    // One more than is taken, so that the caller knows of it.
    Ok(messages.into_iter().take(MAX_ALERTS + 1).map(alert).collect())
}

fn alert(message: Message) -> UnredactedAlert {
    let Message { id, status, title, text, labels, url } = message;
    UnredactedAlert::new(id, status, &title).text(&text).labels(&labels).label("url", &url)
}
