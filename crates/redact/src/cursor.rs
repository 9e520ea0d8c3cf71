//! Pieces of a text by byte offset. An offset that is outside the text, or inside a character, gives an
//! empty piece: a redactor must not fail on any text.

use std::ops::Range;

/// The text from an offset on.
pub(super) fn rest(text: &str, at: usize) -> &str {
    text.get(at..).unwrap_or_default()
}

/// The text up to an offset.
pub(super) fn before(text: &str, at: usize) -> &str {
    text.get(..at).unwrap_or_default()
}

pub(super) fn piece(text: &str, place: Range<usize>) -> &str {
    text.get(place).unwrap_or_default()
}

/// At most `limit` bytes from an offset on, to the end of a character.
pub(super) fn window(text: &str, at: usize, limit: usize) -> &str {
    let rest = rest(text, at);
    before(rest, rest.floor_char_boundary(limit))
}

/// At most `limit` bytes up to an offset, from the start of a character.
pub(super) fn window_before(text: &str, at: usize, limit: usize) -> &str {
    let head = before(text, at);
    rest(head, head.ceil_char_boundary(head.len().saturating_sub(limit)))
}

/// The byte at an offset.
pub(super) fn byte(text: &str, at: usize) -> Option<u8> {
    text.as_bytes().get(at).copied()
}

/// The number of bytes, at most `limit`, that a text begins with and that are among these.
pub(super) fn span(text: &str, limit: usize, these: &[u8]) -> usize {
    text.bytes().take(limit).take_while(|byte| these.contains(byte)).count()
}

/// The number of bytes, at most `limit`, that a text ends with and that are among these.
pub(super) fn span_back(text: &str, limit: usize, these: &[u8]) -> usize {
    text.bytes().rev().take(limit).take_while(|byte| these.contains(byte)).count()
}

/// Every line with its offset, without its line end.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        (start, line.trim_end_matches(['\n', '\r']))
    })
}
