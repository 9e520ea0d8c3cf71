//! Values whose name says that they are secret, in whatever notation: `password: x`, `"api_key": "x"`,
//! `--token x`, `["--token", "x"]`, `('PASSWORD', 'x')`, `<password>x</password>`, `password is x`.
//!
//! Places where a name may be are found by a pattern. What follows a name is read by hand, and whatever is
//! read is hidden or gone past, so that the work grows with the length of a text and no faster. In doubt
//! more is hidden.

use crate::cursor::{before, byte, piece, rest, span, span_back, window, window_before};
use crate::mask::Places;
use crate::names::{self, LONGEST, Meaning, Strength, holds_name, meaning_of, name_length, name_length_back};
use crate::quote::{Quote, quote_at, quote_before};
use crate::value_reader::ValueReader;
use crate::vocabulary::{DOUBTFUL, STEMS, WORDS};
use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};
use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// How far a value may be from its name where both are values themselves, in bytes.
const PAIR: usize = 400;

/// Values up to this length are looked at again if they are not hidden, in bytes.
const REREAD: usize = 200;

/// Where a secret's name may be: a part of each word of the vocabulary.
#[expect(clippy::expect_used, reason = "the pattern is made of constants")]
static CANDIDATES: LazyLock<AhoCorasick> = LazyLock::new(|| {
    // An accent in the first letters is not in the vocabulary.
    let mut parts: Vec<String> = [
        "key", "pass", "pwd", "psk", "senord", "ifre", "clé", "hasł", "HASŁ", "digo", "secret", "code",
        "acce",
    ]
    .map(String::from)
    .into();
    parts.extend(
        [STEMS, WORDS, DOUBTFUL].iter().flat_map(|words| words.split_whitespace()).flat_map(beginnings),
    );
    parts.sort();
    parts.dedup();
    // Capital letters of other scripts are parts of their own.
    AhoCorasickBuilder::new()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostFirst)
        .kind(Some(AhoCorasickKind::DFA))
        .build(parts)
        .expect("a constant pattern")
});

/// The first letters of a word, in the cases in which it is written. A pattern of ASCII knows its case itself.
fn beginnings(word: &str) -> Vec<String> {
    let start: String = word.chars().take(4).collect();
    let mut letters = start.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    vec![start.to_uppercase(), first + letters.as_str(), start]
}

/// The key of a value in a pair of a name and a value, or of the next pair's name.
#[expect(clippy::expect_used, reason = "the pattern is a constant")]
static PAIR_KEYS: LazyLock<Regex> = LazyLock::new(|| {
    let value = "value|val|v|content|contents|defaultvalue|default|stringvalue|string|plaintext|text|parametervalue|variable_value|secret_value|current_value|raw";
    let name = "name|key|field|variable|property|attribute|setting|parameter|param|header|parameterkey";
    let key =
        r#"(?:^|[^A-Za-z0-9_/.-])@?(?i-u:(?P<value>VALUE)|(?P<name>NAME))\\*["']?[ \t\r\n]*(?:[:=]|=>)"#;
    let tag = r"<(?i-u:(?P<value_tag>VALUE)|(?P<name_tag>NAME))(?:[ \t][^<>]{0,60})?>";
    let pattern = format!("{key}|{tag}").replace("VALUE", value).replace("NAME", name);
    Regex::new(&pattern).expect("a constant pattern")
});

/// What stands between a name and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// `:`, `=`, `=>`, an option and a blank.
    Strong,
    /// Blanks, or a word such as "is": the value must look like a secret.
    Weak,
}

