//! Secrets on command lines that no name tells: `mysql -psecret`, `curl -u user:secret`,
//! `htpasswd -b file user secret`, `echo secret | docker login --password-stdin`.
//!
//! What a program takes is data: which option, or which word behind which words. The lines are read as a
//! shell or a list of arguments in JSON parts them.

use crate::command_rules::{OPTIONS, OptionRule, PLACES, PlaceRule, Secret, TAKES_STDIN};
use crate::cursor::{before, lines, piece, rest, window};
use crate::mask::Places;
use crate::values::{is_literal, is_mixed, is_reference};
use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind};
use std::ops::Range;
use std::sync::LazyLock;

/// How many words behind a program are looked at.
const WORDS: usize = 60;

/// The longest string in quotes, in bytes.
const STRING: usize = 400;

/// A word of a line, without its quotes.
#[derive(Debug, Clone)]
struct Word {
    place: Range<usize>,
}

/// The places of all of them.
pub(super) fn find(text: &str, places: &mut Places) {
    for (start, line) in lines(text) {
        if !may_hold_program(line) {
            continue;
        }
        let words = words_of(line);
        let mut own = Places::default();
        find_in_line(line, &words, &mut own);
        places.add_shifted(own, start);
    }
}

/// A quick look, before a line is taken apart.
fn may_hold_program(line: &str) -> bool {
    PROGRAMS.is_match(line)
}

#[expect(clippy::expect_used, reason = "the pattern is made of constants")]
static PROGRAMS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let options = OPTIONS.iter().flat_map(|rule| rule.programs.iter().copied());
    let mut names: Vec<&str> =
        options.chain(PLACES.iter().map(|rule| rule.program)).chain(["echo", "printf", "<<<"]).collect();
    names.sort_unstable();
    names.dedup();
    AhoCorasickBuilder::new().kind(Some(AhoCorasickKind::DFA)).build(names).expect("constant names")
});

fn find_in_line(line: &str, words: &[Word], places: &mut Places) {
    let text = |word: &Word| piece(line, word.place.clone());
    for (at, word) in words.iter().enumerate() {
        let full = text(word);
        let program = full.rsplit('/').next().unwrap_or(full);
        let program = program.strip_suffix(".exe").unwrap_or(program);
        if !is_known(program) {
            continue;
        }
        let behind: Vec<&Word> =
            words.iter().skip(at + 1).take(WORDS).take_while(|word| !is_break(text(word))).collect();
        for rule in OPTIONS.iter().filter(|rule| rule.programs.contains(&program)) {
            options(line, rule, &behind, places);
        }
        for rule in PLACES.iter().filter(|rule| rule.program == program) {
            positional(line, rule, &behind, places);
        }
        if matches!(program, "echo" | "printf") {
            let count = behind.len();
            let mut pipe = words.iter().skip(at + 1 + count);
            let is_pipe = pipe.next().is_some_and(|word| text(word) == "|");
            if is_pipe
                && pipe
                    .take(12)
                    .any(|word| TAKES_STDIN.contains(&text(word).rsplit('/').next().unwrap_or_default()))
            {
                for word in behind
                    .iter()
                    .filter(|word| !matches!(text(word), "-n" | "-e" | "-ne" | "%s" | "%s\\n" | "--"))
                {
                    let value = text(word);
                    let user = value.find(':').filter(|at| *at > 0 && *at < 32).map_or(0, |at| at + 1);
                    hide(line, word.place.start + user..word.place.end, places);
                }
            }
        }
        let mut before = words.iter().take(at).rev().take(12);
        if full == "<<<"
            && before.any(|word| TAKES_STDIN.contains(&text(word)))
            && let Some(word) = words.get(at + 1)
        {
            hide(line, word.place.clone(), places);
        }
    }
}

fn is_known(program: &str) -> bool {
    matches!(program, "echo" | "printf" | "<<<")
        || OPTIONS.iter().any(|rule| rule.programs.contains(&program))
        || PLACES.iter().any(|rule| rule.program == program)
}

/// What ends the arguments of a program.
fn is_break(word: &str) -> bool {
    matches!(word, "|" | "||" | "&&" | ";" | "&" | "<<<" | ">" | ">>" | "2>" | "<")
}

