//! What a name says of its value.

use crate::cursor::{rest, window_before};
use crate::vocabulary::{
    DESCRIBED, DOUBTFUL, NAME_KEYS, OTHER_KEYS, SECRET_KEYS, STEMS, UNRELATED, VALUE_KEYS, WORDS,
};
use std::collections::HashSet;
use std::sync::LazyLock;

/// Names longer than this are no names, in bytes.
pub(super) const LONGEST: usize = 100;

/// How sure a name makes that its value is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// The value is hidden if it looks like chance.
    Doubtful,
    /// The value is hidden unless it is plainly something else: a path, a number, words.
    Likely,
    /// The value is hidden.
    Certain,
}

/// What a name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    pub strength: Strength,
    /// `tokens: 512` counts.
    pub is_plural: bool,
    /// `pin: 1234`: the value is a short number.
    pub is_code: bool,
    /// `cookie: a=b; c=d`: the value is the rest of the line.
    pub is_line: bool,
}

static SETS: LazyLock<Sets> = LazyLock::new(|| Sets {
    stems: STEMS.split_whitespace().map(|stem| stem.chars().filter(|c| !is_mark(*c)).collect()).collect(),
    words: WORDS.split_whitespace().collect(),
    doubtful: DOUBTFUL.split_whitespace().collect(),
    secret_keys: SECRET_KEYS.split_whitespace().collect(),
    other_keys: OTHER_KEYS.split_whitespace().collect(),
    described: DESCRIBED.split_whitespace().collect(),
    unrelated: UNRELATED.split_whitespace().collect(),
    name_keys: NAME_KEYS.split_whitespace().collect(),
    value_keys: VALUE_KEYS.split_whitespace().collect(),
});

/// The lists of words, for a quick look.
struct Sets {
    stems: Vec<String>,
    words: HashSet<&'static str>,
    doubtful: HashSet<&'static str>,
    secret_keys: HashSet<&'static str>,
    other_keys: HashSet<&'static str>,
    described: HashSet<&'static str>,
    unrelated: HashSet<&'static str>,
    name_keys: HashSet<&'static str>,
    value_keys: HashSet<&'static str>,
}

/// What a name says of its value; `None` if nothing.
pub(super) fn meaning_of(name: &str) -> Option<Meaning> {
    let name = window_before(name, name.len(), LONGEST);
    let words = words_of(name);
    let last = words.last()?.as_str();
    let joined = words.concat();
    if SETS.unrelated.iter().any(|word| joined == *word || words.iter().any(|own| own == word)) {
        return None;
    }
    let strength = strength_of(&words, &joined)?;
    // `password_file`: what is described is no secret, if it looks like a description.
    let is_described = words.len() > 1 && SETS.described.contains(last) && !names_id(&joined);
    let is_code = words.iter().any(|word| {
        matches!(
            word.as_str(),
            "pin" | "puk" | "otp" | "totp" | "hotp" | "tan" | "cvv" | "cvc" | "cvv2" | "mfa"
        )
    });
    let is_line = matches!(last, "cookie" | "cookies" | "authorization");
    Some(Meaning {
        strength: if is_described { strength.min(Strength::Likely) } else { strength },
        is_plural: last.ends_with('s') && !last.ends_with("ss") && !matches!(last, "creds" | "passwords"),
        is_code: is_code && !is_described,
        is_line,
    })
}

/// The half of a login that is called an identifier: Vault's `secret_id`.
fn names_id(joined: &str) -> bool {
    joined.ends_with("secretid")
}

fn strength_of(words: &[String], joined: &str) -> Option<Strength> {
    if SETS.stems.iter().any(|stem| joined.contains(stem.as_str())) {
        return Some(Strength::Certain);
    }
    let mut found = None;
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| words.get(before)).map(String::as_str);
        let here = word_strength(word, before, words.len() == 1);
        found = found.max(here);
    }
    found
}

fn word_strength(word: &str, before: Option<&str>, is_alone: bool) -> Option<Strength> {
    if SETS.doubtful.contains(word) {
        return Some(if is_alone { Strength::Doubtful } else { Strength::Likely });
    }
    if SETS.words.contains(word) {
        // One word may be anything, as `pin` of a board and `tan` of an angle.
        let is_short =
            matches!(word, "pin" | "puk" | "tan" | "otp" | "mfa" | "cookie" | "cookies" | "authorization");
        return Some(if is_short { Strength::Likely } else { Strength::Certain });
    }
    // `rootpass`, `dbpw`: glued to another word.
    let glued =
        ["pass", "pwd", "passwd", "psk"].iter().any(|end| word.len() > end.len() + 1 && word.ends_with(end));
    if glued && !matches!(word, "compass" | "bypass" | "surpass" | "trespass" | "overpass" | "underpass") {
        return Some(Strength::Certain);
    }
    let key = word.strip_suffix("keys").or_else(|| word.strip_suffix("key"))?;
    let kind = if key.is_empty() { before.unwrap_or_default() } else { key };
    match kind {
        kind if SETS.other_keys.contains(kind) => Some(Strength::Likely),
        kind if SETS.secret_keys.contains(kind) => Some(Strength::Certain),
        "public" | "pub" => None,
        // `key` alone, or a key of an unknown kind.
        _ => Some(Strength::Doubtful),
    }
}

