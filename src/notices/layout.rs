//! One message as text. A channel brings its own escapes; which lines there are is the same for all.

use crate::core::text::format::{one_line, shortened};
use crate::core::text::sanitize::visible;
use crate::ports::{Message, MessageEntry};

/// The longest line, in bytes.
const LONGEST_LINE: usize = 300;

/// How a channel writes text.
pub(super) trait Format {
    /// Text that shows as it is.
    fn text(&self, text: &str) -> String;

    /// A line that stands out.
    fn strong(&self, text: &str) -> String {
        self.text(text)
    }

    /// A link to a page of a ticket.
    fn link(&self, words: &str, url: &str) -> String;
}

/// The whole message with its title, at most about `limit` bytes long.
pub(super) fn whole(message: &Message, format: &impl Format, limit: usize) -> String {
    let title = format.strong(&line(&message.title));
    format!("{title}\n{}", body(message, format, limit.saturating_sub(title.len())))
}

/// The message without its title. Entries that have no room are left out, and that is said.
pub(super) fn body(message: &Message, format: &impl Format, limit: usize) -> String {
    let is_one = message.entries.len() == 1;
    let mut text = String::new();
    for entry in &message.entries {
        let part = of_entry(entry, message, is_one, format);
        if text.len() + part.len() > limit && !text.is_empty() {
            text.push_str(&format.text(&line(&message.more)));
            break;
        }
        text.push_str(&part);
    }
    text.trim_end().to_owned()
}

fn of_entry(entry: &MessageEntry, message: &Message, is_one: bool, format: &impl Format) -> String {
    let mut lines = Vec::new();
    if !is_one {
        lines.push(format!("• {}", format.text(&line(&entry.headline))));
    }
    if !entry.detail.is_empty() {
        lines.push(format.text(&line(&entry.detail)));
    }
    if let Some(ticket) = &entry.ticket {
        lines.push(format.text(&line(&format!("{}: {}", ticket.address, ticket.title))));
        lines.extend(ticket.url.as_deref().and_then(page).map(|url| format.link(&message.link, &url)));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// One line of visible text that mentions nobody and is no link.
///
/// `@` becomes its full-width form: many chats look for mentions in plain text too, and none of them takes that. An
/// invisible joiner keeps what looks like an address from becoming a link, whose page a chat would load for a preview.
pub(super) fn line(text: &str) -> String {
    let text = plain_line(text).replace('@', "＠");
    text.replace("://", ":\u{2060}//").replace("www.", "www\u{2060}.")
}

/// One line of visible text, otherwise as it is.
pub(super) fn plain_line(text: &str) -> String {
    shortened(&visible(&one_line(text)), LONGEST_LINE)
}

/// The address of a web page, as it may stand in a link. Anything else is no link.
pub(super) fn page(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    // The parser has percent-encoded spaces, quotes and angle brackets; the rest ends links of some formats.
    Some(url.as_str().replace('|', "%7C").replace('\'', "%27").replace(')', "%29"))
}

/// Text without markup: mail, ntfy, and what stands beside HTML.
pub(super) struct Plain;

impl Format for Plain {
    fn text(&self, text: &str) -> String {
        text.to_owned()
    }

    fn link(&self, _: &str, url: &str) -> String {
        url.to_owned()
    }
}
