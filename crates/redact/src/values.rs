//! What a value looks like: a literal, a reference, plain words, or chance.

use crate::cursor::window;
use crate::mask::MASK;

/// What stands where a secret would, and is none.
pub(super) fn is_literal(value: &str) -> bool {
    let words = [
        "true",
        "false",
        "null",
        "none",
        "nil",
        "yes",
        "no",
        "undefined",
        "(null)",
        "<nil>",
        "<none>",
        "~",
        "set",
        "unset",
        "n/a",
        "required",
        "optional",
        "disabled",
        "enabled",
        "empty",
        "(none)",
        "<unset>",
        "<empty>",
        "<redacted>",
        "redacted",
        "{}",
        "[]",
        "-",
        "string",
        "str",
    ];
    words.iter().any(|word| value.eq_ignore_ascii_case(word))
        || value == MASK
        || (!value.is_empty() && value.chars().all(|c| matches!(c, '*' | '•' | '.' | '-' | '…')))
        || (value.len() > 2 && value.bytes().all(|byte| byte == b'x' || byte == b'X'))
}

/// A value that is kept elsewhere: `$NAME`, `${NAME}`, `{{ name }}`, `%(name)s`, `<password>`.
pub(super) fn is_reference(value: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ' ' | '-' | '[' | ']' | '|' | '$'))
    };
    let inside = |open: &str, close: &str| value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    let is_shell = |name: &str| {
        let mut chars = name.chars();
        chars.next().is_some_and(|c| c.is_ascii_uppercase() || c == '_')
            && chars.all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    value.strip_prefix('$').is_some_and(is_shell)
        || inside("${", "}").is_some_and(|name| is_name(name) && !name.contains('-'))
        || ["{{", "${{", "%("].iter().any(|open| value.starts_with(open))
            && (value.ends_with("}}") || value.ends_with(")s"))
        || inside("<", ">").is_some_and(|name| is_name(name) && is_plain(name))
        || inside("$(", ")").is_some_and(is_name)
}

/// The length of the reference that a text begins with.
pub(super) fn reference_length(text: &str) -> Option<usize> {
    let pairs = [("${{", "}}"), ("${", "}"), ("{{", "}}"), ("%(", ")s"), ("$(", ")"), ("<", ">")];
    let (_, close) = pairs.iter().find(|(open, _)| text.starts_with(open))?;
    let head = window(text, 0, REFERENCE);
    let length = head.find(close)? + close.len();
    let value = head.get(..length)?;
    (is_reference(value) || is_literal(value)).then_some(length)
}

/// The longest reference, in bytes.
const REFERENCE: usize = 120;

/// Whether a value is plainly no secret: words, a path, a number, a version, an address without a login.
pub(super) fn is_plain(value: &str) -> bool {
    let value = value.trim();
    if is_literal(value) || is_reference(value) || is_public_key(value) {
        return true;
    }
    value.split(|c: char| !c.is_alphanumeric()).all(is_plain_word)
        // A password may be made of words and signs: only signs that paths, addresses and words have.
        && value.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "-_./:,;()[]{}'\"@".contains(c))
        && !value.contains("@@")
}

/// Whether a value is plain, and none of its words is one with a number behind it, as `otter77` is.
pub(super) fn is_words(value: &str) -> bool {
    let is_numbered = |word: &str| {
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
        let is_word = letters.chars().count() >= 5 && letters.chars().all(char::is_alphabetic);
        is_word && word.len() - letters.len() >= 2
    };
    is_plain(value) && !value.split(|c: char| !c.is_alphanumeric()).any(is_numbered)
}

/// A word, a number, or a word with a number behind it.
pub(super) fn is_plain_word(word: &str) -> bool {
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = word.len() - letters.len();
    if letters.chars().any(|c| c.is_ascii_digit()) {
        return is_unit_or_version(word) || is_time(word);
    }
    // A run of digits behind letters: `worker2`, `python312`, `20261126T`.
    (letters.is_empty() && digits <= 20)
        || (digits <= 4 && letters.chars().count() <= 40 && has_word_case(letters))
}