/// Whether a name is that of a key that holds a name: `name` in `name=PASSWORD value=x`.
pub(super) fn holds_name(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SETS.name_keys.contains(key.trim_matches(['-', '.', '@', '_']))
}

/// Whether a name is that of a key that holds a value: `value` in `name=PASSWORD value=x`.
pub(super) fn holds_value(key: &str) -> bool {
    SETS.value_keys.contains(key.to_ascii_lowercase().trim_matches(['-', '.', '@', '_']))
}

/// The words of a name in lower case and without accents: parted where the case changes, and at every
/// separator.
pub(super) fn words_of(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut chars = name.chars().peekable();
    let mut last: Option<char> = None;
    while let Some(c) = chars.next() {
        if !c.is_alphanumeric() && !is_mark(c) {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            last = None;
            continue;
        }
        let next_is_lower = chars.peek().is_some_and(|next| next.is_lowercase());
        let begins = last.is_some_and(|last| {
            c.is_uppercase()
                && (last.is_lowercase() || last.is_ascii_digit() || (last.is_uppercase() && next_is_lower))
        });
        if begins {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        }
        if !is_mark(c) {
            word.extend(c.to_lowercase().filter(|c| !is_mark(*c)).map(without_accent));
            last = Some(c);
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// A combining accent, as decomposed text has it, and the marks of Indian and Thai letters.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{93C}' | '\u{94D}' | '\u{E31}' | '\u{E34}'..='\u{E3A}' | '\u{E47}'..='\u{E4E}')
}

fn without_accent(c: char) -> char {
    match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'è'..='ë' | 'ē' | 'ę' | 'ě' | 'ė' => 'e',
        'ì'..='ï' | 'ī' | 'į' | 'ı' => 'i',
        'ñ' | 'ń' | 'ň' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ő' => 'o',
        'ù'..='ü' | 'ū' | 'ű' | 'ů' => 'u',
        'ý' | 'ÿ' => 'y',
        'ł' => 'l',
        'ś' | 'š' | 'ş' => 's',
        'ź' | 'ż' | 'ž' => 'z',
        'ð' => 'd',
        c => c,
    }
}

/// A character that a name is made of.
pub(super) fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-') || is_mark(c)
}

/// The length of the name that a text begins with, in bytes.
pub(super) fn name_length(text: &str) -> usize {
    text.char_indices().find(|(at, c)| !is_name_char(*c) || *at > LONGEST).map_or(text.len(), |(at, _)| at)
}

/// The length of the name that a text ends with, in bytes.
pub(super) fn name_length_back(text: &str) -> usize {
    let mut length = 0;
    for c in text.chars().rev() {
        if !is_name_char(c) || length > LONGEST {
            break;
        }
        length += c.len_utf8();
    }
    length
}

/// Words that stand before `key` with a blank: `API key`, and other names of several words.
pub(super) fn with_word_before<'a>(text: &'a str, start: usize, name: &str) -> Option<&'a str> {
    let first = words_of(name).first().cloned()?;
    let goes_on = [
        "key", "keys", "code", "codes", "pass", "phrase", "word", "passe", "acceso", "acces", "sandi", "khau",
    ];
    if !goes_on.contains(&first.as_str()) {
        return None;
    }
    let head = window_before(text, start, LONGEST);
    let head = head.strip_suffix(' ')?;
    // Up to two words: `mot de passe`.
    let mut length = name_length_back(head);
    let two = head.get(..head.len() - length).and_then(|more| more.strip_suffix(' '));
    if let (Some(more), "passe" | "acceso" | "acces") = (two, first.as_str()) {
        length += 1 + name_length_back(more);
    }
    let has_word = rest(head, head.len() - length).chars().any(char::is_alphanumeric);
    (length > 0 && has_word).then(|| rest(text, start - 1 - length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parted_into_words() {
        for (name, words) in [
            ("DB_PASSWORD", &["db", "password"][..]),
            ("rootPassHash", &["root", "pass", "hash"]),
            ("AWSSecretKey", &["aws", "secret", "key"]),
            ("--api-key", &["api", "key"]),
            ("Schlüssel", &["schlussel"]),
            ("contrasen\u{303}a", &["contrasena"]),
            ("tls.key", &["tls", "key"]),
        ] {
            assert_eq!(words_of(name), words, "{name}");
        }
    }

    #[test]
    fn names_say_how_sure_they_are() {
        use Strength::{Certain, Doubtful, Likely};
        for (name, strength) in [
            ("DB_PASS", Some(Certain)),
            ("PGPASSWORD", Some(Certain)),
            ("ADMIN_PW", Some(Certain)),
            ("RootPass", Some(Certain)),
            ("FERNET_KEY", Some(Certain)),
            ("mot_de_passe", Some(Certain)),
            ("HASŁO", Some(Certain)),
            ("用户密码", Some(Certain)),
            ("password_file", Some(Likely)),
            ("secret_id", Some(Certain)),
            ("session", Some(Doubtful)),
            ("key", Some(Doubtful)),
            ("public_key", None),
            ("NOPASSWD", None),
            ("compass", None),
            ("username", None),
        ] {
            assert_eq!(meaning_of(name).map(|meaning| meaning.strength), strength, "{name}");
        }
    }
}
