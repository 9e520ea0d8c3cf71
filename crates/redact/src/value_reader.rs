//! Reads a value behind a name: a word, a string, a list, a block of lines, a number.

use crate::cursor::{before, byte, piece, rest, span, window, window_before};
use crate::mask::{MASK, Places};
use crate::names::{LONGEST, Meaning, Strength};
use crate::quote::{Quote, quote_at};
use crate::values::{is_literal, is_mixed, is_plain, is_random, is_reference, is_words, reference_length};
use std::ops::Range;

/// The longest string over several lines, in bytes: a private key.
pub(super) const STRING: usize = 16 * 1024;

/// A value of more words is a sentence.
const WORDS: usize = 6;

/// Values shorter than this are not taken for chance.
const RANDOM: usize = 12;

/// What stands before a string in programs and SQL, and belongs to it.
const STRING_KINDS: [&str; 14] = ["b", "u", "r", "f", "br", "rb", "B", "L", "N", "E", "@", "$", "&", "c"];

/// Words before a secret that say how it is used.
const SCHEMES: [&str; 12] = [
    "bearer",
    "basic",
    "token",
    "digest",
    "negotiate",
    "apikey",
    "ntlm",
    "oauth",
    "hmac",
    "key",
    "splunk",
    "aws4-hmac-sha256",
];

/// Reads values from a place on, and goes past them.
pub(super) struct ValueReader<'a> {
    pub(super) text: &'a str,
    places: &'a mut Places,
    pub at: usize,
    pub meaning: Meaning,
    /// The name stands in a list of pairs.
    pub is_item: bool,
    pub is_quoted_name: bool,
    /// The name is the first word of its line.
    pub starts_line: bool,
    /// Up to there, objects under secret names have been read.
    pub(super) object_end: usize,
}

impl<'a> ValueReader<'a> {
    /// A reader at the beginning of a text. It adds what it finds to `places`.
    pub(super) fn new(text: &'a str, places: &'a mut Places) -> Self {
        let meaning =
            Meaning { strength: Strength::Certain, is_plural: false, is_code: false, is_line: false };
        Self {
            text,
            places,
            at: 0,
            meaning,
            is_item: false,
            is_quoted_name: false,
            starts_line: false,
            object_end: 0,
        }
    }