/// `v1`, `2rc1`, `10ms`, `4h2m`, `64bit`, `x86`.
fn is_unit_or_version(word: &str) -> bool {
    word.len() <= 5 && !word.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// `20261126T224835Z`, `26T22`, `35Z`.
fn is_time(word: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let inner = word.strip_suffix('Z').unwrap_or(word);
    match inner.split_once('T') {
        Some((day, time)) => is_number(day) && is_number(time),
        None => inner.len() < word.len() && is_number(inner),
    }
}

/// Lower case, upper case, or words that begin with a capital.
fn has_word_case(letters: &str) -> bool {
    let (mut parts, mut lower, mut vowels) = (0, 0, 0);
    let mut was_lower = false;
    for c in letters.chars() {
        if c.is_uppercase() && was_lower {
            // A word of four letters and more can be said.
            if lower >= 4 && vowels == 0 {
                return false;
            }
            parts += 1;
            (lower, vowels) = (0, 0);
        }
        lower += usize::from(c.is_lowercase());
        vowels += usize::from("aeiouyAEIOUY".contains(c) || !c.is_ascii());
        was_lower = c.is_lowercase();
    }
    parts == 0 || (letters.chars().count() / (parts + 1) >= 3 && !(lower >= 4 && vowels == 0))
}

/// A public key as OpenSSH writes it, with its kind before it or without.
pub(super) fn is_public_key(value: &str) -> bool {
    let kinds = ["AAAAB3NzaC1", "AAAAC3NzaC1", "AAAAE2VjZHNh", "AAAAGnNrLX", "AAAAInNrLX"];
    let key = value.rsplit(' ').find(|word| word.starts_with("AAAA")).unwrap_or(value);
    kinds.iter().any(|kind| key.starts_with(kind))
}

/// Whether a value looks made up, as a password does: kinds of characters are mixed.
pub(super) fn is_mixed(value: &str) -> bool {
    let has = |kind: fn(&char) -> bool| usize::from(value.chars().any(|c| kind(&c)));
    let kinds = has(char::is_ascii_lowercase) + has(char::is_ascii_uppercase) + has(char::is_ascii_digit);
    let has_sign = value.chars().any(|c| "!#$%&*+=?^~@".contains(c));
    value.len() >= 6 && !is_words(value) && (kinds >= 2 || has_sign)
}

/// Whether a value looks like chance: long, and of changing kinds of characters.
pub(super) fn is_random(value: &str, shortest: usize) -> bool {
    let length = value.chars().count();
    length >= shortest && !is_plain(value) && changes(value) * 3 >= length && !is_hex(value)
}

/// How often the kind of character changes, from one letter or digit to the next.
pub(super) fn changes(value: &str) -> usize {
    let kind = |c: char| if c.is_ascii_digit() { 0 } else { 1 + usize::from(c.is_uppercase()) };
    let mut kinds = value.chars().filter(|c| c.is_alphanumeric()).map(kind);
    let Some(mut last) = kinds.next() else { return 0 };
    let mut count = 0;
    for kind in kinds {
        count += usize::from(kind != last);
        last = kind;
    }
    count
}

/// Digits of a digest or an identifier, all in one case.
pub(super) fn is_hex(value: &str) -> bool {
    let digits = |letters: fn(&u8) -> bool| {
        value.bytes().all(|byte| byte.is_ascii_digit() || letters(&byte) || byte == b'-')
    };
    !value.is_empty()
        && (digits(|byte| (b'a'..=b'f').contains(byte)) || digits(|byte| (b'A'..=b'F').contains(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_values_are_told_from_secrets() {
        for value in [
            "/run/secrets/db_password",
            "3600",
            "my-secret-name",
            "https://example.org/oauth/token",
            "30 days",
            "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
            "db-secret-2",
            "",
            "${DB_PASSWORD}",
            "{{ .Values.password }}",
            "<password>",
            "****",
            "2026-11-26T22:48:35Z",
            "X-Auth-Token",
        ] {
            assert!(is_plain(value), "{value}");
        }
        for value in ["Xk29fjf8Lmq2", "p4ssw0rd", "Tr0ub4dor&3", "hunter2!", "aB3dE5gH7", "${X:-hunter2}"] {
            assert!(!is_plain(value), "{value}");
        }
    }
}
