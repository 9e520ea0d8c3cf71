//! Private keys: whole, cut at either end, and lines of base64 that can be nothing else.
//!
//! A key of which only the middle is seen has neither a first line nor a last one. So a line that is made
//! of base64 and nothing else is hidden, unless it stands in a certificate or a public key.

use crate::cursor::{lines, rest, window};
use crate::mask::{MASK, Places};
use crate::values::{changes, is_hex, is_public_key};
use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// Private keys, to their end or that of the text: PEM in every notation, OpenPGP, SSH2.
#[expect(clippy::expect_used, reason = "the pattern is a constant")]
static BLOCKS: LazyLock<Regex> = LazyLock::new(|| {
    let pem = r"-----BEGIN[A-Z0-9 ]{0,40}(?:PRIVATE KEY(?: BLOCK)?|OPENVPN STATIC KEY V1|AGE ENCRYPTED FILE)-----.*?(?:-----END[A-Z0-9 ]{0,40}(?:PRIVATE KEY(?: BLOCK)?|STATIC KEY V1|ENCRYPTED FILE)-----|\z)";
    let ssh2 = r"---- BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY ----.*?(?:---- END[A-Z0-9 ]{0,40}PRIVATE KEY ----|\z)";
    // What the keys of OpenSSH and PEM in base64 begin with.
    let bare = r"b3BlbnNzaC1rZXktdjE[A-Za-z0-9+/=\r\n\\ ]*";
    Regex::new(&format!("(?s)(?:{pem}|{ssh2}|{bare})")).expect("a constant pattern")
});

/// The last line of a private key.
const ENDS: [&str; 3] = ["PRIVATE KEY-----", "PRIVATE KEY BLOCK-----", "PRIVATE KEY ----"];

/// The shortest line of a key that is known by itself, in characters.
const LINE: usize = 40;

/// The places of all of them.
pub(super) fn find(text: &str, places: &mut Places) {
    if ["-- BEGIN", "-----BEGIN", "b3BlbnNzaC1rZXktdjE"].iter().any(|begin| text.contains(begin)) {
        for found in BLOCKS.find_iter(text) {
            places.hide(found.range());
        }
    }
    cut_keys(text, places);
}

/// Certificates and public keys, which are no secrets.
pub(super) fn public_blocks(text: &str) -> Vec<Range<usize>> {
    let begins = text.match_indices("-----BEGIN ").map(|(at, _)| at).chain([text.len()]);
    let begins: Vec<usize> = begins.collect();
    let blocks = begins.windows(2).filter_map(|pair| {
        let [start, next] = pair else { return None };
        let block = text.get(*start..*next)?;
        let is_public = ["CERTIFICATE", "PUBLIC KEY"].iter().any(|kind| window(block, 0, 60).contains(kind));
        let end = block.rfind("-----END ").filter(|_| is_public)?;
        Some(*start..*start + end)
    });
    blocks.collect()
}

/// Lines of keys whose first line is not in the text.
fn cut_keys(text: &str, places: &mut Places) {
    // The lines of base64 just before the one that is looked at, in one block.
    let mut block: Vec<Range<usize>> = Vec::new();
    let mut is_public = false;
    for (start, line) in lines(text) {
        let line = line.trim_end();
        escaped_lines(start, line, places);
        let body = body_of(line);
        let at = start + (line.len() - body.len());
        let head = line.get(..line.len() - body.len()).unwrap_or_default();
        let stands_alone = head.is_empty() || head.ends_with([' ', '\t', '|', '"', '\'']);
        let word = body.trim_end().trim_end_matches(['\\', '"', '\'', ',']);
        if line.contains("-----END") || line.contains("---- END") {
            if ENDS.iter().any(|end| line.contains(end)) {
                block.drain(..).for_each(|place| places.hide(place));
                hide_before_end(start, line, places);
            }
            block.clear();
            is_public = false;
        } else if line.contains("-----BEGIN") {
            flush(text, &mut block, places);
            is_public = !line.contains("PRIVATE");
        } else if is_base64(word)
            && !is_public
            && stands_alone
            && (word.len() >= LINE || !block.is_empty() || is_whole(line, body))
        {
            block.push(at..at + word.len());
        } else if !is_public || word.is_empty() || !word.chars().all(is_base64_char) {
            flush(text, &mut block, places);
            is_public = is_public && word.len() < 200 && (word.contains(": ") || word.is_empty());
        }
    }
    flush(text, &mut block, places);
}