    pub(super) fn rest(&self) -> &'a str {
        rest(self.text, self.at)
    }

    /// Goes past these characters, and says past how many.
    pub(super) fn skip(&mut self, these: &[u8]) -> usize {
        let count = span(self.rest(), LONGEST, these);
        self.at += count;
        count
    }

    /// Hides a value, if it is one that its name makes a secret.
    pub(super) fn hide(&mut self, place: Range<usize>) {
        let value = piece(self.text, place.clone());
        if value.is_empty() || value == MASK || is_literal(value) || is_reference(value) {
            return;
        }
        if is_number(value) {
            return self.hide_number(place);
        }
        let is_secret = match self.meaning.strength {
            Strength::Certain => true,
            Strength::Likely => !is_words(value),
            Strength::Doubtful => is_random(value, RANDOM),
        };
        if is_secret {
            self.places.hide(place);
        }
    }

    /// Numbers count or measure more often than they are secrets.
    fn hide_number(&mut self, place: Range<usize>) {
        let digits = place.len();
        let enough = if self.meaning.is_code { 3 } else { 4 };
        let is_secret = self.meaning.is_code || self.meaning.strength == Strength::Certain;
        if is_secret && digits >= enough && !self.meaning.is_plural {
            self.places.hide(place);
        }
    }

    /// Reads the value that begins here, of whatever notation, and hides it if it is a secret.
    pub(super) fn value(&mut self) {
        self.skip_wrappers();
        for mark in ["\"\"\"", "'''"] {
            if self.rest().starts_with(mark) {
                return self.until_mark(mark);
            }
        }
        if let Some(quote) = quote_at(self.text, self.at) {
            self.at += quote.length();
            return self.until_quote(Some(quote));
        }
        if self.meaning.is_line {
            return self.line();
        }
        match byte(self.text, self.at) {
            Some(b'[' | b'(') if !self.rest().starts_with(MASK) => self.list(),
            Some(b'{') if !is_reference(before(self.rest(), self.bare_within(LONGEST))) => self.object(),
            None => {}
            _ => self.bare_value(),
        }
    }

    /// Goes past what stands before a string: `SecretStr("x")`, `b'x'`, `&"x"`, `!vault |`, `$'x'`.
    fn skip_wrappers(&mut self) {
        if self.rest().starts_with(MASK) {
            return;
        }
        for _ in 0..3 {
            let tail = window(self.text, self.at, LONGEST);
            let length = tail
                .find(|c: char| {
                    !c.is_ascii_alphabetic() && !matches!(c, '.' | '_' | '&' | '@' | '$' | '!' | ':')
                })
                .unwrap_or(tail.len());
            let behind = rest(tail, length);
            let opens = behind.starts_with('(') && quote_at(behind, 1).is_some();
            // `string(11) "x"`
            let digits = rest(behind, 1).find(|c: char| !c.is_ascii_digit()).unwrap_or_default();
            let typed = rest(behind, 1 + digits);
            if behind.starts_with('(') && digits > 0 && typed.starts_with(") \"") {
                self.at += length + digits + 3;
                return;
            }
            let is_tag = tail.starts_with('!') && behind.starts_with(' ');
            let is_kind = STRING_KINDS.contains(&before(tail, length));
            let is_string = is_kind && quote_at(behind, 0).is_some_and(|quote| quote.slashes == 0);
            match () {
                () if opens && length > 0 => self.at += length + 1,
                () if is_tag => self.at += length + 1,
                () if is_string => {
                    self.at += length;
                    return;
                }
                () => return,
            }
        }
    }

    pub(super) fn word(&self, length: usize) -> &'a str {
        piece(self.text, self.at..self.at + length)
    }

    fn bare_value(&mut self) {
        let length = self.bare();
        let word = self.word(length);
        // `Authorization: Bearer x`
        let behind = rest(self.text, self.at + length);
        let is_scheme = SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme));
        if is_scheme
            && behind.starts_with([' ', '\t'])
            && !behind.trim_start_matches([' ', '\t']).starts_with('\n')
        {
            let name = self.at;
            self.at += length;
            self.skip(b" \t");
            let length = self.bare();
            let inner = self.word(length);
            let is_word =
                is_plain(inner) && inner.len() < 16 && inner.bytes().all(|byte| !byte.is_ascii_digit());
            if !is_word {
                self.hide(self.at..self.at + length);
                self.at += length;
                return;
            }
            self.at = name;
        }
        let start = self.at;
        let length = (length + self.groups(length)).max(self.words_of_line());
        let end = start + length;
        let value = piece(self.text, start..end);
        if is_number(value) && self.is_quoted_name {
            let counts =
                self.meaning.is_plural || self.meaning.strength != Strength::Certain && !self.meaning.is_code;
            if !counts && length >= if self.meaning.is_code { 3 } else { 4 } {
                let quote = self.quote_of_name(start);
                self.places.hide_number(start..end, quote);
            }
        } else {
            self.hide(start..end);
        }
        self.at = end;
    }

    /// The quote that closes the name before a number.
    fn quote_of_name(&self, value: usize) -> String {
        let head = window_before(self.text, value, LONGEST);
        let head = head.trim_end_matches([' ', '\t', ':', '=', '>', '\n', '\r', '[', ',']);
        let quote = crate::quote::quote_before(head, head.len());
        quote.filter(|quote| quote.mark == b'"').map(Quote::as_text).unwrap_or_default()
    }

    /// `aaaa bbbb cccc dddd`: the length of what belongs to a first group of that length.
    fn groups(&self, length: usize) -> usize {
        let is_group = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !(3..=8).contains(&length) || !is_group(self.word(length)) {
            return 0;
        }
        let mut tail = rest(self.text, self.at + length);
        let (mut count, mut long) = (0, 0);
        while let Some(next) = tail.strip_prefix([' ', '-']) {
            let end = next.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(next.len());
            if end != length || count > 12 {
                break;
            }
            count += 1;
            long += 1 + length;
            tail = rest(next, end);
        }
        if count >= 2 { long } else { 0 }
    }

    /// `password = correct horse battery`: the length of the words of a line that is one name and its value.
    fn words_of_line(&self) -> usize {
        let is_spaced = before(self.text, self.at).ends_with([' ', '\t']);
        if !self.starts_line || !is_spaced || self.meaning.strength != Strength::Certain {
            return 0;
        }
        let line = window(self.text, self.at, LONGEST);
        let Some(line) = line.split(['\n', '\r']).next().filter(|part| part.len() < LONGEST) else {
            return 0;
        };
        let end = [" #", " ;", " //"].iter().filter_map(|mark| line.find(mark)).min().unwrap_or(line.len());
        let value = before(line, end).trim_end();
        let is_one = value.split_whitespace().count() <= WORDS
            && !value.contains([':', '=', '"', '\'', '{', '}', '[', ']', '\\', '|', ',']);
        if is_one { value.len() } else { 0 }
    }

    /// The rest of the line, which has no quotes around it.
    fn line(&mut self) {
        let line = self.rest().split(['\n', '\r']).next().unwrap_or_default();
        let end = line.find(['"', '\'', '`', '\\']).unwrap_or(line.len());
        let value = before(line, end).trim_end();
        let skipped = scheme_length(value);
        let value = rest(value, skipped);
        self.at += skipped;
        let end = end - skipped;
        if value.contains('=') || value.contains(' ') || is_mixed(value) {
            self.places.hide(self.at..self.at + value.len());
        }
        self.at += end;
    }

    /// A word that looks like a secret, behind no more than a blank.
    pub(super) fn word_if_mixed(&mut self) {
        self.skip(b" \t");
        if self.rest().starts_with('-') {
            return;
        }
        let start = self.at;
        let (word, length) = match quote_at(self.text, self.at) {
            Some(quote) => {
                let inner = window(self.text, self.at + quote.length(), LONGEST);
                let Some(end) = inner.find(char::from(quote.mark)) else { return };
                (before(inner, end), quote.length())
            }
            None => (self.word(self.bare()), 0),
        };
        let word = word.trim_end_matches(['.', ',', ';', ':']);
        let is_fit = self.meaning.strength == Strength::Certain || word.len() >= RANDOM;
        if is_mixed(word)
            && is_fit
            && !word.contains("://")
            && !word.starts_with(['/', '(', '[', '{', '<', '%', '$'])
            && !word.contains('=')
        {
            let start = start + length;
            self.places.hide(start..start + word.len());
            self.at = start + word.len();
        } else if self.meaning.strength == Strength::Certain {
            self.word_behind_words();
        }
    }

    /// `password for app: x`, `the token of me is x`: a few words, a sign, and a word that looks like a secret.
    fn word_behind_words(&mut self) {
        let line = window(self.text, self.at, LONGEST).split('\n').next().unwrap_or_default();
        let signs = [": ", " is ", " = ", " ist ", " est "];
        let Some((at, sign)) = signs.iter().filter_map(|sign| Some((line.find(sign)?, sign))).min() else {
            return;
        };
        if before(line, at).split_whitespace().count() > WORDS {
            return;
        }
        let start = self.at + at + sign.len();
        let tail = rest(self.text, start);
        let word = before(tail, tail.find(char::is_whitespace).unwrap_or(tail.len()).min(STRING));
        let inner = word.trim_matches(['"', '\'', '`', '.', ',', ';', '(', ')']);
        if is_mixed(inner) && !inner.contains("://") && !inner.contains('=') {
            let start = start + word.find(inner).unwrap_or_default();
            self.places.hide(start..start + inner.len());
            self.at = start + inner.len();
        }
    }

    /// A string between three quotes on each side.
    fn until_mark(&mut self, mark: &str) {
        let start = self.at + mark.len();
        let tail = window(self.text, start, STRING);
        let length = tail.find(mark).or(tail.find('\n')).unwrap_or(tail.len());
        let value = before(tail, length);
        let place = start + (value.len() - value.trim_start().len());
        self.hide(place..place + value.trim().len());
        self.at = start + length;
    }

    /// To the quote that closes. A string may go on in the next lines; without a quote that closes, it is
    /// hidden to the end of its line.
    pub(super) fn until_quote(&mut self, quote: Option<Quote>) {
        let start = self.at;
        let tail = window(self.text, start, STRING);
        let mut slashes = 0;
        let mut line_end = None;
        let mut length = None;
        for (place, here) in tail.bytes().enumerate() {
            let closes = quote.is_some_and(|quote| {
                here == quote.mark && (slashes == quote.slashes || (quote.slashes == 0 && slashes % 2 == 0))
            });
            if closes {
                // A quote that is doubled stands for itself, as in SQL.
                length = Some(place - slashes.min(quote.map_or(0, |quote| quote.slashes)));
                if here == b'\'' && byte(tail, place + 1) == Some(b'\'') && slashes == 0 && place > 0 {
                    length = None;
                    slashes = 1;
                    continue;
                }
                break;
            }
            if here == b'\n' {
                line_end = line_end.or(Some(place));
                if begins_pair_line(rest(tail, place + 1)) {
                    break;
                }
            }
            slashes = if here == b'\\' { slashes + 1 } else { 0 };
        }
        let to_line_end = || self.rest().find('\n').unwrap_or(self.text.len() - start);
        let length = length.or(line_end).unwrap_or_else(to_line_end);
        let value = piece(self.text, start..start + length);
        let skipped = scheme_length(value);
        self.hide(start + skipped..start + length);
        self.at = start + length;
    }

    /// The length of a word without quotes. It may hold any punctuation: only where what follows makes
    /// plain that something else begins does a `,`, `;`, `&` or bracket end it.
    pub(super) fn bare(&self) -> usize {
        self.bare_within(usize::MAX)
    }

    fn bare_within(&self, limit: usize) -> usize {
        let tail = window(self.text, self.at, limit);
        if tail.starts_with(MASK) {
            return MASK.len();
        }
        if let Some(length) = reference_length(tail) {
            return length;
        }
        for (place, c) in tail.char_indices() {
            let behind = rest(tail, place + c.len_utf8());
            let ends = match c {
                c if c.is_whitespace() => true,
                '<' => is_border(behind) || behind.starts_with('/'),
                '"' | '\'' | '`' | ')' | '}' | ']' | '>' => is_border(behind),
                '，' | '；' | '。' | '、' => true,
                ',' | ';' | '&' => is_border(behind) || (self.is_item && begins_pair(behind)),
                '\\' => ["\\\"", "\\n", "\\r", "\\t"].iter().any(|end| rest(tail, place).starts_with(end)),
                _ => false,
            };
            if ends {
                return place;
            }
        }
        tail.len()
    }

    /// To the tag that closes in XML.
    pub(super) fn until_tag(&mut self) {
        let start = self.at;
        let tail = window(self.text, start, STRING);
        let length = tail.find('<').unwrap_or(tail.find('\n').unwrap_or(tail.len()));
        let value = before(tail, length);
        let inner = value.trim();
        let place = start + (value.len() - value.trim_start().len());
        self.hide(place..place + inner.len());
        self.at = start + length;
    }
}

