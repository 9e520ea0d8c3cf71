//! Microsoft Teams: a webhook of Workflows, which takes a message with an Adaptive Card.
//!
//! <https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook>,
//! <https://adaptivecards.io/explorer/RichTextBlock.html>

use crate::notices::layout::{line, page};
use crate::notices::post::Post;
use crate::ports::{ChannelCheck, Message, MessageEntry, NoticeChannel, SendError};
use async_trait::async_trait;
use http::Method;
use serde_json::{Map, Value, json};
use url::Url;

/// Teams takes messages of 28 KB. Each entry has a few hundred bytes of its own.
const MOST_ENTRIES: usize = 12;

/// A workflow. Its address is its secret.
pub struct Teams {
    post: Post,
    url: Url,
}

impl Teams {
    /// A channel behind this address.
    pub fn new(post: Post, url: Url) -> Self {
        Self { post, url }
    }
}

/// Text that shows as it is: a `TextRun` knows no Markdown, unlike a `TextBlock`. It only knows `{{DATE(…)}}`.
fn run(text: &str) -> Value {
    run_with(text, None)
}

/// The same with a further property.
fn run_with(text: &str, property: Option<(&str, Value)>) -> Value {
    let mut run = Map::new();
    run.insert("type".into(), json!("TextRun"));
    run.insert("text".into(), json!(line(text).replace("{{", "{ {")));
    run.extend(property.map(|(name, value)| (name.to_owned(), value)));
    run.into()
}

fn block(inlines: Vec<Value>) -> Value {
    json!({ "type": "RichTextBlock", "inlines": inlines })
}

fn strong(text: &str) -> Value {
    run_with(text, Some(("weight", json!("Bolder"))))
}

fn of_entry(entry: &MessageEntry, is_one: bool) -> Vec<Value> {
    let mut blocks = Vec::new();
    if !is_one {
        blocks.push(block(vec![run(&entry.headline)]));
    }
    if !entry.detail.is_empty() {
        blocks.push(block(vec![run(&entry.detail)]));
    }
    if let Some(ticket) = &entry.ticket {
        let url = ticket.url.as_deref().and_then(page);
        let action = url.map(|url| ("selectAction", json!({ "type": "Action.OpenUrl", "url": url })));
        let address = run_with(&ticket.address, action);
        blocks.push(block(vec![address, run(&format!(": {}", ticket.title))]));
    }
    blocks
}

pub(super) fn payload(message: &Message) -> Value {
    let is_one = message.entries.len() == 1;
    let mut body = vec![block(vec![strong(&message.title)])];
    body.extend(message.entries.iter().take(MOST_ENTRIES).flat_map(|entry| of_entry(entry, is_one)));
    if message.entries.len() > MOST_ENTRIES {
        body.push(block(vec![run(&message.more)]));
    }
    let only = message.entries.first().filter(|_| is_one).and_then(|entry| entry.ticket.as_ref());
    let page = only.and_then(|ticket| page(ticket.url.as_deref()?));
    let actions: Vec<Value> = page
        .iter()
        .map(|url| json!({ "type": "Action.OpenUrl", "title": message.link, "url": url }))
        .collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": body,
                "actions": actions,
            },
        }],
    })
}

#[async_trait]
impl NoticeChannel for Teams {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        self.post.send(Method::POST, &self.url, &[], payload(message).to_string()).await.map(|_| ())
    }

    async fn check(&self) -> Result<ChannelCheck, SendError> {
        Ok(ChannelCheck::NotAsked)
    }
}
