//! Other readings of a text, in which a secret is as plain as in the text itself: without what is not
//! shown, with `%3D` read as `=`, with `&quot;` and `\u0026` read as what they mean.

use crate::cursor::{rest, window};
use crate::sanitize;
use std::ops::Range;

/// A reading of a text. `origin` holds the place in the text from which each byte of the reading came.
pub(super) struct View {
    pub text: String,
    pub origin: Vec<Range<usize>>,
}

impl View {
    fn new(capacity: usize) -> Self {
        Self { text: String::with_capacity(capacity), origin: Vec::with_capacity(capacity) }
    }

    fn push(&mut self, c: char, place: Range<usize>) {
        self.text.push(c);
        // A place in the middle of a character is none.
        self.origin.extend((0..c.len_utf8()).map(|_| place.clone()));
    }
}

/// Every reading that differs from the text.
pub(super) fn views(text: &str) -> Vec<View> {
    let mut views = Vec::new();
    if !sanitize::has_no_hidden(text) {
        let mut view = View::new(text.len());
        for (at, c) in sanitize::visible_chars(text) {
            view.push(c, at..at + c.len_utf8());
        }
        views.push(view);
    }
    views.extend(decoded(text, '%', percent));
    views.extend(decoded(text, '&', entity));
    views.extend(decoded(text, '\\', unicode_escape));
    views
}

/// As a person sees a comment in Markdown: without what is not shown and without the backslashes of
/// Markdown, and with entities read.
pub(super) fn as_shown(text: &str) -> View {
    let mut view = View::new(text.len());
    let mut done = 0;
    for (at, c) in sanitize::visible_chars(text) {
        if at < done {
            continue;
        }
        let read = if c == '&' { entity(rest(text, at)) } else { None };
        match read {
            Some((c, length)) => {
                view.push(c, at..at + length);
                done = at + length;
            }
            None if c == '\\' && rest(text, at + 1).starts_with(|c: char| c.is_ascii_punctuation()) => {}
            None => view.push(c, at..at + c.len_utf8()),
        }
    }
    view
}

/// `read` gives the character that a text begins with in disguise, and the length of the disguise.
fn decoded(text: &str, mark: char, read: fn(&str) -> Option<(char, usize)>) -> Option<View> {
    text.match_indices(mark).find(|(at, _)| read(rest(text, *at)).is_some())?;
    let mut view = View::new(text.len());
    let mut done = 0;
    for (at, c) in text.char_indices() {
        if at < done {
            continue;
        }
        let (c, length) = if c == mark { read(rest(text, at)) } else { None }.unwrap_or((c, c.len_utf8()));
        view.push(c, at..at + length);
        done = at + length;
    }
    Some(view)
}

/// `%3D`. Only what is shown, and line ends.
fn percent(text: &str) -> Option<(char, usize)> {
    let digits = text.get(1..3)?;
    let byte = u8::from_str_radix(digits, 16).ok()?;
    (byte.is_ascii_graphic() || byte == b' ' || byte == b'\n').then_some((char::from(byte), 3))
}

fn entity(text: &str) -> Option<(char, usize)> {
    let end = window(text, 0, 8).find(';')?;
    let name = text.get(1..end)?;
    let c = match name {
        "quot" | "#34" | "#x22" => '"',
        "apos" | "#39" | "#x27" => '\'',
        "amp" | "#38" => '&',
        "lt" | "#60" => '<',
        "gt" | "#62" => '>',
        "#36" => '$',
        "#61" | "#x3D" | "#x3d" | "equals" => '=',
        "#58" | "#x3A" | "#x3a" | "colon" => ':',
        _ => return None,
    };
    Some((c, end + 1))
}

/// `\u0022` as JSON and Go write it, and `\x22`.
fn unicode_escape(text: &str) -> Option<(char, usize)> {
    let (digits, length) = match text.as_bytes().get(1)? {
        b'u' => (text.get(2..6)?, 6),
        b'x' => (text.get(2..4)?, 4),
        _ => return None,
    };
    let c = u8::from_str_radix(digits.trim_start_matches('0'), 16).ok()?;
    (digits.bytes().all(|byte| byte.is_ascii_hexdigit()) && (c.is_ascii_graphic() || c == b' '))
        .then_some((char::from(c), length))
}
