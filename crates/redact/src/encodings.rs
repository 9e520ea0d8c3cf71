//! A secret that is known, in the forms in which it travels.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The secret itself first, then as base64, hex, in a URL, in JSON, in Markdown.
pub(crate) fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned(), hex::encode(secret), hex::encode_upper(secret)];
    for filler in 0..3 {
        forms.push(in_base64(&STANDARD_NO_PAD, secret, filler));
        forms.push(in_base64(&URL_SAFE_NO_PAD, secret, filler));
    }
    forms.push(in_url(secret, |byte| format!("%{byte:02X}")));
    forms.push(in_url(secret, |byte| format!("%{byte:02x}")));
    forms.push(secret.escape_default().to_string());
    forms.push(secret.replace('\\', "\\\\").replace('"', "\\\""));
    forms.push(marked_down(secret));
    forms
}

/// The part of the base64 of a longer text that only the secret decides, `filler` bytes being before it.
fn in_base64(alphabet: &impl Engine, secret: &str, filler: usize) -> String {
    let bytes: Vec<u8> = std::iter::repeat_n(0, filler).chain(secret.bytes()).collect();
    let whole = alphabet.encode(&bytes);
    // A character holds six bits; those that also hold bits of what is before or behind are left out.
    let first = (filler * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    whole.get(first..last).unwrap_or_default().to_owned()
}

fn in_url(secret: &str, code: fn(u8) -> String) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    secret.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { code(byte) }).collect()
}

/// Behind a backslash wherever Markdown would make something of a character.
fn marked_down(secret: &str) -> String {
    let escape = |c: char| {
        if c.is_ascii_punctuation() && !"-.+=:/".contains(c) { format!("\\{c}") } else { c.to_string() }
    };
    secret.chars().map(escape).collect()
}
