//! Text that came from outside as Markdown that shows exactly itself, on GitHub, which makes a link of
//! much that Markdown leaves alone; and long Markdown cut so that it still is what it was.

use crate::core::text::format::{cut_between_words, one_line};
use crate::core::text::sanitize::visible;
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Breaks a word that GitHub would make something of. It is not shown.
pub const BREAK: char = '\u{200B}';

/// Text as inline Markdown that shows exactly itself. Runs of white space are one space, as they are in
/// HTML anyway.
pub fn escape(text: &str) -> String {
    let text = visible(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    let opens = text.starts_with(char::is_whitespace) && !words.is_empty();
    let closes = text.ends_with(char::is_whitespace) && !words.is_empty();
    let line = words.join(" ");
    let mut out = String::with_capacity(line.len() + 8);
    out.push_str(if opens { " " } else { "" });
    escape_line(&line, &mut out);
    out.push_str(if closes { " " } else { "" });
    out
}

fn escape_line(line: &str, out: &mut String) {
    let opening = opening(line);
    let mut copied = 0;
    for (at, c) in line.char_indices() {
        if at < copied {
            continue;
        }
        if opening == Some(at) {
            out.push('\\');
        }
        let (before, here) = line.split_at(at);
        let (_, behind) = here.split_at(c.len_utf8());
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // A formula needs the character itself.
            '$' => out.push_str("&#36;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' => {
                out.push('\\');
                out.push(c);
            }
            // People, issues.
            '@' | '#' => {
                out.push(c);
                out.push(BREAK);
            }
            // Addresses, whatever their scheme.
            '/' if before.ends_with(':') => {
                out.push(BREAK);
                out.push(c);
            }
            '.' if ends_with_word(before, "www") => {
                out.push(BREAK);
                out.push(c);
            }
            // `GH-12` is an issue.
            '-' if ends_with_word(before, "gh") => {
                out.push(BREAK);
                out.push(c);
            }
            // `:tada:` is a picture.
            ':' if is_picture(behind) => {
                out.push(c);
                out.push(BREAK);
            }
            // `0123abcd` may be a commit. In code it is none, and people can copy it.
            c if c.is_ascii_hexdigit() && !before.ends_with(is_word) => match id_at(here) {
                None => out.push(c),
                Some(id) => {
                    out.push('`');
                    out.push_str(id);
                    out.push('`');
                    copied = at + id.len();
                }
            },
            c => out.push(c),
        }
    }
}

/// The UUID, the hash or the long number that a text begins with.
fn id_at(text: &str) -> Option<&str> {
    static ID: LazyLock<Regex> = LazyLock::new(|| {
        #[expect(clippy::expect_used, reason = "the pattern is a constant")]
        Regex::new(
            r"(?i)^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{7,40})(?:[^\p{Alphabetic}\p{N}_]|$)",
        )
        .expect("a constant pattern")
    });
    Some(ID.captures(text)?.get(1)?.as_str())
}

/// The place of a character that would open a list, a heading or a rule at the beginning of a line.
fn opening(line: &str) -> Option<usize> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let mut behind = line.chars().skip(digits);
    let c = behind.next()?;
    let opens = if digits == 0 { matches!(c, '-' | '+' | '=' | ':') } else { matches!(c, '.' | ')') };
    let goes_on = behind.next().is_some_and(char::is_alphanumeric);
    (opens && !goes_on).then_some(digits)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn ends_with_word(text: &str, word: &str) -> bool {
    let start = text.len().checked_sub(word.len());
    let parts = start.and_then(|start| text.split_at_checked(start));
    parts.is_some_and(|(before, end)| end.eq_ignore_ascii_case(word) && !before.ends_with(is_word))
}

fn is_picture(behind: &str) -> bool {
    let length =
        behind.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(byte)).count();
    let (name, rest) = behind.split_at(length);
    let is_number = name.len() < 3 && name.bytes().all(|byte| byte.is_ascii_digit());
    !name.is_empty() && rest.starts_with(':') && !is_number
}

/// A run of backticks longer than any in the text, and at least so long.
fn fence(text: &str, least: usize) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat((longest + 1).max(least))
}

/// Text as code on one line, also in a table.
pub(crate) fn inline_code(text: &str) -> String {
    let clean = one_line(&visible(text));
    if clean.is_empty() {
        return String::new();
    }
    // In a table even code must not hold a bare `|`.
    let clean = clean.replace('|', "\\|");
    let fence = fence(&clean, 1);
    let pad = if clean.starts_with('`') || clean.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{clean}{pad}{fence}")
}

pub(super) fn code_block(text: &str) -> String {
    let clean = visible(text).replace('\r', "");
    let fence = fence(&clean, 3);
    format!("{fence}text\n{}\n{fence}", clean.trim_end())
}

/// The last lines of a log. Where several containers write it, `name | line`, so many of each of them.
pub(super) fn recent_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    let mut room = RECENT;
    let mut kept: Vec<&str> = Vec::new();
    for line in lines.into_iter().rev() {
        let writer = line.split_once('|').map_or("", |(writer, _)| writer.trim_end());
        let left = left.entry(writer).or_insert(count);
        if *left == 0 {
            continue;
        }
        *left -= 1;
        room = match room.checked_sub(line.len() + 1) {
            Some(room) => room,
            None => break,
        };
        kept.push(line);
    }
    kept.reverse();
    kept.join("\n")
}

/// The longest part of a log that is shown, in bytes.
const RECENT: usize = 50_000;

/// Stands at the end of a text that was cut.
const CUT: &str = "\n*(cut: GitHub takes no longer text)*";

