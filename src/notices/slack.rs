//! Slack's incoming webhooks, and everything that takes the same: Mattermost, Rocket.Chat, Discord with `/slack`.
//!
//! <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>,
//! <https://docs.slack.dev/messaging/formatting-message-text>

use crate::notices::layout::{Format, whole};
use crate::notices::post::Post;
use crate::ports::{ChannelCheck, Message, NoticeChannel, SendError};
use async_trait::async_trait;
use http::Method;
use serde_json::{Value, json};
use url::Url;

/// The shortest limit of those that take this format, in bytes.
const LIMIT: usize = 3_500;

/// A webhook. Its address is its secret.
pub struct Slack {
    post: Post,
    url: Url,
}

impl Slack {
    /// A channel behind this address.
    pub fn new(post: Post, url: Url) -> Self {
        Self { post, url }
    }
}

/// `mrkdwn`, and the Markdown that Mattermost reads in its place. Slack knows three escapes and no other, so what would
/// be markup becomes a character that looks alike.
struct Mrkdwn;

impl Format for Mrkdwn {
    fn text(&self, text: &str) -> String {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        text.replace('*', "∗").replace('`', "ˋ").replace('[', "［").replace(']', "］")
    }

    fn strong(&self, text: &str) -> String {
        format!("*{}*", self.text(text))
    }

    fn link(&self, words: &str, url: &str) -> String {
        format!("<{url}|{}>", self.text(words).replace('|', "∣"))
    }
}

pub(super) fn payload(message: &Message) -> Value {
    json!({
        "text": whole(message, &Mrkdwn, LIMIT),
        "parse": "none",
        "link_names": 0,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

#[async_trait]
impl NoticeChannel for Slack {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        self.post.send(Method::POST, &self.url, &[], payload(message).to_string()).await.map(|_| ())
    }

    async fn check(&self) -> Result<ChannelCheck, SendError> {
        Ok(ChannelCheck::NotAsked)
    }
}
