//! What a comment plainly says, as GitHub shows it: the lines of its own paragraphs, without what is
//! quoted, shown as code, crossed out, in a list, in HTML, or below a mail's signature.

use crate::chatops::reply_quoting;
use pulldown_cmark::{Event, Options, Parser, Tag};

/// The words behind the first line that begins with the command; empty if it stands alone.
pub(crate) fn words(body: &str, prefix: &str) -> Option<String> {
    // CommonMark ends a line at a carriage return too; the parser does not always.
    let body = body.replace("\r\n", "\n").replace('\r', "\n");
    // What is below still counts for what is shown above it: it may close a comment or a piece of code.
    let reply_quoting::MailText { text: body, tail } = reply_quoting::read(body);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
    // How deep within lists, quotes, emphasis and the like; a paragraph of the comment itself is 1.
    let mut depth = 0;
    let mut in_paragraph = false;
    let mut open_tags: usize = 0;
    let mut fresh_line = false;
    for (event, place) in Parser::new_ext(&body, options).into_offset_iter() {
        let was_fresh = std::mem::take(&mut fresh_line);
        match event {
            Event::Start(tag) => {
                depth += 1;
                in_paragraph = depth == 1 && tag == Tag::Paragraph || depth > 1 && in_paragraph;
                fresh_line = depth == 1 && in_paragraph;
            }
            Event::End(_) => {
                depth -= 1;
                in_paragraph &= depth > 0;
            }
            Event::SoftBreak | Event::HardBreak => fresh_line = depth == 1 && in_paragraph,
            Event::Html(html) | Event::InlineHtml(html) => open_tags = after(open_tags, &html),
            Event::Text(_) if place.start >= tail => return None,
            Event::Text(_) if was_fresh && open_tags == 0 => {
                let found = on_line(&body, place.start, prefix);
                if found.is_some() {
                    return found.map(str::to_owned);
                }
            }
            _ => {}
        }
    }
    None
}

/// How many HTML elements are open behind a piece of HTML: what stands in one may be folded away,
/// crossed out or shown as code. One that is never closed reaches to the end.
fn after(open: usize, html: &str) -> usize {
    const EMPTY: [&str; 5] = ["br", "hr", "img", "input", "wbr"];
    if html.trim_start().starts_with("<!--") {
        return open;
    }
    let mut open = open;
    for tag in html.split('<').skip(1) {
        let name = tag.trim_start_matches('/');
        let name: String = name.chars().take_while(char::is_ascii_alphanumeric).collect();
        if name.is_empty() || EMPTY.contains(&name.to_ascii_lowercase().as_str()) {
            continue;
        }
        open = if tag.starts_with('/') { open.saturating_sub(1) } else { open + 1 };
    }
    open
}

/// The words behind the command on the line that has words at this place, if nothing but space is before
/// them.
fn on_line<'b>(body: &'b str, place: usize, prefix: &str) -> Option<&'b str> {
    let start = body[..place].rfind('\n').map_or(0, |end| end + 1);
    let end = body[place..].find('\n').map_or(body.len(), |end| place + end);
    let line = body[start..end].trim();
    let head = line.get(..prefix.len()).filter(|head| head.eq_ignore_ascii_case(prefix))?;
    if prefix.is_empty() {
        return None;
    }
    let words = &line[head.len()..];
    match words.chars().next() {
        None => Some(""),
        Some(next) if next.is_whitespace() => Some(words.trim()),
        // Another, longer command.
        Some(_) => None,
    }
}