/// Hides lines of base64 that no end of a certificate followed. A short last line belongs to them.
fn flush(text: &str, block: &mut Vec<Range<usize>>, places: &mut Places) {
    for place in block.drain(..) {
        let line = text.get(place.clone()).unwrap_or_default();
        if line.len() >= LINE && is_key_line(line) {
            places.hide(place);
        }
    }
}

/// A key on one line, with `\n` between its parts, of which only the end is in the text.
fn hide_before_end(start: usize, line: &str, places: &mut Places) {
    let Some(end) = line.find("-----END").or_else(|| line.find("---- END")) else { return };
    let head = line.get(..end).unwrap_or_default();
    let from = head.rfind(|c: char| !(is_base64_char(c) || matches!(c, '\\' | ' '))).map_or(0, |at| at + 1);
    let from = head.ceil_char_boundary(from);
    let inner = rest(head, from);
    if inner.contains("\\n") || inner.len() >= 8 && !inner.contains(' ') {
        places.hide(start + from..start + end);
    }
}

/// Lines of a key in one string, parted by `\n`, of which neither the first nor the last is there.
fn escaped_lines(start: usize, line: &str, places: &mut Places) {
    if !line.contains("\\n") || line.contains("CERTIFICATE-----") || line.contains("PUBLIC KEY-----") {
        return;
    }
    let mut at = start;
    for part in line.split("\\n") {
        let word = part.trim_matches(['"', '\'', ' ', '\\']);
        if word.len() >= LINE && is_base64(word) && is_key_line(word) {
            let inner = at + part.find(word).unwrap_or_default();
            places.hide(inner..inner + word.len());
        }
        at += part.len() + 2;
    }
}

/// A line without what a log puts before it: `app-1  | `, a time, `- `, a quote.
fn body_of(line: &str) -> &str {
    let start = line
        .char_indices()
        .rev()
        .find(|(_, c)| !is_base64_char(*c) && !matches!(c, '\\' | '"' | '\'' | ','))
        .map_or(0, |(at, c)| at + c.len_utf8());
    rest(line, start).trim_start_matches(['"', '\''])
}

/// Whether nothing stands before the body of a line.
fn is_whole(line: &str, body: &str) -> bool {
    line.trim().len() == body.trim().len()
}

fn is_base64_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')
}

fn is_base64(word: &str) -> bool {
    word.len() >= 8
        && word
            .trim_end_matches('=')
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte))
        && !is_hex(word)
        && !word.starts_with('/')
}

/// Whether a line is chance: changing kinds of characters, and no path.
fn is_key_line(line: &str) -> bool {
    let has = |kind: fn(char) -> bool| line.chars().any(kind);
    let is_mixed =
        has(|c| c.is_ascii_uppercase()) && has(|c| c.is_ascii_lowercase()) && has(|c| c.is_ascii_digit());
    let starts = window(line, 0, 24);
    is_mixed
        && changes(line) * 3 >= line.len()
        && !is_public_key(line)
        && !is_certificate(starts)
        && line != MASK
}

/// What certificates begin with, in DER and as PEM in base64.
pub(super) fn is_certificate(text: &str) -> bool {
    let is_der =
        text.starts_with("MII") && (text.get(11..16) == Some("gAwIB") || text.get(6..12) == Some("ANBgkq"));
    is_der || text.starts_with("LS0tLS1CRUdJTiBDRVJUSUZ") || text.starts_with("LS0tLS1CRUdJTiBQVUJMSUM")
}
