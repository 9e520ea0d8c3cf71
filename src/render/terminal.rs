//! Markdown as plain text, for a terminal: what GitHub would show, without its marks.

use crate::render::markdown::BREAK;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use unicode_width::UnicodeWidthStr;

/// What becomes of the parts that GitHub folds away (`<details>`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folded {
    /// They are shown.
    Shown,
    /// They are left out.
    LeftOut,
}

/// The text of a comment in Markdown, for a terminal. HTML comments are left out.
pub fn plain(markdown: &str, folded: Folded) -> String {
    let mut page = Page::new(folded);
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        page.take(event);
    }
    page.end_block();
    page.out.trim_end().to_owned()
}

/// The text so far, and where in the document it stands.
struct Page {
    out: String,
    folded: Folded,
    /// How many `<details>` are open.
    depth: usize,
    /// The lines of the block at hand.
    block: String,
    /// For each open list: the next number, or `None` if it has no numbers.
    lists: Vec<Option<u64>>,
    /// What stands before the first line of the list's item at hand.
    bullet: String,
    quotes: usize,
    /// The table at hand: its rows of cells.
    table: Vec<Vec<String>>,
    /// The address of each open link, and where its text begins.
    links: Vec<(String, usize)>,
}

impl Page {
    fn new(folded: Folded) -> Self {
        Self {
            out: String::new(),
            folded,
            depth: 0,
            block: String::new(),
            lists: Vec::new(),
            bullet: String::new(),
            quotes: 0,
            table: Vec::new(),
            links: Vec::new(),
        }
    }

    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.open(tag),
            Event::End(tag) => self.close(tag),
            Event::Text(text) | Event::Code(text) => self.block.push_str(&text.replace(BREAK, "")),
            Event::SoftBreak => self.block.push(' '),
            Event::HardBreak => self.block.push('\n'),
            Event::Html(html) | Event::InlineHtml(html) => self.html(&html),
            Event::Rule => self.block.push_str("---"),
            _ => {}
        }
    }

    fn open(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::Heading { .. } | Tag::CodeBlock(_) | Tag::HtmlBlock => self.end_block(),
            Tag::BlockQuote(_) => {
                self.end_block();
                self.quotes += 1;
            }
            Tag::List(first) => {
                self.end_block();
                self.lists.push(first);
            }
            Tag::Item => {
                self.end_block();
                self.bullet = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "- ".to_owned(),
                };
            }
            Tag::Table(_) => {
                self.end_block();
                self.table.clear();
            }
            Tag::TableHead | Tag::TableRow => self.table.push(Vec::new()),
            Tag::Link { dest_url, .. } => self.links.push((dest_url.into_string(), self.block.len())),
            _ => {}
        }
    }

    fn close(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::CodeBlock | TagEnd::HtmlBlock | TagEnd::Item => {
                self.end_block()
            }
            TagEnd::BlockQuote(_) => {
                self.end_block();
                self.quotes = self.quotes.saturating_sub(1);
            }
            TagEnd::List(_) => {
                self.end_block();
                self.lists.pop();
                if self.lists.is_empty() {
                    self.blank_line();
                }
            }
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.block);
                if let Some(row) = self.table.last_mut() {
                    row.push(cell);
                }
            }
            TagEnd::Table => self.end_table(),
            TagEnd::Link => {
                if let Some((address, at)) = self.links.pop()
                    && self.block.get(at..).is_some_and(|text| text != address)
                {
                    self.block.push_str(&format!(" ({address})"));
                }
            }
            _ => {}
        }
    }

    /// Of HTML, only what GitHub folds away has a meaning here.
    fn html(&mut self, html: &str) {
        let closed = html.matches("</details>").count();
        self.depth += html.matches("<details").count();
        if let Some((_, rest)) = html.split_once("<summary>") {
            let title = rest.split_once("</summary>").map_or(rest, |(title, _)| title);
            self.block.push_str(title.trim());
            self.block.push(':');
            self.end_block();
        }
        if closed > 0 {
            self.end_block();
        }
        self.depth = self.depth.saturating_sub(closed);
    }

    fn end_table(&mut self) {
        let table = std::mem::take(&mut self.table);
        let columns = table.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            table.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &table {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
            }
            self.line(line.trim_end());
        }
        self.blank_line();
    }

    /// Writes the block at hand. Items of a list stand close together, other blocks apart.
    fn end_block(&mut self) {
        let block = std::mem::take(&mut self.block);
        if block.trim().is_empty() {
            return;
        }
        let indent = "  ".repeat(self.lists.len().saturating_sub(1)) + &"> ".repeat(self.quotes);
        let bullet = std::mem::take(&mut self.bullet);
        let rest = " ".repeat(if self.lists.is_empty() { 0 } else { 2 });
        for (number, line) in block.trim_end().lines().enumerate() {
            let start = if number == 0 && !bullet.is_empty() { &bullet } else { &rest };
            self.line(&format!("{indent}{start}{line}"));
        }
        if self.lists.is_empty() {
            self.blank_line();
        }
    }

    fn line(&mut self, line: &str) {
        if self.depth == 0 || self.folded == Folded::Shown {
            self.out.push_str(line.trim_end());
            self.out.push('\n');
        }
    }

    fn blank_line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.line("");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::markdown::escape;
    use insta::assert_snapshot;

    #[test]
    fn a_report_is_shown_as_people_read_it() {
        let report = "<!-- fieldmedic case=1 kind=report -->\n### ✅ Resolved · `north`\n\n**Found.** 0 of 4 \
            workers run; see [the log](https://example.org/l).\n\n| Fact | Value |\n|---|---|\n| docker\\_root | \
            /var/lib/docker |\n| größe | 3 |\n\n1. started\n2. checked\n   - twice\n\n<details><summary>Checks</summary>\n\n\
            - `df -P /`\n\n```\na  b\nc\n```\n\n</details>\n\nDone.";
        assert_snapshot!(plain(report, Folded::Shown), @"
        ✅ Resolved · north

        Found. 0 of 4 workers run; see the log (https://example.org/l).

        Fact         Value
        docker_root  /var/lib/docker
        größe        3

        1. started
        2. checked
          - twice

        Checks:

        - df -P /

        a  b
        c

        Done.
        ");
        assert_snapshot!(plain(report, Folded::LeftOut), @"
        ✅ Resolved · north

        Found. 0 of 4 workers run; see the log (https://example.org/l).

        Fact         Value
        docker_root  /var/lib/docker
        größe        3

        1. started
        2. checked
          - twice

        Done.
        ");
    }

    #[test]
    fn escaped_text_is_shown_as_it_was() {
        for text in ["a_b *c* <d> [e](f) @ada #12 `x` |", "https://example.org/_x_", "1. no list", "$x$ & y"]
        {
            assert_eq!(plain(&escape(text), Folded::Shown), text);
        }
    }
}
