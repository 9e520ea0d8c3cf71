//! A ticket: what a person, or a sweep, wrote. An immutable snapshot of the issue.

pub mod authored_text;
pub mod close_feedback;
pub mod issue_form;
mod mail;
mod markdown;
pub mod match_system;
pub mod triage;

use crate::text::redact::Redacted;
use crate::ticket::authored_text::AuthoredText;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A repository, `owner/name`. GitHub does not tell upper from lower case in it; here it is lower.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Repo {
    pub owner: String,
    pub name: String,
}

/// The address of an issue: `owner/name#12`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TicketId {
    pub repo: Repo,
    pub number: u64,
}

/// What is wrong with an address that a person wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseAddressError {
    #[error("`{0}` is not a repository: write owner/name")]
    Repo(String),
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
            Some((owner, name)) if is_part(owner) && is_part(name) => {
                Ok(Repo { owner: owner.to_lowercase(), name: name.to_lowercase() })
            }
            _ => Err(ParseAddressError::Repo(text.into())),
        }
    }
}

impl FromStr for TicketId {
    type Err = ParseAddressError;

    /// Takes `owner/name#12` and `https://…/owner/name/issues/12`.
    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        let bad = || ParseAddressError::Ticket(text.into());
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
        write!(f, "{}#{}", self.repo, self.number)
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

/// The issue as it was when the case was opened. Its text has passed `redact`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    pub id: TicketId,
    pub title: Redacted,
    /// Capped at [`Ticket::BODY_LIMIT`] bytes; GitHub itself allows 65,536 characters.
    pub body: Redacted,
    pub author: String,
    pub labels: Vec<String>,
    pub state: TicketState,
    /// Conversation locked: GitHub refuses comments from those without write access.
    pub locked: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub url: String,
}

impl Ticket {
    /// Longer bodies are cut before anything looks at them.
    pub const BODY_LIMIT: usize = 128 * 1024;

    /// Its text, taken apart for matching.
    pub fn authored_text(&self) -> AuthoredText {
        AuthoredText::read(self.title.as_str(), self.body.as_str())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TicketState {
    Open,
    Closed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_people_write() {
        for (text, expect) in [
            ("example/tickets#12", Some("example/tickets#12")),
            ("https://github.com/example/tickets/issues/7", Some("example/tickets#7")),
            ("https://git.example.org/example/tickets/issues/7#issuecomment-3", Some("example/tickets#7")),
            ("Example/Tickets#12", Some("example/tickets#12")),
            ("example/tickets", None),
            ("12", None),
            ("example/tickets#", None),
            ("example/tickets#-1", None),
            ("example/../x#1", None),
            ("https://github.com/example/tickets/pull/7", None),
        ] {
            let got = text.parse::<TicketId>().ok().map(|id| id.to_string());
            assert_eq!(got.as_deref(), expect, "{text}");
        }
    }
}