/// The length of the word before a secret that says how it is used, and of the blank behind it.
fn scheme_length(value: &str) -> usize {
    let scheme = SCHEMES.iter().find(|scheme| {
        window(value, 0, scheme.len()).eq_ignore_ascii_case(scheme)
            && rest(value, scheme.len()).starts_with(' ')
    });
    scheme.map_or(0, |scheme| scheme.len() + 1)
}

fn is_number(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// Nothing more of the word comes.
fn is_border(rest: &str) -> bool {
    rest.chars().next().is_none_or(|c| c.is_whitespace() || ",;&\"'`)}]><\\".contains(c))
}

/// `Host=`, `user id=`: another pair of a connection string or a URL.
fn begins_pair(rest: &str) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.- \"'".contains(byte);
    let name = rest.bytes().take(40).take_while(is_part).count();
    name > 0 && matches!(byte(rest, name), Some(b'=' | b':'))
}

/// A line that begins with `NAME=` or `name:`.
fn begins_pair_line(line: &str) -> bool {
    let line = window(line, 0, LONGEST).trim_start_matches([' ', '\t', '-', '"', '\'']);
    let name = line.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(byte)).count();
    let behind = rest(line, name).trim_start_matches(['"', '\'', ' ']);
    name > 0
        && (behind.starts_with("=")
            && !behind.starts_with("==")
            && behind.len() > 1
            && !behind.starts_with("=\n")
            || behind.starts_with(": ")
            || behind.starts_with(":\""))
}
