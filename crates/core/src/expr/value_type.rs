//! Typed values: what a parameter or a fact may hold before it may become part of a command.

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{fmt, sync::LazyLock};

/// The type of a parameter or of a fact that a command uses. No type admits control characters, and
/// none of the textual ones admits a leading `-`, so that a value can never be read as an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// A service, container or user: `A-Z a-z 0-9 . _ -`.
    Name,
    /// Several names.
    Names,
    /// An absolute path without `..`.
    Path,
    /// Several paths.
    Paths,
    /// A container image reference, `registry:5000/name:tag@sha256:…`.
    Image,
    /// Several image references.
    Images,
    /// Several UUIDs.
    Uuids,
    /// A whole number from 0 to 2^53.
    Integer,
    /// A number from 0 to 100.
    Percent,
    /// A host name or IP address, with an optional port.
    Host,
    /// A unit of systemd, with or without its suffix: as a name, and with `:`, `@` and escapes such as `\x2d`, as
    /// `systemd-escape` prints them.
    Unit,
    /// Several units.
    Units,
}

/// Why a value is not of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value} is not {kind}: {rule}", kind = value_type.article(), rule = value_type.rule())]
pub struct ValueError {
    /// The value as JSON, at most 60 characters of it.
    pub value: String,
    /// The type that it should have.
    pub value_type: ValueType,
}

static NAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"));
static PATH: LazyLock<Regex> = LazyLock::new(|| pattern(r"/[A-Za-z0-9._/@:+, -]{0,1023}"));
static UNIT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"([A-Za-z0-9_]|\\x[0-9a-f]{2})([A-Za-z0-9:_.@-]|\\x[0-9a-f]{2}){0,254}"));
static IMAGE: LazyLock<Regex> = LazyLock::new(|| pattern(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}"));
static UUID: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"));
static HOST: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?"));

#[expect(clippy::expect_used, reason = "the pattern is a constant")]
fn pattern(inner: &str) -> Regex {
    Regex::new(&format!(r"\A(?:{inner})\z")).expect("a constant pattern")
}

impl ValueType {
    /// Every type, for help texts and schemas.
    pub const ALL: [ValueType; 12] = [
        ValueType::Name,
        ValueType::Names,
        ValueType::Path,
        ValueType::Paths,
        ValueType::Image,
        ValueType::Images,
        ValueType::Uuids,
        ValueType::Integer,
        ValueType::Percent,
        ValueType::Host,
        ValueType::Unit,
        ValueType::Units,
    ];

    /// The value if it is of this type, else why not. Numbers may come as text, as they do from a
    /// slash command; they leave as numbers.
    ///
    /// # Errors
    /// The value is not of this type, or is a list of more than 1000 items.
    pub fn check(self, value: &Value) -> Result<Value, ValueError> {
        let bad = || ValueError { value: shown(value), value_type: self };
        let text = |regex: &Regex| match value {
            Value::String(text) if regex.is_match(text) => Ok(value.clone()),
            _ => Err(bad()),
        };
        let several = |one: ValueType| match value {
            Value::Array(items) if items.len() <= 1000 && items.iter().all(|i| one.check(i).is_ok()) => {
                Ok(value.clone())
            }
            _ => Err(bad()),
        };
        match self {
            ValueType::Name => text(&NAME),
            ValueType::Image => text(&IMAGE),
            ValueType::Host => text(&HOST),
            ValueType::Unit => text(&UNIT).and_then(|unit| {
                if words(&unit).iter().all(|unit| unit.len() <= 255) { Ok(unit) } else { Err(bad()) }
            }),
            ValueType::Path => text(&PATH).and_then(|path| match path.as_str() {
                Some(text) if text.split('/').any(|part| part == "..") => Err(bad()),
                _ => Ok(path),
            }),
            ValueType::Names => several(ValueType::Name),
            ValueType::Units => several(ValueType::Unit),
            ValueType::Paths => several(ValueType::Path),
            ValueType::Images => several(ValueType::Image),
            ValueType::Uuids => match value {
                Value::Array(items)
                    if items.len() <= 1000
                        && items.iter().all(|i| i.as_str().is_some_and(|u| UUID.is_match(u))) =>
                {
                    Ok(value.clone())
                }
                _ => Err(bad()),
            },
            ValueType::Integer => number(value)
                .filter(|n| n.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(n))
                .map(|n| Value::from(n as u64))
                .ok_or_else(bad),
            ValueType::Percent => number(value)
                .filter(|n| (0.0..=100.0).contains(n))
                .map(|n| if n.fract() == 0.0 { Value::from(n as u64) } else { Value::from(n) })
                .ok_or_else(bad),
        }
    }

    /// With its article, for people.
    pub fn article(self) -> &'static str {
        match self {
            ValueType::Name => "a name",
            ValueType::Names => "a list of names",
            ValueType::Path => "a path",
            ValueType::Paths => "a list of paths",
            ValueType::Image => "an image reference",
            ValueType::Images => "a list of image references",
            ValueType::Uuids => "a list of UUIDs",
            ValueType::Integer => "a whole number",
            ValueType::Percent => "a percentage",
            ValueType::Host => "a host",
            ValueType::Unit => "a unit of systemd",
            ValueType::Units => "a list of units of systemd",
        }
    }

    /// A value of this type, as a person writes it.
    pub fn example(self) -> &'static str {
        match self {
            ValueType::Name => "app",
            ValueType::Names => "app,db",
            ValueType::Path => "/srv/app",
            ValueType::Paths => "/srv/app,/srv/db",
            ValueType::Image => "app:1",
            ValueType::Images => "app:1,db:1",
            ValueType::Uuids => "0190e0a0-0000-7000-8000-000000000001",
            ValueType::Integer => "10",
            ValueType::Percent => "50",
            ValueType::Host => "db.example.org:5432",
            ValueType::Unit => "app@1",
            ValueType::Units => "app@1,app@2",
        }
    }

    fn rule(self) -> &'static str {
        match self {
            ValueType::Name | ValueType::Names => {
                "use A-Z, a-z, 0-9, `.`, `_`, `-`, not beginning with `-` or `.`"
            }
            ValueType::Path | ValueType::Paths => "use an absolute path without `..` or shell characters",
            ValueType::Image | ValueType::Images => "use name:tag, with an optional registry and digest",
            ValueType::Uuids => "use UUIDs in their usual form",
            ValueType::Integer => "use digits only",
            ValueType::Percent => "use a number from 0 to 100",
            ValueType::Host => "use a host name or address, with an optional port",
            ValueType::Unit | ValueType::Units => {
                "use A-Z, a-z, 0-9, `.`, `_`, `-`, `:`, `@`, not beginning with `-` or `.`; `systemd-escape` writes the \
                 rest as `\\x2d`"
            }
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", format!("{self:?}").to_lowercase())
    }
}

