//! Matrix: a message in a room, by the client-server API. Encrypted rooms are not supported.
//!
//! <https://spec.matrix.org/latest/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid>

use crate::core::text::html::escape_html;
use crate::notices::layout::{Format, Plain, whole};
use crate::notices::post::{Post, below};
use crate::ports::{ChannelCheck, Message, NoticeChannel, SendError};
use async_trait::async_trait;
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

/// An event has 64 KiB, and holds the text twice.
const LIMIT: usize = 12_000;

/// A room, and the account that writes there.
pub struct Matrix {
    post: Post,
    url: Url,
    room: String,
    token: SecretString,
}

impl Matrix {
    /// A room by its id, on this home server.
    pub fn new(post: Post, url: Url, room: String, token: SecretString) -> Self {
        Self { post, url, room, token }
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token.expose_secret())
    }
}

pub(super) struct Html;

impl Format for Html {
    fn text(&self, text: &str) -> String {
        escape_html(text)
    }

    fn strong(&self, text: &str) -> String {
        format!("<b>{}</b>", escape_html(text))
    }

    fn link(&self, words: &str, url: &str) -> String {
        format!("<a href=\"{}\">{}</a>", escape_html(url), escape_html(words))
    }
}

pub(super) fn payload(message: &Message) -> Value {
    json!({
        "msgtype": "m.notice",
        "body": whole(message, &Plain, LIMIT),
        "format": "org.matrix.custom.html",
        "formatted_body": whole(message, &Html, LIMIT).replace('\n', "<br>"),
        // It mentions nobody, whatever its text looks like.
        "m.mentions": {},
    })
}

#[async_trait]
impl NoticeChannel for Matrix {
    /// The message's id is that of the transaction, so that the server drops a copy.
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let path = ["_matrix", "client", "v3", "rooms", &self.room, "send", "m.room.message", &message.id];
        let headers = [("authorization", self.bearer())];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let body = payload(message).to_string();
        self.post.send(Method::PUT, &below(&self.url, &path), &headers, body).await.map(|_| ())
    }

    async fn check(&self) -> Result<ChannelCheck, SendError> {
        let path = ["_matrix", "client", "v3", "account", "whoami"];
        let bearer = self.bearer();
        let url = below(&self.url, &path);
        self.post.send(Method::GET, &url, &[("authorization", &bearer)], String::new()).await?;
        Ok(ChannelCheck::Answered)
    }
}
