//! Values whose name says that they are secret: `password: x`, `"api_key": "x"`, `PGPASSWORD=x`,
//! `--token x`, `["SECRET=x"]`.
//!
//! The names are found by a pattern; what follows one is read by hand, and whatever is read is hidden or
//! gone past, so that the work grows with the length of a text and no faster. In doubt more is hidden.

use crate::text::redact::mask::MASK;
use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;

#[expect(clippy::expect_used, reason = "the pattern is a constant")]
static WORD: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?i-u:pass(?:word|wort|wd|phrase|code)|kennwort|pwd|secret|token|credential|salt|(?:pre)?shared[_-]?key|(?:api|app|access|private|encryption|signing|signature|account|auth|master|session|service|license|host|storage|client|webhook)[_. -]?key|storages)";
    Regex::new(pattern).expect("a constant pattern")
});

/// The last part of names that speak of a secret and hold none.
const HARMLESS: [&str; 44] = [
    "age",
    "backends",
    "changed",
    "class",
    "count",
    "dir",
    "driver",
    "enabled",
    "endpoint",
    "env",
    "expired",
    "expires",
    "expiry",
    "field",
    "file",
    "format",
    "hashers",
    "header",
    "help",
    "hint",
    "id",
    "in",
    "label",
    "len",
    "length",
    "limit",
    "max",
    "min",
    "name",
    "path",
    "policy",
    "prefix",
    "required",
    "reset",
    "size",
    "stdin",
    "timeout",
    "ttl",
    "type",
    "uri",
    "url",
    "validators",
    "version",
    "volume",
];

/// Names longer than this are no names.
const NAME: usize = 100;

/// Whether a name says that its value is a secret.
pub(crate) fn is_secret(name: &str) -> bool {
    WORD.is_match(name) && !is_harmless(name)
}

/// What stands where a secret would, and is none.
pub(crate) fn is_no_secret(value: &str) -> bool {
    ["true", "false", "null", "none", "nil", "yes", "no", "undefined"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word))
}

fn is_harmless(name: &str) -> bool {
    let name = name.trim_end_matches(['_', '-', '.']);
    // A tag of sudoers, which asks for none.
    if name.eq_ignore_ascii_case("NOPASSWD") {
        return true;
    }
    let last = name.rsplit(['_', '-', '.']).next().unwrap_or(name);
    last.len() < name.len() && HARMLESS.iter().any(|word| last.eq_ignore_ascii_case(word))
}

/// The places of the values.
pub(crate) fn find(text: &str, places: &mut Vec<Range<usize>>) {
    let mut done = 0;
    for word in WORD.find_iter(text) {
        if word.start() < done {
            continue;
        }
        let name = name_around(text, word.range());
        if is_harmless(&text[name.clone()]) {
            continue;
        }
        let mut reader = Reader { text, at: name.end, places };
        reader.read(&name);
        done = reader.at;
    }
}

fn is_name(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.-".contains(byte)
}

fn name_around(text: &str, word: Range<usize>) -> Range<usize> {
    let before = text.as_bytes()[..word.start].iter().rev().take(NAME).take_while(|byte| is_name(byte));
    let behind = text.as_bytes()[word.end..].iter().take(NAME).take_while(|byte| is_name(byte));
    word.start - before.count()..word.end + behind.count()
}

/// A quote and the backslashes before it: `"`, or `\"` where JSON stands within JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Quote {
    mark: u8,
    slashes: usize,
}

/// Reads what follows a name.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    places: &'a mut Vec<Range<usize>>,
}