fn options(line: &str, rule: &OptionRule, behind: &[&Word], places: &mut Places) {
    let text = |word: &Word| piece(line, word.place.clone());
    let mut is_login = true;
    // Only what logs in takes `-p` as a password; elsewhere it publishes a port.
    if rule.programs.contains(&"docker") {
        let subject = behind.iter().map(|word| text(word)).find(|word| !word.starts_with('-'));
        is_login = !matches!(
            subject,
            Some(
                "run"
                    | "create"
                    | "compose"
                    | "ps"
                    | "build"
                    | "exec"
                    | "stack"
                    | "container"
                    | "swarm"
                    | "volume"
                    | "network"
                    | "system"
                    | "image"
                    | "project"
                    | "install"
                    | "upgrade"
            )
        );
    }
    for (at, word) in behind.iter().enumerate() {
        let full = text(word);
        for option in rule.options {
            let Some(value) = full.strip_prefix(option) else { continue };
            let is_long = option.starts_with("--") || option.len() > 2 || !option.starts_with('-');
            let next = behind.get(at + 1).map(|word| word.place.clone());
            let start = word.place.end - value.len();
            let place = match (value, rule.secret) {
                (_, _) if option.is_empty() => Some(word.place.clone()),
                ("", Secret::Attached) => next.filter(|place| is_mixed(piece(line, place.clone()))),
                ("", _) if is_login => next,
                (value, _) if value.starts_with('=') => Some(start + 1..word.place.end),
                (_, _) if is_long || !is_login => None,
                (value, Secret::Whole) if value.starts_with('-') || value.starts_with(':') => None,
                (_, _) => Some(start..word.place.end),
            };
            let Some(place) = place.filter(|place| !piece(line, place.clone()).starts_with('-')) else {
                continue;
            };
            match rule.secret {
                Secret::Attached | Secret::Whole => hide(line, place, places),
                Secret::Behind(marks) => {
                    let value = piece(line, place.clone());
                    // The user of Oracle is no path.
                    let is_path = value.starts_with(['/', '.', '@']) || value.contains("://");
                    if let Some(at) = value.find(marks).filter(|at| *at > 0 && !is_path) {
                        let end = if option.is_empty() {
                            value.find('@').unwrap_or(value.len())
                        } else {
                            value.len()
                        };
                        hide(
                            line,
                            place.start + at + 1..(place.start + end).max(place.start + at + 1),
                            places,
                        );
                    }
                }
            }
        }
    }
}

fn positional(line: &str, rule: &PlaceRule, behind: &[&Word], places: &mut Places) {
    let text = |word: &Word| piece(line, word.place.clone());
    let is_flag = |word: &str| word.starts_with('-') && word.len() > 1;
    if let Some(letter) = rule.needs {
        let has = behind.iter().any(|word| is_flag(text(word)) && text(word).contains(letter));
        let has_file =
            rule.place == 2 && behind.iter().any(|word| is_flag(text(word)) && text(word).contains('n'));
        if !has || has_file {
            return;
        }
    }
    let mut needed = rule.behind.iter().peekable();
    let mut left = rule.place;
    for word in behind {
        let full = text(word);
        if needed.peek().is_some() {
            needed.next_if(|needed| **needed == full);
            continue;
        }
        if is_flag(full) {
            continue;
        }
        if left == 0 {
            // A word of its own that a sentence may have is none.
            let is_sentence =
                rule.behind.is_empty() && rule.place == 0 && !is_mixed(full) && rule.program != "requirepass";
            if is_sentence {
                continue;
            }
            hide(line, word.place.clone(), places);
            return;
        }
        left -= 1;
    }
}

fn hide(line: &str, place: Range<usize>, places: &mut Places) {
    let value = piece(line, place.clone());
    let inner = value.trim_matches(['"', '\'', '\\']);
    let start = place.start + (value.len() - value.trim_start_matches(['"', '\'', '\\']).len());
    let is_source = ["env:", "file:", "fd:", "stdin", "/dev/"].iter().any(|source| inner.starts_with(source));
    let skipped = if inner.starts_with("pass:") { "pass:".len() } else { 0 };
    if !inner.is_empty() && !is_literal(inner) && !is_reference(inner) && !is_source {
        places.hide(start + skipped..start + inner.len());
    }
}

/// The words of a line, as a shell parts them, and as a list of strings in brackets does.
fn words_of(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = 0;
    while at < line.len() {
        let tail = rest(line, at);
        let Some(c) = tail.chars().next() else { break };
        let opens = tail.trim_start_matches('\\');
        let slashes = tail.len() - opens.len();
        if c.is_whitespace()
            || matches!(c, ',' | '[' | ']' | '(' | ')' | '{' | '}')
            || (c == ':' && rest(line, at + 1).starts_with(['"', '[', ' ']))
        {
            at += c.len_utf8();
        } else if opens.starts_with(['"', '\'', '`']) {
            let mark = opens.chars().next().unwrap_or('"');
            let inner = window(line, at + slashes + 1, STRING);
            match inner.find(mark) {
                Some(end) => {
                    let value = before(inner, end).trim_end_matches('\\');
                    let start = at + slashes + 1;
                    words.push(Word { place: start..start + value.len() });
                    at = start + end + 1;
                }
                None => at += slashes + 1,
            }
        } else {
            let length = word_length(tail);
            words.push(Word { place: at..at + length });
            at += length;
        }
    }
    words
}

/// The length of a word that does not begin with a quote; it may hold strings in quotes.
fn word_length(text: &str) -> usize {
    if let Some(sign) = ["<<<", "||", "&&", ">>", "2>"].iter().find(|sign| text.starts_with(**sign)) {
        return sign.len();
    }
    if text.starts_with(['|', ';', '<', '>', '&']) {
        return 1;
    }
    let mut open: Option<(char, usize)> = None;
    for (at, c) in text.char_indices() {
        match open {
            Some((mark, _)) if c == mark => open = None,
            Some((_, start)) if at - start > STRING => break,
            Some(_) => {}
            None if c == '"' || c == '\'' => {
                // Only a string that closes is one.
                if before(text, at).ends_with(['[', '{', '(', ',', ':']) {
                    return at.max(1);
                }
                let behind = rest(text, at + 1);
                let closes = window(behind, 0, STRING).contains(c);
                if !closes || behind.starts_with([',', ']', ')']) {
                    return at.max(1);
                }
                open = Some((c, at));
            }
            None if c.is_whitespace() || matches!(c, '|' | ';' | '&') => return at.max(1),
            None => {}
        }
    }
    text.len()
}
