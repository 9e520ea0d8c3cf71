//! The last net, for what is published: words that look like chance and are none of the shapes that
//! programs show every day, such as digests, identifiers, paths and versions.

use crate::cursor::{before, rest, window_before};
use crate::key_material::{is_certificate, public_blocks};
use crate::mask::Places;
use crate::values::{changes, is_hex, is_plain_word, is_public_key};
use std::ops::Range;

/// The shortest word of three kinds of characters that is taken for a secret.
const MIXED: usize = 20;

/// The shortest word of letters of one case and digits: identifiers of this kind are shorter.
const ONE_CASE: usize = 32;

/// What digests of SSH, OCI and browsers begin with; what follows is base64.
const DIGESTS: [&str; 8] = ["SHA256:", "sha256-", "sha384-", "sha512-", "MD5:", "SHA512:", "h1:", "sha1-"];

/// The places of such words.
pub(super) fn find(text: &str, places: &mut Places) {
    let public = public_blocks(text);
    let is_public = |at: usize| {
        let block = public.partition_point(|block| block.end <= at);
        public.get(block).is_some_and(|block| block.contains(&at))
    };
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (is_word_char(c), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                if at - from >= MIXED && !is_public(from) {
                    let word = before(rest(text, from), at - from);
                    let head = window_before(text, from, 60);
                    find_in_word(head, word, from, places);
                }
                start = None;
            }
            _ => {}
        }
    }
}

fn is_word_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '_' | '=' | '.' | '~' | '-' | ':' | '@' | '%')
}

/// Looks at the parts of a word: those that are plain end what looks like chance.
fn find_in_word(head: &str, word: &str, from: usize, places: &mut Places) {
    let is_digest = DIGESTS.iter().any(|digest| word.contains(digest) || head.ends_with(digest));
    if is_digest
        || is_public_key(word)
        || is_certificate(word)
        || head.ends_with("ssh-rsa ")
        || word.starts_with("_ZN")
    {
        return;
    }
    let mut run: Option<Range<usize>> = None;
    for part in parts(word) {
        let text = before(rest(word, part.start), part.len());
        if is_chance(text) {
            run = Some(run.map_or(part.start, |run| run.start)..part.end);
        } else if ends_chance(text) {
            judge(word, run.take(), from, places);
        }
    }
    judge(word, run, from, places);
}

/// The letters and digits of a word, between its signs.
fn parts(word: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    word.split(|c: char| !c.is_ascii_alphanumeric()).filter_map(move |part| {
        let start = at;
        at += part.len() + 1;
        (!part.is_empty()).then_some(start..start + part.len())
    })
}

fn is_chance(part: &str) -> bool {
    !is_hex(part) && !is_plain_word(part) && (part.len() <= 5 || changes(part) * 4 >= part.len())
}

/// A word, a digest or a long number: chance does not go on behind it.
fn ends_chance(part: &str) -> bool {
    part.len() >= 5
}

fn judge(word: &str, run: Option<Range<usize>>, from: usize, places: &mut Places) {
    let Some(run) = run else { return };
    let text = before(rest(word, run.start), run.len());
    let has = |kind: fn(&u8) -> bool| text.bytes().any(|byte| kind(&byte));
    let (lower, upper, digit) =
        (has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase), has(u8::is_ascii_digit));
    let letters = text.bytes().filter(u8::is_ascii_alphanumeric).count();
    let enough = if lower && upper { MIXED } else { ONE_CASE };
    let is_secret =
        text.len() >= enough && (digit || lower && upper) && changes(text) * 3 >= letters && !is_hex(text);
    if is_secret {
        // The signs at its end belong to it.
        let behind = rest(word, run.end).bytes().take_while(|byte| b"=+/_-".contains(byte)).count();
        places.hide(from + run.start..from + run.end + behind);
    }
}
