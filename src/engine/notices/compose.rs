//! Composing: from notices to a message in words. The words come from `prompts/_notice.md`.

use crate::core::notice::Notice;
use crate::core::text::format::one_line;
use crate::core::text::redact::Redactor;
use crate::ports::{Message, MessageEntry, MessageTicket, QueuedMessage};
use crate::render::Prompts;
use chrono::{DateTime, Utc};
use serde_json::json;

/// A queued message in words. `None` if no notice in it can be read, because a later version wrote them.
pub(crate) fn compose(prompts: &Prompts, redactor: &Redactor, queued: &QueuedMessage) -> Option<Message> {
    let notices: Vec<Notice> =
        queued.notices.iter().filter_map(|body| serde_json::from_value(body.clone()).ok()).collect();
    let entries: Vec<MessageEntry> = notices.iter().map(|notice| entry(prompts, redactor, notice)).collect();
    let title = match &entries[..] {
        [] => return None,
        [only] => only.headline.clone(),
        several => prompts.notice("digest", json!({ "count": several.len() })),
    };
    let at = notices.iter().map(|notice| notice.at).max()?;
    Some(Message {
        id: queued.id.clone(),
        at,
        title,
        entries,
        more: prompts.notice("more", json!({})),
        link: prompts.notice("link", json!({})),
    })
}

/// A message by which a person sees that a channel works.
pub fn test_message(prompts: &Prompts, channel: &str, id: String, now: DateTime<Utc>) -> Message {
    let title = prompts.notice("test", json!({ "channel": channel }));
    let entry = MessageEntry {
        event: "test".to_owned(),
        at: now,
        systems: Vec::new(),
        headline: title.clone(),
        detail: prompts.notice("test_detail", json!({})),
        ticket: None,
    };
    Message {
        id,
        at: now,
        title,
        entries: vec![entry],
        more: String::new(),
        link: prompts.notice("link", json!({})),
    }
}

fn entry(prompts: &Prompts, redactor: &Redactor, notice: &Notice) -> MessageEntry {
    // Channels are read by others than those who may read the hosts.
    let published = |text: &str| redactor.publish(text).as_str().to_owned();
    MessageEntry {
        event: notice.event.to_string(),
        at: notice.at,
        systems: notice.systems.iter().map(ToString::to_string).collect(),
        headline: one_line(&published(&prompts.notice("headline", notice))),
        detail: one_line(&published(&prompts.notice("detail", notice))),
        ticket: notice.ticket.as_ref().map(|ticket| MessageTicket {
            address: ticket.address.clone(),
            title: published(&ticket.title),
            url: Some(ticket.url.clone()).filter(|url| !url.is_empty()),
        }),
    }
}