/// The places of the values.
pub(super) fn find(text: &str, places: &mut Places) {
    let is_kubernetes = ["kind: Secret", "\"kind\":\"Secret\"", "\"kind\": \"Secret\""]
        .iter()
        .any(|kind| text.contains(kind));
    let mut done = 0;
    let mut seen = 0;
    let mut reader = ValueReader::new(text, places);
    for word in CANDIDATES.find_iter(text) {
        if word.start() < done || word.start() < seen {
            continue;
        }
        let name = name_around(text, word.start()..word.end());
        seen = name.end;
        let Some((name, meaning)) = name_and_meaning(text, name) else { continue };
        reader.at = name.end;
        read(text, &name, meaning, &mut reader);
        // What was read may itself be a name, even if it was hidden: `key="appPrivateKey" value="x"`. Long
        // values are read once only.
        let is_other = meaning.strength != Strength::Certain && reader.at - name.end <= REREAD;
        done = if is_other { name.end } else { reader.at };
    }
    if is_kubernetes {
        reader.secret_manifest();
    }
}

fn name_around(text: &str, word: Range<usize>) -> Range<usize> {
    let start = word.start - name_length_back(before(text, word.start));
    let end = word.end + name_length(rest(text, word.end));
    start..end
}

/// Takes the word before along where a name has several: `API key`.
fn name_and_meaning(text: &str, name: Range<usize>) -> Option<(Range<usize>, Meaning)> {
    let trimmed = piece(text, name.clone()).trim_end_matches(['.', '-', '_']);
    let name = name.start..name.start + trimmed.len();
    if let Some(longer) = names::with_word_before(text, name.start, trimmed) {
        let start = text.len() - longer.len();
        if let Some(meaning) = meaning_of(piece(text, start..name.end)) {
            return Some((start..name.end, meaning));
        }
    }
    meaning_of(trimmed).map(|meaning| (name, meaning))
}

fn read(text: &str, name: &Range<usize>, meaning: Meaning, reader: &mut ValueReader<'_>) {
    let word = piece(text, name.clone());
    let opened = quote_before(text, name.start);
    let closed =
        quote_at(text, reader.at).filter(|quote| opened.is_none_or(|opened| opened.mark == quote.mark));
    if let Some(quote) = closed {
        reader.at += quote.length();
    }
    let is_shell = matches!(word, "PWD" | "OLDPWD" | "pwd");
    reader.meaning = meaning;
    // The result of a test.
    if word == "PASS" && rest(text, name.end).starts_with(':') {
        reader.meaning.strength = Strength::Likely;
    }
    reader.is_item = is_item(text, name.start, opened);
    reader.is_quoted_name = closed.is_some();
    reader.starts_line = opened.is_none() && !word.starts_with('-') && starts_line(text, name.start);
    if holds_pair(text, name, opened) && read_pair(text, name, opened, reader) {
        return;
    }
    if let Some(end) = closing_tag(text, reader.at) {
        reader.at = end;
        return reader.until_tag();
    }
    reader.skip(b"])");
    let Some(sign) = read_sign(text, name, opened, closed, reader) else { return };
    // The directory that a shell is in.
    if is_shell && rest(text, reader.at).starts_with('/') {
        return;
    }
    if is_placeholder(word, rest(text, reader.at)) {
        return;
    }
    if sign == Sign::Weak {
        return reader.word_if_mixed();
    }
    match byte(text, reader.at) {
        Some(b'\n' | b'\r' | b'|' | b'>') => reader.block(name.start),
        _ if opened.is_some() && closed.is_none() => reader.until_quote(opened),
        _ => reader.value(),
    }
}

/// `--password PASSWORD` in the help of a program.
fn is_placeholder(option: &str, value: &str) -> bool {
    let last = option.rsplit(['-', '_']).next().unwrap_or_default().to_uppercase();
    let tail = value.strip_prefix(last.as_str()).filter(|_| option.starts_with('-') && !last.is_empty());
    tail.is_some_and(|tail| !tail.starts_with(names::is_name_char))
}

