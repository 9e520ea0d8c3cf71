//! Secrets leave by no door: whatever is recorded or published has the type [`Redacted`].
//!
//! A [`Redacted`] can only be made by a [`Redactor`], or from text that stands in the program itself.

use regex::{Captures, Regex};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{fmt, sync::LazyLock};

/// Text that has passed a [`Redactor`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Redacted(String);

impl Redacted {
    /// Text written in this program, which holds no secret.
    pub fn constant(text: &'static str) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What stands in place of a secret.
pub const MASK: &str = "[redacted]";

/// Shapes of secrets that need no context. Token prefixes are the providers' documented ones.
static SHAPES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
        r"\bgh[pousr]_[A-Za-z0-9]{20,255}",
        r"\bgithub_pat_[A-Za-z0-9_]{22,255}",
        r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
        r"\bglpat-[A-Za-z0-9_-]{20,}",
        r"\bsk-[A-Za-z0-9_-]{20,}",
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    ]
    .iter()
    .map(|pattern| Regex::new(pattern).expect("a constant pattern"))
    .collect()
});

/// A name that says its value is a secret, then the value: `password: x`, `"api_key": "x"`,
/// `PGPASSWORD=x`, `--token x`, `Authorization: Bearer x`, `scheme://user:x@host`.
static NAMED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r#"(?i)(?P<keep>\b[\w.-]*(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|secret[_-]?key|credential|salt)[\w.-]*["']?\s*[:=]\s*)(?P<hide>"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,;&"']+)"#,
        r"(?i)(?P<keep>--?(?:password|passwd|token|secret|api-key)[= ]\s*)(?P<hide>\S+)",
        r"(?i)(?P<keep>\bauthorization\s*[:=]\s*(?:(?:bearer|basic|token)\s+)?)(?P<hide>[^\s,;]+)",
        r"(?i)(?P<keep>\b(?:bearer)\s+)(?P<hide>[A-Za-z0-9._~+/=-]{16,})",
        r"(?P<keep>\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/@]*:)(?P<hide>[^\s/@]+)(?P<after>@)",
    ]
    .iter()
    .map(|pattern| Regex::new(pattern).expect("a constant pattern"))
    .collect()
});

/// Hides secrets: known shapes, named values, and the secrets and patterns it was given.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    literals: Vec<String>,
    patterns: Vec<Regex>,
}

impl Redactor {
    /// `secrets`: values the program itself holds (tokens); those under 6 characters are left out,
    /// because hiding them would hide ordinary words. `patterns`: the operator's own.
    pub fn new(secrets: impl IntoIterator<Item = String>, patterns: Vec<Regex>) -> Self {
        let mut literals: Vec<String> = secrets.into_iter().filter(|s| s.len() >= 6).collect();
        literals.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { literals, patterns }
    }

    /// The same text with every secret replaced by [`MASK`].
    pub fn text(&self, text: &str) -> Redacted {
        let mut out = text.to_owned();
        for secret in &self.literals {
            if out.contains(secret.as_str()) {
                out = out.replace(secret.as_str(), MASK);
            }
        }
        for shape in SHAPES.iter().chain(&self.patterns) {
            if shape.is_match(&out) {
                out = shape.replace_all(&out, MASK).into_owned();
            }
        }
        for named in NAMED.iter() {
            if named.is_match(&out) {
                out = named.replace_all(&out, hide_value).into_owned();
            }
        }
        Redacted(out)
    }

    /// The same value with every string in it, keys included, redacted. A string under a key that
    /// names a secret is hidden whole.
    pub fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text).0),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(entries) => entries
                .into_iter()
                .map(|(key, entry)| {
                    let hidden = match &entry {
                        Value::String(text) if !text.is_empty() => {
                            let pair = format!("{key}={text}");
                            self.text(&pair).0.ends_with(MASK).then(|| Value::String(MASK.into()))
                        }
                        _ => None,
                    };
                    (self.text(&key).0, hidden.unwrap_or_else(|| self.value(entry)))
                })
                .collect(),
            other => other,
        }
    }
}

fn hide_value(found: &Captures<'_>) -> String {
    let part = |name| found.name(name).map_or("", |m| m.as_str());
    let hide = part("hide");
    if hide.contains(MASK) || hide.starts_with("[redacted") {
        return found[0].to_owned();
    }
    format!("{}{MASK}{}", part("keep"), part("after"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_the_rest_stays() {
        let redactor = Redactor::new(
            ["correct-horse".to_owned(), "tiny".to_owned()],
            vec![Regex::new(r"CUST-\d+").unwrap()],
        );
        for (text, expect) in [
            ("all 4 workers run", "all 4 workers run"),
            ("the correct-horse stands", "the [redacted] stands"),
            ("a tiny word", "a tiny word"),
            ("customer CUST-123", "customer [redacted]"),
            ("POSTGRES_PASSWORD=hunter2 next", "POSTGRES_PASSWORD=[redacted] next"),
            ("\"api_key\": \"a b\", \"x\": 1", "\"api_key\": [redacted], \"x\": 1"),
            ("postgres://u:p4ss@db/x", "postgres://u:[redacted]@db/x"),
            ("Authorization: Bearer abc.def", "Authorization: Bearer [redacted]"),
            ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "[redacted]"),
            ("curl --token s3cr3t url", "curl --token [redacted] url"),
            (
                "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\nok",
                "[redacted]\nok",
            ),
            ("-----BEGIN RSA PRIVATE KEY-----\ncut off", "[redacted]"),
        ] {
            assert_eq!(redactor.text(text).as_str(), expect);
        }
    }

    #[test]
    fn redacting_twice_changes_nothing() {
        let redactor = Redactor::default();
        for text in ["token=abc", "a://u:p@h", "password: 'x y'", "Authorization: Basic eHl6"] {
            let once = redactor.text(text);
            assert_eq!(redactor.text(once.as_str()), once);
        }
    }

    #[test]
    fn values_are_redacted_by_their_key_too() {
        let value = serde_json::json!({"db": {"password": "hunter2", "host": "db"}, "n": [1, "token=x1"]});
        let clean = Redactor::default().value(value);
        assert_eq!(
            clean,
            serde_json::json!({"db": {"password": MASK, "host": "db"}, "n": [1, "token=[redacted]"]})
        );
    }
}
