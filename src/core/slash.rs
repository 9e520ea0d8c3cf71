//! Slash commands: what a person orders in a comment, and what only looks like it.
//!
//! A command stands at the beginning of a line of plain text, as GitHub shows it. What is quoted, shown
//! as code, crossed out, in a list, in HTML or below a mail's signature was not said to the agent. In
//! doubt there is no command: a person who is not heard says it again, but nothing takes back what was
//! done by mistake.

use super::word::Says;
use pulldown_cmark::{Event, Options, Parser, Tag};

/// An order to the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slash {
    /// The command alone: take this ticket.
    Support,
    /// Something to say to the case of this ticket.
    Say(Says),
    /// Change nothing on any system, for this reason, which may be empty.
    Halt(String),
    /// Lift the halt.
    Resume,
    /// The words behind it, as written, without the space around them.
    Other(String),
}

/// The first command in a text. `prefix` is the whole of the command's name, slash included, and its
/// letters may be written in either case.
pub fn command(body: &str, prefix: &str) -> Option<Slash> {
    // CommonMark ends a line at a carriage return too; the parser does not always.
    let body = body.replace("\r\n", "\n").replace('\r', "\n");
    let body = without_mail_tail(&body);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
    // How deep within lists, quotes, emphasis and the like; a paragraph of the comment itself is 1.
    let mut depth = 0;
    let mut in_paragraph = false;
    let mut open_tags: usize = 0;
    let mut fresh_line = false;
    for (event, place) in Parser::new_ext(body, options).into_offset_iter() {
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
            Event::Text(_) if was_fresh && open_tags == 0 => {
                let found = on_line(body, place.start, prefix);
                if found.is_some() {
                    return found;
                }
            }
            _ => {}
        }
    }
    None
}

