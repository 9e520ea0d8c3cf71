//! Telegram: a message of a bot in a chat.
//!
//! <https://core.telegram.org/bots/api#sendmessage>

use crate::notices::layout::whole;
use crate::notices::matrix::Html;
use crate::notices::post::{Post, below};
use crate::ports::{ChannelCheck, Message, NoticeChannel, SendError};
use async_trait::async_trait;
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

/// A message has 4096 characters.
const LIMIT: usize = 3_800;

/// A chat, and the bot that writes there.
pub struct Telegram {
    post: Post,
    url: Url,
    chat: String,
    token: SecretString,
}

impl Telegram {
    /// A chat by its number or `@name`, by the API at this address. The token becomes part of the address.
    pub fn new(post: Post, url: Url, chat: String, token: SecretString) -> Self {
        Self { post, url, chat, token }
    }

    fn method(&self, name: &str) -> Url {
        below(&self.url, &[&format!("bot{}", self.token.expose_secret()), name])
    }
}

pub(super) fn payload(message: &Message, chat: &str) -> Value {
    json!({
        "chat_id": chat,
        "text": whole(message, &Html, LIMIT),
        "parse_mode": "HTML",
        "link_preview_options": { "is_disabled": true },
    })
}

#[async_trait]
impl NoticeChannel for Telegram {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let body = payload(message, &self.chat).to_string();
        match self.post.send(Method::POST, &self.method("sendMessage"), &[], body).await {
            Ok(_) => Ok(()),
            // A chat that is not there, or that does not know the bot. The message itself is always well formed.
            Err(SendError::Refused(why)) => Err(SendError::Misconfigured(format!("{why}; check the chat"))),
            Err(error) => Err(error),
        }
    }

    async fn check(&self) -> Result<ChannelCheck, SendError> {
        self.post.send(Method::GET, &self.method("getMe"), &[], String::new()).await?;
        Ok(ChannelCheck::Answered)
    }
}
