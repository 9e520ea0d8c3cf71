//! Reads values that hold others: a list, an object, a block of lines, a manifest of secrets.

use crate::cursor::{before, byte, lines, piece, rest, span, window, window_before};
use crate::names::{LONGEST, Strength, holds_value, is_name_char, name_length_back};
use crate::quote::{Quote, quote_at};
use crate::value_reader::{STRING, ValueReader};

/// How much of an object under a secret name is read, in bytes.
const OBJECT: usize = 4096;

impl ValueReader<'_> {
    /// `["a", "b"]`: each of them.
    pub(super) fn list(&mut self) {
        self.skip(b"[(");
        loop {
            self.skip(b" \t\r\n,");
            match (quote_at(self.text, self.at), byte(self.text, self.at)) {
                (Some(quote), _) => {
                    self.at += quote.length();
                    self.until_quote(Some(quote));
                    match quote_at(self.text, self.at) {
                        Some(quote) => self.at += quote.length(),
                        None => return,
                    }
                }
                (None, None | Some(b']' | b')' | b'{' | b'[' | b'(')) => return,
                (None, Some(_)) => {
                    let length = self.bare();
                    if length == 0 {
                        return;
                    }
                    self.hide(self.at..self.at + length);
                    self.at += length;
                }
            }
        }
    }

    /// The strings in an object under a name of secrets. The names in it are read by themselves later.
    pub(super) fn object(&mut self) {
        let start = self.at;
        if start < self.object_end || self.meaning.strength != Strength::Certain {
            return;
        }
        let meaning = self.meaning;
        let end = start + object_length(window(self.text, start, OBJECT));
        self.object_end = end;
        self.leaves(start, end, Strength::Likely);
        self.meaning = meaning;
        self.at = start;
    }

    /// Every string behind a `:` or a `=` in a part of the text.
    fn leaves(&mut self, start: usize, end: usize, strength: Strength) {
        self.at = start;
        self.meaning.strength = strength;
        while self.at < end {
            let Some(sign) = piece(self.text, self.at..end).find([':', '=']) else { break };
            let is_value = is_value_key(before(self.text, self.at + sign));
            self.meaning.strength = if is_value { Strength::Certain } else { strength };
            self.at += sign + 1;
            self.skip(b">= \t");
            match quote_at(self.text, self.at) {
                Some(quote) => {
                    self.at += quote.length();
                    self.until_quote(Some(quote));
                    self.at += quote_at(self.text, self.at).map_or(0, Quote::length);
                }
                None => {
                    let length = self.bare();
                    let word = self.word(length);
                    if !word.starts_with(['{', '[']) {
                        self.hide(self.at..self.at + length);
                        self.at += length;
                    }
                }
            }
        }
    }

    /// The values below `data` and `stringData` of a manifest of Kubernetes.
    pub(super) fn secret_manifest(&mut self) {
        for key in ["data", "stringData"] {
            for (at, _) in self.text.match_indices(key) {
                let behind = rest(self.text, at + key.len()).trim_start_matches(['"', '\\']);
                let start = self.text.len() - behind.len();
                let Some(tail) = behind.trim_start_matches(' ').strip_prefix(':') else { continue };
                let inline = tail.trim_start_matches([' ', '\t']);
                let is_word = before(self.text, at).ends_with(is_name_char);
                if is_word || start < self.object_end {
                    continue;
                }
                let place = self.text.len() - inline.len();
                let length = if inline.starts_with('{') {
                    object_length(window(self.text, place, STRING))
                } else {
                    deeper_lines(self.text, at, place)
                };
                self.object_end = place + length;
                self.leaves(place, place + length, Strength::Certain);
            }
        }
    }

    /// YAML that goes on in the next lines: a block, or a value or a list that stands deeper.
    pub(super) fn block(&mut self, name: usize) {
        let is_block = matches!(byte(self.text, self.at), Some(b'|' | b'>'));
        let mut line = match self.rest().find('\n') {
            Some(end) if end < LONGEST => self.at + end + 1,
            _ => return,
        };
        let depth = depth_of(self.text, name);
        let start_of_block = line;
        while line < self.text.len() {
            let tail = rest(self.text, line);
            let length = tail.find('\n').unwrap_or(tail.len());
            let words = before(tail, length).trim_start_matches([' ', '\t']);
            let inner = length - words.len();
            let words = words.trim_end();
            if words.is_empty() && is_block && length < tail.len() {
                line += length + 1;
                continue;
            }
            let item = words.strip_prefix("- ");
            let is_pair = words.contains(": ") || words.ends_with(':') || words.contains('=');
            let is_level = item.is_some() && inner == depth && !is_block;
            if (inner <= depth && !is_level) || words.is_empty() {
                break;
            }
            if !is_block && is_pair && !is_base64_line(words) {
                if item.is_none() && line == start_of_block && self.meaning.strength == Strength::Certain {
                    self.map_below(name, line);
                }
                break;
            }
            let start = line + inner + words.len() - item.map_or(words.len(), str::len);
            let end = line + inner + words.len();
            let quote = quote_at(self.text, start).map_or(0, Quote::length);
            let close = if quote > 0 && words.len() > 1 { span_of_closing(words) } else { 0 };
            self.hide(start + quote..(end - close).max(start + quote));
            self.at = line + length;
            line += (length + 1).min(tail.len());
            if !is_block && item.is_none() && !is_base64_line(words) {
                break;
            }
        }
    }

    /// A map in YAML under a name of secrets: `credentials:`, and `db: x` below it.
    fn map_below(&mut self, name: usize, line: usize) {
        let (at, meaning) = (self.at, self.meaning);
        if line >= self.object_end {
            let length = deeper_lines(self.text, name, line).min(window(self.text, line, OBJECT).len());
            self.object_end = line + length;
            self.leaves(line, line + length, Strength::Likely);
        }
        (self.at, self.meaning) = (at, meaning);
    }
}

/// Whether a text ends with the key of a value: `value` in `"password": {"value": "x"}`.
fn is_value_key(text: &str) -> bool {
    let head = text.trim_end_matches([' ', '"', '\'', '\\']);
    holds_value(rest(head, head.len() - name_length_back(head)))
}

fn span_of_closing(words: &str) -> usize {
    usize::from(words.ends_with(['"', '\'']))
}

fn is_base64_line(words: &str) -> bool {
    words.len() >= 32 && words.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte))
}

/// How far the line of a place is indented.
fn depth_of(text: &str, place: usize) -> usize {
    let head = window_before(text, place, 2 * LONGEST);
    let line = head.rsplit('\n').next().unwrap_or_default();
    span(line, LONGEST, b" \t")
}

/// The length of the lines from a place on that stand deeper than the line of a name.
fn deeper_lines(text: &str, name: usize, from: usize) -> usize {
    let depth = depth_of(text, name);
    let tail = window(text, from, 4 * STRING);
    for (at, line) in lines(tail) {
        let is_first = at == 0 && line.trim().is_empty();
        if !is_first && !line.trim().is_empty() && span(line, LONGEST, b" \t") <= depth {
            return at;
        }
    }
    tail.len()
}

/// The length of the object that a text begins with.
fn object_length(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}