const FOLD: &str = "\n</details>";

/// At most `limit` characters of a Markdown text. It is cut between lines, and the code and the folds
/// that are open there are closed, so that what was shown as code stays code.
pub fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut length = CUT.len() + 1;
    let mut fence: Option<&str> = None;
    let mut folds = 0;
    for line in text.lines() {
        let was = (fence, folds);
        let word = line.trim_start();
        let (ticks, info) = word.split_at(word.bytes().take_while(|byte| *byte == b'`').count());
        match fence {
            Some(open) if ticks.len() >= open.len() && word.trim_end() == ticks => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 && !info.contains('`') => fence = Some(ticks),
            None if word.starts_with("<details") => folds += 1,
            None if word.starts_with("</details") => folds = usize::saturating_sub(folds, 1),
            None => {}
        }
        length += line.chars().count() + 1;
        if length + closing_length(fence, folds).max(closing_length(was.0, was.1)) > limit {
            (fence, folds) = was;
            // Code may end anywhere, if it does not end in what would close it.
            let room =
                (limit + line.chars().count() + 1).saturating_sub(length + closing_length(fence, folds));
            if fence.is_some() && !word.starts_with('`') && room > 1 {
                // Between words: what is published is redacted after it was cut.
                let end = line.char_indices().nth(room - 1).map_or(line.len(), |(at, _)| at);
                out.push_str(cut_between_words(line, end));
                out.push('\n');
            }
            break;
        }
        out.push_str(line);
        out.push('\n');
    }
    if let Some(open) = fence {
        out.push_str(open);
        out.push('\n');
    }
    out.push_str(&FOLD.repeat(folds));
    out.push('\n');
    out.push_str(CUT);
    out
}

fn closing_length(fence: Option<&str>, folds: usize) -> usize {
    fence.map_or(0, |open| open.len() + 1) + folds * FOLD.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        for (text, expect) in [
            ("plain words, 3 of 4.", "plain words, 3 of 4."),
            ("@everyone #12", "@\u{200B}everyone #\u{200B}12"),
            ("<!-- fieldmedic -->", "&lt;\\!-- fieldmedic --&gt;"),
            ("a|b\nc", "a\\|b c"),
            ("[x](https://example.org)", "\\[x\\](https:\u{200B}//example.org)"),
            ("\u{202E}evil\u{0}", "evil"),
            ("www.example.org gh-7", "www\u{200B}.example.org gh\u{200B}-7"),
            ("see :tada: at 10:00:00", "see :\u{200B}tada: at 10:00:00"),
            ("$x$", "&#36;x&#36;"),
            ("commit 0123abcd.", "commit `0123abcd`."),
            ("`0123abcd`", "\\``0123abcd`\\`"),
            ("at 1790000000", "at `1790000000`"),
            ("f5d14f2a7ad0x", "f5d14f2a7ad0x"),
            ("(7b1c0f5e-4d5a-4c57-9d0e-500000000001)", "(`7b1c0f5e-4d5a-4c57-9d0e-500000000001`)"),
            ("7b1c0f5e-4d5a-4c57-9d0e-500000000001f", "`7b1c0f5e`-4d5a-4c57-9d0e-`500000000001f`"),
            ("- item", "\\- item"),
            ("12. item", "12\\. item"),
            ("-5 and 1.5", "-5 and 1.5"),
            ("===", "\\==="),
            ("     four", " four"),
        ] {
            assert_eq!(escape(text), expect);
        }
        assert_eq!(inline_code("a `b` c"), "``a `b` c``");
        assert_eq!(inline_code("`"), "`` ` ``");
        assert_eq!(code_block("```\n@x"), "````text\n```\n@x\n````");
    }

    #[test]
    fn recent_lines_are_those_of_each_container() {
        let log = "app-1  | one\napp-2  | uno\napp-1  | two\napp-1  | three\n";
        assert_eq!(recent_lines(log, 1), "app-2  | uno\napp-1  | three");
        assert_eq!(recent_lines(log, 2), "app-2  | uno\napp-1  | two\napp-1  | three");
        assert_eq!(recent_lines("one\ntwo\nthree", 2), "two\nthree");
        assert_eq!(recent_lines("", 2), "");
        assert!(recent_lines(&"0123456789\n".repeat(10_000), 9_000).len() <= RECENT);
    }

    #[test]
    fn what_is_cut_stays_what_it_was() {
        let fold = "<!-- m -->\n<details><summary>x</summary>\n\n";
        let code = format!("{fold}````text\n```\n@everyone\n{}\n````\n</details>\n", "x\n".repeat(90));
        let short = shorten(&code, 150);
        assert!(short.chars().count() <= 150, "{short}");
        assert!(short.ends_with("\n````\n\n</details>\n\n*(cut: GitHub takes no longer text)*"), "{short}");
        // A line is kept or left: half a piece of code would be none.
        let short = shorten(&format!("<!-- m -->\n`{}@everyone`\n", "x".repeat(90)), 100);
        assert_eq!(short, format!("<!-- m -->\n\n{CUT}"));
        let short = shorten(&format!("```text\n{}\n```\n", "x ".repeat(100)), 100);
        assert!((98..=100).contains(&short.chars().count()), "{short}");
        // Half of a word may be half of a secret.
        let short = shorten(&format!("```text\n{}\n```\n", "x".repeat(200)), 100);
        assert_eq!(short, format!("```text\n\n```\n\n{CUT}"));
        assert_eq!(shorten("short", 100), "short");
    }
}