/// What a mail client puts below an answer was not written now.
fn without_mail_tail(body: &str) -> &str {
    // `-- ` before a signature, `-----Original Message-----` before what is answered.
    let is_heading = |line: &str| {
        line.starts_with("-----") && line.trim_end().ends_with("-----") && line.contains(char::is_alphabetic)
    };
    let is_tail = |line: &str| line == "-- " || is_heading(line);
    let mut at = 0;
    for line in body.split_inclusive('\n') {
        if is_tail(line.trim_end_matches('\n')) {
            return &body[..at];
        }
        at += line.len();
    }
    body
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

/// The command on the line that has words at this place, if nothing but space is before them.
fn on_line(body: &str, place: usize, prefix: &str) -> Option<Slash> {
    let start = body[..place].rfind('\n').map_or(0, |end| end + 1);
    let end = body[place..].find('\n').map_or(body.len(), |end| place + end);
    let line = body[start..end].trim();
    let head = line.get(..prefix.len()).filter(|head| head.eq_ignore_ascii_case(prefix))?;
    if prefix.is_empty() {
        return None;
    }
    let words = &line[head.len()..];
    match words.chars().next() {
        None => Some(Slash::Support),
        Some(next) if next.is_whitespace() => Some(order(words.trim())),
        // Another, longer command.
        Some(_) => None,
    }
}

/// What the words behind the command mean.
fn order(words: &str) -> Slash {
    let (verb, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    let rest = rest.trim();
    match (verb.to_ascii_lowercase().as_str(), rest) {
        ("approve", plan) if is_hex(plan) => Slash::Say(Says::Approve { plan: plan.to_ascii_lowercase() }),
        ("deny", "") => Slash::Say(Says::Deny),
        ("cancel", "") => Slash::Say(Says::Cancel),
        ("pause", why) => Slash::Halt(why.to_owned()),
        ("resume", "") => Slash::Resume,
        _ => Slash::Other(words.to_owned()),
    }
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PREFIX: &str = "/qfield:support";

    #[test]
    fn what_is_an_order_and_what_is_not() {
        let other = |words: &str| Some(Slash::Other(words.to_owned()));
        for (body, expect) in [
            ("/qfield:support", Some(Slash::Support)),
            ("/QField:Support  \r\n", Some(Slash::Support)),
            ("   /qfield:support", Some(Slash::Support)),
            ("Please look.\n/qfield:support\nThank you", Some(Slash::Support)),
            ("/qfield:support Approve 7F3A", Some(Slash::Say(Says::Approve { plan: "7f3a".into() }))),
            ("/qfield:support approve", other("approve")),
            ("/qfield:support approve all", other("approve all")),
            ("/qfield:support approve 7f3a now", other("approve 7f3a now")),
            ("/qfield:support deny", Some(Slash::Say(Says::Deny))),
            ("/qfield:support deny it", other("deny it")),
            ("/qfield:support cancel", Some(Slash::Say(Says::Cancel))),
            ("/qfield:support pause", Some(Slash::Halt(String::new()))),
            ("/qfield:support pause a  migration", Some(Slash::Halt("a  migration".into()))),
            ("/qfield:support resume", Some(Slash::Resume)),
            ("/qfield:support\trun logs  lines=100 ", other("run logs  lines=100")),
            ("/qfield:support one\n/qfield:support two", other("one")),
            ("", None),
            ("please run /qfield:support", None),
            ("/qfield:supporter", None),
            ("/qfield:support.", None),
            ("/qfield", None),
            ("- /qfield:support", None),
            // Quotes.
            ("> /qfield:support", None),
            ("  >/qfield:support", None),
            ("> said\n\n/qfield:support", Some(Slash::Support)),
            // GitHub shows this within the quote; mail clients wrap long quoted lines so.
            ("> said\n/qfield:support", None),
            // Code.
            ("    /qfield:support", None),
            ("\t/qfield:support", None),
            ("`/qfield:support`", None),
            ("`a\n/qfield:support\n`", None),
            ("a ` b\n/qfield:support", Some(Slash::Support)),
            ("``a ` b\n/qfield:support ``", None),
            ("```\n/qfield:support\n```", None),
            ("~~~ sh\n/qfield:support\n```\n/qfield:support\n~~~", None),
            ("````\n```\n/qfield:support\n````\n/qfield:support go", other("go")),
            ("1. do\n   ```\n   /qfield:support\n   ```", None),
            ("```\n    ```\n/qfield:support\n```", None),
            ("      ```\n```\n/qfield:support\n```", None),
            ("a\r```\r/qfield:support\r```", None),
            ("a\r/qfield:support go\rb", other("go")),
            ("```\n/qfield:support", None),
            ("```x```\n/qfield:support", Some(Slash::Support)),
            // Comments.
            ("<!-- /qfield:support -->", None),
            ("<!--\n\n/qfield:support\n-->", None),
            ("<!--\n/qfield:support", None),
            ("a <!--\n/qfield:support\n--> b", None),
            ("a <!-- b\n/qfield:support", Some(Slash::Support)),
            ("<!-- a -->\n/qfield:support", Some(Slash::Support)),
            ("größer\n/qfield:support ünï", other("ünï")),
            // Whatever else is not plain text.
            ("\\/qfield:support", None),
            ("&#47;qfield:support", None),
            ("~~a\n/qfield:support\nb~~", None),
            ("[a\n/qfield:support\nb](c)", None),
            ("# /qfield:support", None),
            ("a | b\n--|--\n/qfield:support | c", None),
            ("<details><summary>x</summary>\n\n/qfield:support\n\n</details>", None),
            ("<blockquote>\n\n/qfield:support\n\n</blockquote>\n\n/qfield:support go", other("go")),
            ("a<br>\n/qfield:support", Some(Slash::Support)),
            // Below a signature, or the mail that is answered.
            ("Thanks\n-- \n/qfield:support", None),
            ("Thanks\n\n-----Original Message-----\n/qfield:support", None),
            ("/qfield:support\n-- \nAda", Some(Slash::Support)),
            // Letters that look alike, and letters that are not seen.
            ("/qfield\u{2236}support", None),
            ("/qfi\u{435}ld:support", None),
            ("\u{200B}/qfield:support", None),
            ("/qfield:support\u{200B}", None),
        ] {
            assert_eq!(command(body, PREFIX), expect, "{body:?}");
        }
        assert_eq!(command("anything", ""), None);
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(body in "[`~<>!\\- \t\n/a-cé]{0,60}", prefix in "[/a-cé]{0,4}") {
            command(&body, &prefix);
        }

        #[test]
        fn a_quoted_text_orders_nothing(body in "[`~<>!\\- \t/qfield:suport]{0,80}(\n/qfield:support)?") {
            let quoted: String = body.lines().map(|line| format!("> {line}\n")).collect();
            prop_assert_eq!(command(&quoted, PREFIX), None);
        }
    }
}