/// Whether a path is a directory or lies below it. A path has no `..` (see [`ValueType::Path`]), so text decides.
pub fn is_below(path: &str, directory: &str) -> bool {
    let rest = path.strip_prefix(directory.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The words that a checked value becomes: a list becomes several.
pub fn words(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(words).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::String(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
            text.parse().ok()
        }
        _ => None,
    }
}

/// A value as an error message shows it: short, and with control characters escaped.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    let start: String = text.chars().take(60).collect();
    if start.len() < text.len() { format!("{start}…") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_below_a_directory_is_no_neighbour_of_it() {
        for path in ["/a/b", "/a/b/", "/a/b/c"] {
            assert!(is_below(path, "/a/b") && is_below(path, "/a/b/") && is_below(path, "/"), "{path}");
        }
        for path in ["/a", "/a/bc", "/a/b.old/c", "/x/a/b", "a/b"] {
            assert!(!is_below(path, "/a/b") && !is_below(path, "/a/b/"), "{path}");
        }
    }

    #[test]
    fn kinds_admit_what_they_say() {
        for (kind, good, bad) in [
            (
                ValueType::Name,
                vec![json!("app"), json!("worker_wrapper-1")],
                vec![
                    json!("-f"),
                    json!("a b"),
                    json!(""),
                    json!("a;b"),
                    json!("a\n"),
                    json!(3),
                    json!("a\0"),
                ],
            ),
            (
                ValueType::Unit,
                vec![
                    json!("app"),
                    json!("app@web.service"),
                    json!(r"mnt-usb\x2ddisk.mount"),
                    json!("a@:1.2"),
                ],
                vec![
                    json!("-app"),
                    json!("a b"),
                    json!("a;b"),
                    json!(r"a\n"),
                    json!(r"a\x2D"),
                    json!(r"a\"),
                    json!("a'b"),
                    json!("a/b"),
                    json!("a".repeat(256)),
                ],
            ),
            (
                ValueType::Path,
                vec![json!("/opt/qfieldcloud"), json!("/a b/c")],
                vec![json!("opt"), json!("/a/../b"), json!("/a$(x)"), json!("/a\nb"), json!("/a'b")],
            ),
            (
                ValueType::Image,
                vec![json!("qfieldcloud-qgis:3"), json!("r:5000/a/b@sha256:ab")],
                vec![json!("-x"), json!("a b"), json!("a$b")],
            ),
            (
                ValueType::Uuids,
                vec![json!([]), json!(["0190e0a0-0000-7000-8000-000000000001"])],
                vec![json!("x"), json!(["' or 1=1"])],
            ),
            (
                ValueType::Integer,
                vec![json!(0), json!("12")],
                vec![json!(-1), json!(1.5), json!("1e3"), json!("")],
            ),
            (ValueType::Percent, vec![json!(90), json!("85.5")], vec![json!(101), json!("x")]),
            (
                ValueType::Host,
                vec![json!("203.0.113.5"), json!("db.example.org:5432")],
                vec![json!("-oProxyCommand=x"), json!("a b")],
            ),
            (ValueType::Names, vec![json!(["a", "b"])], vec![json!(["a", "-b"]), json!("a")]),
        ] {
            for value in good {
                assert!(kind.check(&value).is_ok(), "{kind} should admit {value}");
            }
            for value in bad {
                assert!(kind.check(&value).is_err(), "{kind} should refuse {value}");
            }
        }
    }
}
