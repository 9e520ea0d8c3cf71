//! What GitHub makes of the lines of a text: code, quotes, hidden comments, and plain lines.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};
use std::ops::Range;

/// A line of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'t> {
    /// Without its end.
    pub text: &'t str,
    /// The offset in bytes of its first character.
    pub start: usize,
    /// It belongs to a block of code with fences, the fences included.
    pub is_fenced: bool,
    /// It is quoted with `>`, or continues a quote whose line a mail program has wrapped.
    pub is_quoted: bool,
}

impl Line<'_> {
    /// It holds nothing but space.
    pub(crate) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }
}

/// Mail programs wrap lines that are longer. What follows such a line of a quote is part of the quote.
const WRAPPED: usize = 60;

/// After so many comments that hide the fences of code, the rest of the text counts as hidden.
const MAX_PARSES: usize = 32;

/// A text whose lines all end in `\n`. CommonMark ends a line at a carriage return too; the parser does not
/// always.
pub(crate) fn normalize(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn events(text: &str) -> impl Iterator<Item = (Event<'_>, Range<usize>)> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
    Parser::new_ext(text, options).into_offset_iter()
}

/// The lines of a normalized text.
pub(crate) fn lines(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    let mut lines: Vec<Line<'_>> = Vec::new();
    for line in text.split_inclusive('\n') {
        let text = line.strip_suffix('\n').unwrap_or(line);
        lines.push(Line { text, start, is_fenced: false, is_quoted: false });
        start += line.len();
    }
    let mut in_quote = vec![false; lines.len()];
    let mut quoted_until = 0;
    for (event, range) in events(text) {
        let covers = |line: &Line<'_>| line.start < range.end && line.start + line.text.len() >= range.start;
        let first = lines.partition_point(|line| line.start + line.text.len() < range.start);
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => {
                lines.iter_mut().skip(first).take_while(|line| covers(line)).for_each(|line| {
                    line.is_fenced = true;
                });
            }
            // Quotes within a quote add nothing.
            Event::Start(Tag::BlockQuote(_)) if range.end > quoted_until => {
                quoted_until = range.end;
                let covered = lines.iter().zip(&mut in_quote).skip(first);
                covered.take_while(|(line, _)| covers(line)).for_each(|(_, is_in)| *is_in = true);
            }
            _ => {}
        }
    }
    let mut is_wrapped = false;
    for (line, in_quote) in lines.iter_mut().zip(in_quote) {
        let is_marked = !line.is_fenced && line.text.trim_start().starts_with('>')
            || in_quote && has_quote_mark(line.text);
        line.is_quoted = is_marked || in_quote && !line.is_blank() && is_wrapped;
        is_wrapped = line.is_quoted && line.text.len() >= WRAPPED;
    }
    lines
}

/// A `>` stands among the marks of lists and quotes before the line's text.
fn has_quote_mark(line: &str) -> bool {
    let is_mark = |c: &char| c.is_ascii_digit() || " \t>*+-.)".contains(*c);
    line.chars().take_while(is_mark).any(|c| c == '>')
}

/// The lines of a text that GitHub shows as plain text of a paragraph, by the offset of their first
/// character. Not among them: what is quoted, shown as code, crossed out, emphasised, in a list, a table, a
/// heading or HTML.
pub(crate) fn plain_lines(text: &str) -> Vec<usize> {
    let mut plain = Vec::new();
    // How deep within lists, quotes, emphasis and the like; a paragraph of the text itself is 1.
    let mut depth: usize = 0;
    let mut in_paragraph = false;
    let mut open_tags: usize = 0;
    let mut is_line_start = false;
    for (event, range) in events(text) {
        let was_line_start = std::mem::take(&mut is_line_start);
        match event {
            Event::Start(tag) => {
                depth += 1;
                in_paragraph = depth == 1 && tag == Tag::Paragraph || depth > 1 && in_paragraph;
                is_line_start = depth == 1 && in_paragraph;
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                in_paragraph &= depth > 0;
            }
            Event::SoftBreak | Event::HardBreak => is_line_start = depth == 1 && in_paragraph,
            Event::Html(html) | Event::InlineHtml(html) => open_tags = tags_after(open_tags, &html),
            Event::Text(_) if was_line_start && open_tags == 0 => plain.push(range.start),
            _ => {}
        }
    }
    plain
}

/// How many HTML elements are open behind a piece of HTML. What stands in an element may be folded away,
/// crossed out or shown as code. An element that is never closed reaches to the end.
fn tags_after(open: usize, html: &str) -> usize {
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

/// The HTML comments of a normalized text, in which templates explain themselves. Code has none. A comment
/// that is never closed reaches to the end of its line, or of the text if it began the line, as on GitHub.
pub(crate) fn comments(text: &str) -> Vec<Range<usize>> {
    const OPEN: &str = "<!--";
    const CLOSE: &str = "-->";
    let mut hidden: Vec<Range<usize>> = Vec::new();
    let mut code = code(text);
    let (mut at, mut parses) = (0, 1);
    while let Some(start) = text.get(at..).and_then(|rest| rest.find(OPEN)).map(|found| at + found) {
        let open_end = start + OPEN.len();
        if let Some(block) = code.iter().find(|block| block.contains(&start)) {
            at = block.end.max(open_end);
            continue;
        }
        let rest = text.get(open_end..).unwrap_or_default();
        let end = match (rest.find(CLOSE), rest.find('\n')) {
            (Some(close), _) => open_end + close + CLOSE.len(),
            (None, Some(line_end)) if !begins_line(text, start) => open_end + line_end,
            (None, _) => text.len(),
        };
        hidden.push(start..end);
        at = end;
        // A fence in the comment is none, and what seemed to be code behind it is none either.
        if code.iter().any(|block| block.start < end && block.end > start) {
            if parses == MAX_PARSES {
                hidden.push(end..text.len());
                break;
            }
            parses += 1;
            code = self::code(&blank(text, &hidden));
        }
    }
    hidden
}

fn begins_line(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    line.len() <= 3 && line.trim().is_empty()
}

/// Where a text shows code.
fn code(text: &str) -> Vec<Range<usize>> {
    let is_code = |event: &Event<'_>| matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(_)));
    events(text).filter(|(event, _)| is_code(event)).map(|(_, range)| range).collect()
}

/// The text with spaces in place of these parts; line ends stay, and so does every offset.
fn blank(text: &str, parts: &[Range<usize>]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for part in parts {
        if let Some(bytes) = bytes.get_mut(part.clone()) {
            bytes.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// A normalized text without its HTML comments; their line ends stay.
pub(crate) fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for hidden in comments(text) {
        out.push_str(text.get(at..hidden.start).unwrap_or_default());
        let inside = text.get(hidden.clone()).unwrap_or_default();
        out.extend(inside.chars().filter(|c| *c == '\n'));
        at = hidden.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}