/// Whether nothing but blanks and the mark of a list stands before a name on its line.
fn starts_line(text: &str, name: usize) -> bool {
    let head = window_before(text, name, LONGEST).trim_end_matches([' ', '\t']);
    let head = head.strip_suffix('-').unwrap_or(head).trim_end_matches([' ', '\t']);
    head.is_empty() || head.ends_with('\n')
}

/// Whether the name stands in a list of pairs, where a `,`, a `;` or a `&` ends its value.
fn is_item(text: &str, start: usize, opened: Option<Quote>) -> bool {
    let head = before(text, start - opened.map_or(0, |quote| quote.length().min(start)));
    let head = head.trim_end_matches([' ', '\t', '-']);
    head.ends_with([',', ';', '&', '?', '{', '(', '[', '"', '\'']) || !head.is_empty() && head.ends_with('$')
}

/// Reads what stands between a name and its value; `None` if there is no value.
fn read_sign(
    text: &str,
    name: &Range<usize>,
    opened: Option<Quote>,
    closed: Option<Quote>,
    reader: &mut ValueReader<'_>,
) -> Option<Sign> {
    let word = piece(text, name.clone());
    let is_option = word.starts_with('-') && word.len() > 2;
    let blanks = reader.skip(b" \t");
    let here = reader.at;
    // `"password is: x"`, `PASSWORD is set to x`.
    skip_leader(text, reader);
    let verb = ["is:", "is =", "ist:", "est :", "est:", "was:", "set to:"]
        .iter()
        .find(|verb| rest(text, here).starts_with(**verb));
    reader.at += verb.map_or(0, |verb| verb.len() - 1);
    let sign = strong_sign(rest(text, reader.at));
    if sign > 0 {
        reader.at += sign;
        reader.skip(b" \t");
        return Some(Sign::Strong);
    }
    // `["--token", "x"]`, `('PASSWORD', 'x')`, `"--token" "x"`.
    if let (Some(opened), Some(_)) = (opened, closed) {
        let comma = reader.skip(b",");
        let gap = reader.skip(b" \t\r\n");
        let next = quote_at(text, reader.at);
        let is_directive = is_option || is_command(word);
        if is_command(word) && before(text, name.start - opened.length()).ends_with('[') {
            reader.meaning.strength = Strength::Certain;
        }
        if comma > 0 && (is_directive || is_first_of_two(text, name.start - opened.length(), reader.at)) {
            return Some(Sign::Strong);
        }
        if is_command(word) && next.is_some() {
            reader.meaning.strength = Strength::Certain;
        }
        if comma == 0 && blanks + gap > 0 && next.is_some() && (is_option || meaning_is_certain(reader)) {
            return Some(Sign::Strong);
        }
        // `variable "password" { default = "x" }`
        if comma == 0 && byte(text, reader.at) == Some(b'{') && meaning_is_certain(reader) {
            return Some(Sign::Strong);
        }
        // `- "--token"`, newline, `- "x"`.
        if is_option && comma == 0 {
            reader.skip(b"- \t");
            return Some(Sign::Strong);
        }
        return None;
    }
    if byte(text, reader.at) == Some(b'(') && quote_at(text, reader.at + 1).is_some() {
        reader.at += 1;
        return Some(Sign::Strong);
    }
    // `{password, "x"}`, `{password, <<"x">>}` of Erlang.
    if byte(text, reader.at) == Some(b',') && before(text, name.start).ends_with(['{', '(']) {
        let here = reader.at;
        reader.skip(b", <");
        if quote_at(text, reader.at).is_some() {
            return Some(Sign::Strong);
        }
        reader.at = here;
    }
    if is_option {
        let gap = blanks + reader.skip(b" \t\r\n");
        let is_list = rest(text, reader.at).starts_with("- ") && gap > blanks;
        reader.at += if is_list { 2 } else { 0 };
        let goes_on =
            gap > 0 && !rest(text, reader.at).starts_with('-') && is_alone_or_behind(text, name, gap, blanks);
        return goes_on.then_some(Sign::Strong);
    }
    if blanks == 0 {
        return None;
    }
    // `PASSWORD 'x'` of SQL. What stands in other quotes may be a name: `secret "credentials" created`.
    let mark = quote_at(text, reader.at).map(|quote| quote.mark);
    if matches!(mark, Some(b'\'' | b'"')) && meaning_is_certain(reader) {
        if mark == Some(b'"') {
            reader.meaning.strength = Strength::Likely;
        }
        return Some(Sign::Strong);
    }
    for verb in ["is ", "ist ", "est ", "es ", "was ", "to ", "set to ", "changed to ", "= ", "lautet "] {
        if rest(text, reader.at).starts_with(verb) {
            reader.at += verb.len();
            break;
        }
    }
    Some(Sign::Weak)
}

