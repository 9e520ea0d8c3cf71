//! Identities: checked names, repositories and tickets, case and change numbers, library hashes. Each has a
//! type of its own.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// Why a word is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not a {what}: use {rule}")]
pub struct NameError {
    /// The rejected word, as it was given.
    pub word: String,
    /// What the word was to be, such as `host name`.
    pub what: &'static str,
    /// The required form in words: length, characters, first character.
    pub rule: &'static str,
}

/// The form of a kind of name.
struct Form {
    check: fn(&str) -> bool,
    /// The rule in words, for errors.
    rule: &'static str,
    /// The same as a regular expression, for the schemas that editors read.
    pattern: &'static str,
}

const SLUG: Form = Form {
    check: is_slug,
    rule: "up to 64 of a-z, 0-9, `-`, `_`, `.`, beginning with a letter or digit",
    pattern: "^[a-z0-9][a-z0-9_.-]{0,63}$",
};

/// What an expression can use as an identifier.
const IDENTIFIER: Form = Form {
    check: is_identifier,
    rule: "up to 64 of a-z, 0-9 and `_`, beginning with a letter",
    pattern: "^[a-z][a-z0-9_]{0,63}$",
};

fn is_slug(word: &str) -> bool {
    let mut bytes = word.bytes();
    word.len() <= 64
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b))
}

fn is_identifier(word: &str) -> bool {
    let mut bytes = word.bytes();
    word.len() <= 64
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $form:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the word and wraps it.
            ///
            /// # Errors
            /// The word does not have the form of this kind of name.
            pub fn new(word: impl Into<String>) -> Result<Self, NameError> {
                let word = word.into();
                if ($form.check)(&word) {
                    Ok(Self(word))
                } else {
                    Err(NameError { word, what: $what, rule: $form.rule })
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(word: String) -> Result<Self, NameError> {
                Self::new(word)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $form.pattern })
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

names! {
    /// A system under care, as the configuration names it: `qfieldcloud`, `depot`.
    SystemName, "system name", SLUG;
    /// A kind of system, as the playbook library names it; several systems may be of one kind.
    SystemTypeName, "kind of system", SLUG;
    /// A playbook, unique within its kind of system.
    PlaybookName, "playbook name", SLUG;
    /// A symptom that a system type declares: `jobs-wait`, `no-space`.
    SymptomName, "symptom name", SLUG;
    /// A host of the inventory.
    HostName, "host name", SLUG;
    /// A schedule of the configuration: `nightly-clean-up`.
    ScheduleName, "schedule name", SLUG;
    /// A monitor of the configuration that sends alerts: `alertmanager`.
    AlertSourceName, "name of an alert source", SLUG;
    /// A channel for notices: `ops-chat`.
    ChannelName, "channel name", SLUG;
    /// What a host is to a system: `main`, `db`, `agent`.
    Role, "role", SLUG;
    /// A probe; expressions use it as a namespace.
    ProbeName, "probe name", IDENTIFIER;
    /// A fact that a probe reads.
    FactName, "fact name", IDENTIFIER;
    /// A parameter of a system or of a request.
    ParamName, "parameter name", IDENTIFIER;
}

impl Role {
    /// The role a probe or step means when it names none.
    pub fn main() -> Self {
        Self("main".into())
    }

    /// The machine that Fieldmedic runs on, for looks from outside.
    pub fn agent() -> Self {
        Self("agent".into())
    }
}

/// A repository, `owner/name`. GitHub does not tell upper from lower case in it; here it is lower.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct Repo {
    /// The user or organization, in lower case.
    pub owner: String,
    /// The repository's name without its owner, in lower case.
    pub name: String,
}

/// The address of an issue: `owner/name#12`. The runs of a schedule have no issue; they are kept under
/// `schedule:name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TicketId {
    /// The repository of the issue.
    pub repo: Repo,
    /// The issue's number in its repository, from 1; 0 for a schedule.
    pub number: u64,
}

/// The owner of what is no repository: no account of GitHub has a name that begins with a hyphen.
const NO_OWNER: &str = "-";

/// What the address of a schedule begins with.
const SCHEDULE: &str = "schedule:";

impl TicketId {
    /// Where the runs of a schedule are kept. They have no issue.
    pub fn of_schedule(name: &ScheduleName) -> Self {
        Self { repo: Repo { owner: NO_OWNER.into(), name: name.to_string() }, number: 0 }
    }

    /// Whether there is an issue, on which something can be read and written.
    pub fn is_issue(&self) -> bool {
        self.repo.owner != NO_OWNER
    }
}

