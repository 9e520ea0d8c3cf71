//! A ticket: what a person, or a sweep, wrote. An immutable snapshot of the issue.

pub mod alert;
pub mod authored_text;
pub mod close_feedback;
pub mod issue_form;
mod mail;
mod markdown;
pub mod match_system;
pub mod triage;

pub use crate::ids::{ParseAddressError, Repo, TicketId};

use crate::text::redact::Redacted;
use crate::ticket::authored_text::AuthoredText;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The issue as it was when the case was opened. Its text has passed `redact`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// The issue's address.
    pub id: TicketId,
    /// The issue's title.
    pub title: Redacted,
    /// Capped at [`Ticket::BODY_LIMIT`] bytes; GitHub itself allows 65,536 characters.
    pub body: Redacted,
    /// The login of who opened the issue.
    pub author: String,
    /// The names of the issue's labels, redacted.
    pub labels: Vec<String>,
    /// Open or closed. A case sets its copy to closed when it reads that the issue is closed, locked or gone.
    pub state: TicketState,
    /// Conversation locked: GitHub refuses comments from those without write access.
    pub locked: bool,
    /// When the issue was opened, by the forge's clock.
    pub created_at: DateTime<Utc>,
    /// When anything about the issue was changed last, by the forge's clock.
    pub updated_at: DateTime<Utc>,
    /// The address of the issue's page for people.
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

/// Whether an issue is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TicketState {
    /// It is open.
    Open,
    /// It is closed, for whatever reason.
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