/// Goes past what fills a line up to its sign: `Password......: x`, `Password (again): x`.
fn skip_leader(text: &str, reader: &mut ValueReader<'_>) {
    let here = reader.at;
    reader.skip(b" \t._*");
    let tail = window(text, reader.at, LONGEST);
    if let Some(end) = tail.strip_prefix('(').and_then(|inner| inner.find(')')).filter(|end| *end < 40) {
        reader.at += end + 2;
        reader.skip(b" \t.");
    }
    if strong_sign(rest(text, reader.at)) == 0 {
        reader.at = here;
    }
}

fn meaning_is_certain(reader: &ValueReader<'_>) -> bool {
    reader.meaning.strength == Strength::Certain
}

/// An option whose value is on the next line stands at the end of a line of its own.
fn is_alone_or_behind(text: &str, name: &Range<usize>, gap: usize, blanks: usize) -> bool {
    let head = window_before(text, name.start, LONGEST);
    let line = head.rsplit('\n').next().unwrap_or_default();
    gap == blanks || line.trim_matches(['-', ' ', '\t', '"', '\'']).is_empty()
}

/// `AUTH` of Redis, `requirepass`: words of a protocol that take the next string.
fn is_command(word: &str) -> bool {
    ["auth", "requirepass", "masterauth", "identify"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// The length of a sign that stands between a name and a value.
fn strong_sign(text: &str) -> usize {
    if is_comparison(text) {
        return 0;
    }
    let mut length = 0;
    for (at, c) in text.char_indices().take(8) {
        let goes_on = match c {
            ':' | '=' | '：' | '＝' | '→' => true,
            '>' => true,
            '-' => at == 0 && rest(text, 1).starts_with('>'),
            '?' | '+' => rest(text, at + 1).starts_with('='),
            _ => false,
        };
        if !goes_on {
            break;
        }
        length = at + c.len_utf8();
    }
    length
}

/// `sessions > 0`, `token_count >= 12`: a condition compares with a number of few digits.
fn is_comparison(text: &str) -> bool {
    let Some(behind) = text.strip_prefix('>') else { return false };
    let number = behind.strip_prefix('=').unwrap_or(behind).trim_start_matches(' ');
    let digits = number.bytes().take_while(u8::is_ascii_digit).count();
    let ends =
        rest(number, digits).chars().next().is_none_or(|c| !c.is_alphanumeric() && !"_-./+=$".contains(c));
    (1..=3).contains(&digits) && ends
}

/// Whether a quoted name is the first of two in brackets: `("PASSWORD", "x")`.
fn is_first_of_two(text: &str, name: usize, value: usize) -> bool {
    let opens = before(text, name).trim_end().ends_with(['(', '[', '{']);
    let Some(quote) = quote_at(text, value) else { return opens };
    let inner = window(text, value + quote.length(), PAIR);
    let end = inner.bytes().position(|byte| byte == quote.mark);
    opens
        && end.is_some_and(|end| rest(inner, end + 1).trim_start().starts_with([')', ']', '}', ',']))
        && end.is_some_and(|end| {
            !rest(inner, end + 1).trim_start().starts_with(',')
                || before(text, name).trim_end().ends_with('(')
        })
}

/// `</key><string>` behind a name in XML: the place of the value.
fn closing_tag(text: &str, at: usize) -> Option<usize> {
    let tail = window(text, at, 2 * LONGEST);
    let inner = tail.strip_prefix("</")?;
    let end = inner.find('>')?;
    let behind = rest(inner, end + 1).trim_start();
    let tag = behind.strip_prefix('<').filter(|tag| !tag.starts_with('/'))?;
    let close = tag.find('>')?;
    let at = at + (tail.len() - tag.len()) + close + 1;
    Some(at)
}

/// Whether the name is itself a value: `name` in `{"name": "PASSWORD"}`, `<add key="PASSWORD"`.
fn holds_pair(text: &str, name: &Range<usize>, opened: Option<Quote>) -> bool {
    pair_key(text, name.start - opened.map_or(0, |quote| quote.length().min(name.start))).is_some()
}

/// The place of the key whose value begins there.
fn pair_key(text: &str, value: usize) -> Option<Range<usize>> {
    let head = before(text, value);
    let head = before(head, head.len() - span_back(head, 8, b" \t"));
    let signs = span_back(head, 2, b":=>");
    let head = before(head, head.len() - signs);
    let head = before(head, head.len() - span_back(head, 8, b" \t"));
    let head = before(head, head.len() - span_back(head, 8, b"\\\"'"));
    let length = name_length_back(head);
    let key = rest(head, head.len() - length);
    (signs > 0 && holds_name(key)).then(|| head.len() - length..head.len())
}

/// The key of a value that was found, in a pair or as a tag.
fn value_key<'a>(found: &regex::Captures<'a>) -> Option<regex::Match<'a>> {
    found.name("value").or_else(|| found.name("value_tag"))
}

