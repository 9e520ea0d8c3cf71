//! ntfy: a message to a topic, as JSON.
//!
//! <https://docs.ntfy.sh/publish/#publish-as-json>

use crate::notices::layout::{Plain, body, line, page};
use crate::notices::post::{Post, below};
use crate::ports::{ChannelCheck, Message, NoticeChannel, SendError};
use async_trait::async_trait;
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use url::Url;

/// A longer message becomes an attachment, in bytes.
const LIMIT: usize = 3_500;

/// A topic of a server.
pub struct Ntfy {
    post: Post,
    url: Url,
    topic: SecretString,
    token: Option<SecretString>,
}

impl Ntfy {
    /// A topic of the server at this address. Who knows a topic can read it, so it is a secret.
    pub fn new(post: Post, url: Url, topic: SecretString, token: Option<SecretString>) -> Self {
        Self { post, url, topic, token }
    }
}

pub(super) fn payload(message: &Message, topic: &str) -> Value {
    let title = line(&message.title);
    let text = body(message, &Plain, LIMIT);
    // A message without text shows as "triggered".
    let text = if text.is_empty() { title.clone() } else { text };
    let mut payload = Map::new();
    payload.insert("topic".into(), json!(topic));
    payload.insert("title".into(), json!(title));
    payload.insert("message".into(), json!(text));
    if let [entry] = &message.entries[..] {
        payload.insert("tags".into(), json!([entry.event]));
        let url = entry.ticket.as_ref().and_then(|ticket| page(ticket.url.as_deref()?));
        payload.extend(url.map(|url| ("click".to_owned(), json!(url))));
    }
    payload.into()
}

#[async_trait]
impl NoticeChannel for Ntfy {
    /// With the message's id as the id of its sequence, a copy takes the place of the first.
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let bearer = self.token.as_ref().map(|token| format!("Bearer {}", token.expose_secret()));
        let mut headers = vec![("x-sequence-id", message.id.as_str())];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        let body = payload(message, self.topic.expose_secret()).to_string();
        self.post.send(Method::POST, &self.url, &headers, body).await.map(|_| ())
    }

    async fn check(&self) -> Result<ChannelCheck, SendError> {
        self.post.send(Method::GET, &below(&self.url, &["v1", "health"]), &[], String::new()).await?;
        Ok(ChannelCheck::Answered)
    }
}