/// What is wrong with an address that a person wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseAddressError {
    /// The text, which is not of the form `owner/name`.
    #[error("`{0}` is not a repository: write owner/name")]
    Repo(String),
    /// The text, which is neither `owner/name#12` nor the URL of an issue.
    #[error("`{0}` is not an issue: write owner/name#12, the issue's URL, or its number")]
    Ticket(String),
}

impl FromStr for Repo {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        let is_part = |part: &str| {
            !part.is_empty()
                && part.len() <= 100
                && !matches!(part, "." | "..")
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        match text.split_once('/') {
            Some((owner, name)) if is_part(owner) && owner != NO_OWNER && is_part(name) => {
                Ok(Repo { owner: owner.to_lowercase(), name: name.to_lowercase() })
            }
            _ => Err(ParseAddressError::Repo(text.into())),
        }
    }
}

impl FromStr for TicketId {
    type Err = ParseAddressError;

    /// Takes `owner/name#12`, `https://…/owner/name/issues/12` and `schedule:name`.
    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        let bad = || ParseAddressError::Ticket(text.into());
        if let Some(name) = text.strip_prefix(SCHEDULE) {
            return ScheduleName::new(name).map(|name| Self::of_schedule(&name)).map_err(|_| bad());
        }
        let (repo, number) = match text.split_once('#') {
            Some((repo, number)) if !text.contains("://") => (repo.to_owned(), number),
            _ => {
                let path = text.split_once("://").ok_or_else(bad)?.1;
                let parts: Vec<&str> = path.split(['/', '#', '?']).collect();
                let [_, owner, name, "issues", number, ..] = parts[..] else { return Err(bad()) };
                (format!("{owner}/{name}"), number)
            }
        };
        let number = number.parse().map_err(|_| bad())?;
        Ok(TicketId { repo: repo.parse().map_err(|_| bad())?, number })
    }
}

impl fmt::Display for Repo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_issue() {
            true => write!(f, "{}#{}", self.repo, self.number),
            false => write!(f, "{SCHEDULE}{}", self.repo.name),
        }
    }
}

macro_rules! as_string {
    ($($name:ident)*) => {$(
        impl TryFrom<String> for $name {
            type Error = ParseAddressError;
            fn try_from(text: String) -> Result<Self, ParseAddressError> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.to_string()
            }
        }
    )*};
}
as_string!(Repo TicketId);

/// The identity of a case: `c` and 12 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaseId(String);

impl CaseId {
    /// Derived from the ticket's address and the key of what opened it: the same content gives the same
    /// case, whichever replica reads it.
    pub fn derive(ticket: &impl fmt::Display, key: &str) -> Self {
        let mut digits = hex::encode(Sha256::digest(format!("{ticket}\0{key}")));
        digits.truncate(12);
        Self(format!("c{digits}"))
    }

    /// As a person or the store wrote it; `None` if it is no case number.
    pub fn from_text(text: &str) -> Option<Self> {
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let digits = text.strip_prefix('c')?;
        (digits.len() == 12 && digits.bytes().all(is_hex)).then(|| Self(text.to_owned()))
    }

    /// The number as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One change of one remediation, forward or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChangeId {
    /// The remediation's number within its case, from 0.
    pub remediation: usize,
    /// The step's number within its plan, from 0.
    pub step: usize,
    /// Whether the step is done or rolled back.
    pub direction: Direction,
}

/// Which way a change goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The step itself.
    Forward,
    /// Its rollback.
    Rollback,
}

/// The content hash of a whole library: SHA-256 in hex, over the paths and texts of its files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LibraryHash(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for (word, slug, identifier) in [
            ("worker-down", true, false),
            ("worker_down", true, true),
            ("8gb", true, false),
            ("", false, false),
            ("-x", false, false),
            ("Worker", false, false),
            ("a b", false, false),
            ("a\n", false, false),
            ("a/../b", false, false),
            (&"a".repeat(64), true, true),
            (&"a".repeat(65), false, false),
        ] {
            assert_eq!(PlaybookName::new(word).is_ok(), slug, "{word:?} as a playbook");
            assert_eq!(ProbeName::new(word).is_ok(), identifier, "{word:?} as a probe");
            for form in [SLUG, IDENTIFIER] {
                let pattern = regex::Regex::new(form.pattern).unwrap();
                assert_eq!(pattern.is_match(word), (form.check)(word), "{word:?} and {pattern}");
            }
        }
    }
}