/// Reads the value that belongs to a name in a pair, behind the name or before it. False if there is none.
fn read_pair(text: &str, name: &Range<usize>, opened: Option<Quote>, reader: &mut ValueReader<'_>) -> bool {
    let end = reader.at;
    let behind = window(text, end, PAIR);
    let is_object = behind.find('}').unwrap_or(behind.len());
    let found = PAIR_KEYS.captures(behind);
    let found = found.and_then(|found| Some((value_key(&found)?.start(), found.get(0)?.end())));
    if let Some((_, sign)) = found.filter(|(key, _)| *key < is_object) {
        reader.at = end + sign;
        reader.skip(b"> \t");
        reader.is_quoted_name = true;
        reader.is_item = true;
        match byte(text, reader.at) {
            Some(b'\n' | b'\r' | b'|') => reader.block(end + sign - 1),
            _ => reader.value(),
        }
        return true;
    }
    // The value before the name.
    let Some(key) = pair_key(text, name.start - opened.map_or(0, Quote::length).min(name.start)) else {
        return false;
    };
    let start = text.floor_char_boundary(key.start.saturating_sub(PAIR));
    let head = piece(text, start..key.start);
    let object = head.rfind(['{', '}']).map_or(0, |at| at + 1);
    let head = rest(head, object);
    let last = PAIR_KEYS.captures_iter(head).filter(|found| value_key(found).is_some()).last();
    if let Some(sign) = last.and_then(|found| found.get(0)).map(|found| start + object + found.end()) {
        reader.at = sign;
        reader.skip(b"> \t");
        let value = reader.at;
        let mut own = Places::default();
        let mut inner = ValueReader::new(before(text, key.start), &mut own);
        inner.meaning = reader.meaning;
        inner.is_quoted_name = true;
        inner.is_item = true;
        inner.at = value;
        inner.value();
        let between = piece(text, inner.at..key.start);
        if between.len() < LONGEST && span(between, LONGEST, b" \t\r\n,;\"'\\-<") == between.len() {
            reader.at = value;
            reader.value();
        }
    }
    reader.at = end;
    false
}