impl Reader<'_> {
    fn read(&mut self, name: &Range<usize>) {
        let word = &self.text[name.clone()];
        let opened = self.quote_before(name.start);
        let closed = self.quote_at(self.at);
        if let Some(quote) = closed {
            self.at += quote.slashes + 1;
        }
        self.skip(b"]");
        self.skip(b" \t");
        let sign = self.at;
        if self.rest().starts_with("is:") || self.rest().starts_with("is =") {
            self.at += "is".len();
        }
        let spaced = sign > name.end && closed.is_none();
        let sign = self.skip(b":=>");
        if sign == 0 && !(word.starts_with('-') && spaced) {
            return;
        }
        // The directory that a shell is in.
        let is_directory = matches!(word, "PWD" | "OLDPWD" | "pwd");
        self.skip(b" \t");
        if is_directory && self.rest().starts_with('/') {
            return;
        }
        if sign == 0 && self.rest().starts_with('-') {
            return;
        }
        match self.rest().as_bytes().first() {
            Some(b'\n' | b'\r' | b'|' | b'>') if sign > 0 => self.block(name.start),
            _ if opened.is_some() && closed.is_none() => self.until_quote(opened),
            _ => self.value(word, closed.is_some()),
        }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Goes past these characters, and says past how many.
    fn skip(&mut self, these: &[u8]) -> usize {
        let count = self.rest().bytes().take(NAME).take_while(|byte| these.contains(byte)).count();
        self.at += count;
        count
    }

    fn hide(&mut self, place: Range<usize>) {
        let value = &self.text[place.clone()];
        if !value.is_empty() && value != MASK && !is_no_secret(value) {
            self.places.push(place);
        }
    }

    fn quote_at(&self, at: usize) -> Option<Quote> {
        let bytes = &self.text.as_bytes()[at..];
        let slashes = bytes.iter().take(NAME).take_while(|byte| **byte == b'\\').count();
        let mark = *bytes.get(slashes)?;
        matches!(mark, b'"' | b'\'' | b'`').then_some(Quote { mark, slashes })
    }

    fn quote_before(&self, at: usize) -> Option<Quote> {
        let (mark, before) = self.text.as_bytes()[..at].split_last()?;
        let slashes = before.iter().rev().take(NAME).take_while(|byte| **byte == b'\\').count();
        matches!(mark, b'"' | b'\'').then_some(Quote { mark: *mark, slashes })
    }

    fn value(&mut self, word: &str, quoted_name: bool) {
        if let Some(quote) = self.quote_at(self.at) {
            self.at += quote.slashes + 1;
            return self.until_quote(Some(quote));
        }
        match self.rest().as_bytes().first() {
            Some(b'[') if !self.rest().starts_with(MASK) => self.list(),
            // What is in it has names of its own.
            Some(b'{') | None => {}
            _ => {
                let end = self.at + self.bare();
                let value = &self.text[self.at..end];
                let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                // JSON counts, and so does a plural: `tokens: 512`.
                let counts = is_number && (quoted_name || word.ends_with(['s', 'S']));
                if !counts {
                    self.hide(self.at..end);
                }
                self.at = end;
            }
        }
    }

    /// To the quote that closes, or to the end of the line.
    fn until_quote(&mut self, quote: Option<Quote>) {
        let start = self.at;
        let mut slashes = 0;
        let mut length = self.rest().len();
        for (place, byte) in self.rest().bytes().enumerate() {
            let closes = quote.is_some_and(|quote| {
                byte == quote.mark && (slashes == quote.slashes || (quote.slashes == 0 && slashes % 2 == 0))
            });
            if closes || byte == b'\n' {
                length = place - if closes { slashes.min(quote.map_or(0, |quote| quote.slashes)) } else { 0 };
                break;
            }
            slashes = if byte == b'\\' { slashes + 1 } else { 0 };
        }
        self.hide(start..start + length);
        self.at = start + length;
    }

    /// `["a", "b"]`: each of them.
    fn list(&mut self) {
        self.skip(b"[");
        loop {
            self.skip(b" \t\r\n,");
            match (self.quote_at(self.at), self.rest().as_bytes().first()) {
                (Some(quote), _) => {
                    self.at += quote.slashes + 1;
                    self.until_quote(Some(quote));
                    match self.quote_at(self.at) {
                        Some(quote) => self.at += quote.slashes + 1,
                        None => return,
                    }
                }
                (None, None | Some(b']' | b'{' | b'[')) => return,
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

    /// The length of a word without quotes. It may hold any punctuation: only where what follows makes
    /// plain that something else begins does a `,`, `;`, `&` or bracket end it.
    fn bare(&self) -> usize {
        let rest = self.rest();
        if rest.starts_with(MASK) {
            return MASK.len();
        }
        for (place, c) in rest.char_indices() {
            let ends = match c {
                c if c.is_whitespace() => true,
                '"' | '\'' | '`' | ')' | '}' | ']' | '>' | '<' => is_border(&rest[place + 1..]),
                ',' | ';' | '&' => is_border(&rest[place + 1..]) || begins_pair(&rest[place + 1..]),
                '\\' => ["\\\"", "\\n", "\\r", "\\t"].iter().any(|end| rest[place..].starts_with(end)),
                _ => false,
            };
            if ends {
                return place;
            }
        }
        rest.len()
    }

    /// YAML that goes on in the next lines: a block, or a value or a list that stands deeper.
    fn block(&mut self, name: usize) {
        let is_block = matches!(self.rest().as_bytes().first(), Some(b'|' | b'>'));
        let mut line = match self.rest().find('\n') {
            Some(end) if end < NAME => self.at + end + 1,
            _ => return,
        };
        let before = self.text.as_bytes()[..name].iter().rev().take(NAME);
        let before: Vec<&u8> = before.take_while(|byte| **byte != b'\n').collect();
        let depth = before.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        while line < self.text.len() {
            let rest = &self.text[line..];
            let length = rest.find('\n').unwrap_or(rest.len());
            let words = rest[..length].trim_start_matches([' ', '\t']);
            let inner = length - words.len();
            let words = words.trim_end();
            if words.is_empty() && is_block && length < rest.len() {
                line += length + 1;
                continue;
            }
            let item = words.strip_prefix("- ");
            let is_pair = words.contains(": ") || words.ends_with(':') || words.contains('=');
            if inner <= depth || words.is_empty() || (!is_block && is_pair) {
                break;
            }
            let start = line + inner + words.len() - item.map_or(words.len(), str::len);
            self.hide(start..line + inner + words.len());
            self.at = line + length;
            line += (length + 1).min(rest.len());
            if !is_block && item.is_none() {
                break;
            }
        }
    }
}

/// Nothing more of the word comes.
fn is_border(rest: &str) -> bool {
    rest.chars().next().is_none_or(|c| c.is_whitespace() || ",;&\"'`)}]><".contains(c))
}

/// `Host=`, `user id=`: another pair of a connection string or a URL.
fn begins_pair(rest: &str) -> bool {
    let name = rest.bytes().take(40).take_while(|byte| is_name(byte) || *byte == b' ').count();
    name > 0 && matches!(rest.as_bytes().get(name), Some(b'=' | b':'))
}
