//! Text in base64, over one line or several, in which there is a secret.

use crate::key_material::is_certificate;
use crate::mask::Places;
use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use regex::Regex;
use std::sync::LazyLock;

/// Words of base64, over lines too. Shorter ones hold no name and value.
#[expect(clippy::expect_used, reason = "the pattern is a constant")]
static WORDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[A-Za-z0-9+/_-]{16,}(?:(?:\r?\n|\\n)[ \t]*[A-Za-z0-9+/_-]{8,})*={0,2}")
        .expect("a constant pattern")
});

const ANY_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

/// The places of words whose text holds a secret. `holds_secret` looks at what they mean.
pub(super) fn find(text: &str, places: &mut Places, holds_secret: impl Fn(&str) -> bool) {
    for word in WORDS.find_iter(text) {
        let whole = word.as_str();
        if is_certificate(whole) {
            continue;
        }
        // Lines belong together only if the whole of them is text; otherwise each is looked at.
        if decoded(whole).is_some_and(|inner| holds_secret(&inner)) {
            places.hide(word.range());
            continue;
        }
        let mut at = word.start();
        for part in whole.split('\n') {
            let line = part.trim();
            let start = at + (part.len() - part.trim_start().len());
            if line.len() < whole.len()
                && line.len() >= 16
                && decoded(line).is_some_and(|inner| holds_secret(&inner))
            {
                places.hide(start..start + line.len());
            }
            at += part.len() + 1;
        }
    }
}

/// The text that a word means; `None` if it means none.
fn decoded(word: &str) -> Option<String> {
    let word: String = word.replace("\\n", "").chars().filter(|c| !c.is_whitespace()).collect();
    let engine = if word.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    // A word that is cut has up to three characters too many.
    let whole = word.trim_end_matches('=');
    let whole = whole.get(..whole.len() - usize::from(whole.len() % 4 == 1))?;
    let bytes = engine.decode(whole).ok()?;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            // The last character may be cut.
            let end = error.utf8_error().valid_up_to();
            let bytes = error.into_bytes();
            (end + 3 >= bytes.len())
                .then(|| String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned())?
        }
    };
    let is_text = !text.chars().any(|c| c.is_control() && !c.is_whitespace() && c != '\0');
    is_text.then_some(text)
}
