//! Removes invisible, bidirectional and terminal-control characters.

use std::borrow::Cow;

/// A character that is not shown, or that changes how others are shown. Line ends and tabs are among
/// them.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF9}'..='\u{FFFB}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// A character that controls a terminal, or that changes the order in which others are shown.
pub fn is_terminal_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The text without hidden characters and terminal-control sequences. Line ends and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    if has_no_hidden(text) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(visible_chars(text).map(|(_, c)| c).collect())
}

fn hides(c: char) -> bool {
    is_hidden(c) && !matches!(c, '\n' | '\t' | '\r')
}

/// Every visible character with its byte offset in the text.
pub fn visible_chars(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let c = rest.chars().next()?;
            let at = text.len() - rest.len();
            let sequence = escape_length(rest);
            (_, rest) = rest.split_at(sequence.max(c.len_utf8()));
            if sequence == 0 && !hides(c) {
                return Some((at, c));
            }
        }
    })
}

/// Whether every character of the text is visible.
pub fn has_no_hidden(text: &str) -> bool {
    // Most texts are ASCII, of which nothing is hidden but control characters.
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t' | b'\r');
    text.bytes().all(is_plain) || !text.chars().any(hides)
}

/// No real control sequence is longer, in bytes; a longer one is text behind a stray escape.
const LONGEST: usize = 256;

/// The length in bytes of what opens a control sequence, and of a sequence that is nothing else.
const INTRODUCER: usize = 2;

/// The length in bytes of the control sequence that a text begins with: `ESC [ … m`, `ESC ] … BEL`, `ESC c`; 0 if none.
fn escape_length(text: &str) -> usize {
    let (kind, body) = match text.as_bytes() {
        [0x1B, kind @ (b'[' | b']' | b'P' | b'X' | b'^' | b'_'), body @ ..] => (*kind, body),
        [0x1B, 0x20..=0x7E, ..] => return INTRODUCER,
        [0xC2, 0x9B, body @ ..] => (b'[', body),
        [0xC2, 0x9D, body @ ..] => (b']', body),
        _ => return 0,
    };
    let body = body.get(..LONGEST).unwrap_or(body);
    let ends = |byte: &u8| match kind {
        b'[' => !matches!(byte, 0x20..=0x3F),
        _ => matches!(byte, 0x07 | 0x1B | b'\n'),
    };
    let length = match (kind, body.iter().position(ends).map(|end| body.split_at(end))) {
        (b'[', Some((middle, [0x40..=0x7E, ..]))) => middle.len() + 1,
        (b'[', _) => 0,
        (_, Some((inner, [0x07, ..]))) => inner.len() + 1,
        (_, Some((inner, [0x1B, b'\\', ..]))) => inner.len() + 2,
        _ => 0,
    };
    INTRODUCER + length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visible_text_stays() {
        for (text, expect) in [
            ("plain\n\ttext, größer", "plain\n\ttext, größer"),
            ("\u{1B}[31mred\u{1B}[0m", "red"),
            ("\u{9B}1;31mred", "red"),
            ("\u{1B}]0;title\u{7}x\u{1B}]52;c;aGk=\u{1B}\\y", "xy"),
            ("\u{1B}]0;no end\nnext", "0;no end\nnext"),
            ("\u{1B}[", ""),
            ("a\u{1B}", "a"),
            ("a\u{202E}b\u{200B}c\0d\u{E0041}e", "abcde"),
        ] {
            assert_eq!(visible(text), expect, "{text:?}");
        }
    }
}
