//! A webhook of the operator's own: JSON with a signature over its body, as GitHub signs.
//!
//! | header | holds |
//! |---|---|
//! | `X-Fieldmedic-Id` | the message; the same for every try |
//! | `X-Fieldmedic-Signature-256` | `sha256=` and HMAC-SHA256 of the body, in hex |
//!
//! The body holds the id and the time of sending too, so that the signature covers them.

use crate::notices::layout::{page, plain_line};
use crate::notices::post::Post;
use crate::ports::{ChannelCheck, Message, NoticeChannel, SendError};
use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;
use url::Url;

/// A receiver, and the secret that both know.
pub struct Webhook {
    post: Post,
    url: Url,
    secret: SecretString,
}

impl Webhook {
    /// A receiver at this address.
    pub fn new(post: Post, url: Url, secret: SecretString) -> Self {
        Self { post, url, secret }
    }
}

/// Data, and not text that is shown: hidden characters are gone, the rest is as it was written.
pub(super) fn payload(message: &Message, now: DateTime<Utc>) -> Value {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let events = message.entries.iter().map(|entry| {
        json!({
            "event": entry.event,
            "at": time(entry.at),
            "systems": entry.systems,
            "text": plain_line(&entry.headline),
            "detail": plain_line(&entry.detail),
            "ticket": entry.ticket.as_ref().map(|ticket| json!({
                "address": ticket.address,
                "title": plain_line(&ticket.title),
                "url": ticket.url.as_deref().and_then(page),
            })),
        })
    });
    json!({
        "id": message.id,
        "sent_at": time(now),
        "title": plain_line(&message.title),
        "events": events.collect::<Vec<_>>(),
    })
}

pub(super) fn signature(secret: &str, body: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(body.as_bytes());
    Some(format!("sha256={}", hex::encode(mac.finalize().into_bytes())))
}

#[async_trait]
impl NoticeChannel for Webhook {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let body = payload(message, self.post.clock.now()).to_string();
        let signature = signature(self.secret.expose_secret(), &body)
            .ok_or_else(|| SendError::Misconfigured("its secret cannot be used".into()))?;
        let headers = [("x-fieldmedic-id", &*message.id), ("x-fieldmedic-signature-256", &*signature)];
        self.post.send(Method::POST, &self.url, &headers, body).await.map(|_| ())
    }

    async fn check(&self) -> Result<ChannelCheck, SendError> {
        Ok(ChannelCheck::NotAsked)
    }
}
