//! What GitHub sends, as little of it as the agent needs.
//!
//! The API and the webhook send the same objects, so both read them with these types. They are
//! lenient where GitHub is: the author of an issue may be gone (`null`), a body may be absent, and a
//! word that is new to this program is not an error.

use crate::core::text::redact::{MASK, Redacted, Redactor};
use crate::core::ticket::{Repo, Ticket, TicketId, TicketState};
use crate::ports::Comment;
use chrono::{DateTime, Utc};
use serde::Deserialize;

/// What GitHub shows in place of an author whose account is gone.
const GHOST: &str = "ghost";

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct User {
    pub login: String,
    #[serde(default, rename = "type")]
    pub kind: String,
}

impl User {
    /// GitHub says that this is a machine.
    pub(super) fn is_bot(&self) -> bool {
        self.kind == "Bot" || self.login.ends_with("[bot]")
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LabelName {
    #[serde(default)]
    pub name: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Issue {
    pub number: u64,
    pub title: String,
    pub body: Option<String>,
    pub user: Option<User>,
    #[serde(default)]
    pub labels: Vec<LabelName>,
    pub state: String,
    #[serde(default)]
    pub locked: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub html_url: String,
    /// Present, whatever it holds, if this is a pull request.
    pub pull_request: Option<serde::de::IgnoredAny>,
}

impl Issue {
    /// Whether it is a pull request. GitHub lists those among the issues.
    pub(super) fn is_pull_request(&self) -> bool {
        self.pull_request.is_some()
    }

    /// The issue as the core knows it, its text redacted.
    pub(super) fn into_ticket(self, repo: &Repo, redactor: &Redactor) -> Ticket {
        Ticket {
            id: TicketId { repo: repo.clone(), number: self.number },
            title: redactor.text(&self.title),
            body: redact_capped(self.body.as_deref().unwrap_or_default(), redactor),
            author: login_of(self.user.as_ref()),
            labels: self.labels.into_iter().map(|label| redactor.text(&label.name).to_string()).collect(),
            state: if self.state == "closed" { TicketState::Closed } else { TicketState::Open },
            locked: self.locked,
            created_at: self.created_at,
            updated_at: self.updated_at,
            url: self.html_url,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct IssueComment {
    pub id: u64,
    pub node_id: String,
    pub body: Option<String>,
    pub user: Option<User>,
    pub html_url: String,
    pub issue_url: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The app that wrote it in a person's name.
    #[serde(default)]
    pub performed_via_github_app: Option<serde::de::IgnoredAny>,
}

impl IssueComment {
    /// The number of the issue it stands under; `None` if that is a pull request.
    pub(super) fn issue_number(&self) -> Option<u64> {
        if self.html_url.contains("/pull/") {
            return None;
        }
        self.issue_url.rsplit('/').next()?.parse().ok()
    }

    /// A machine wrote it, or an app in a person's name.
    pub(super) fn is_by_machine(&self) -> bool {
        self.user.as_ref().is_some_and(User::is_bot) || self.performed_via_github_app.is_some()
    }

    /// The comment as the ports know it. Its text is not redacted.
    pub(super) fn into_comment(self, ticket: TicketId) -> Comment {
        let by_bot = self.is_by_machine();
        Comment {
            id: self.id,
            node_id: self.node_id,
            ticket,
            author: login_of(self.user.as_ref()),
            by_bot,
            body: self.body.unwrap_or_default(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

fn login_of(user: Option<&User>) -> String {
    user.map_or(GHOST, |user| &user.login).to_owned()
}

/// Redacted first and cut then: a secret cut in half would not be known for one.
fn redact_capped(body: &str, redactor: &Redactor) -> Redacted {
    let clean = redactor.text(body);
    if clean.as_str().len() <= Ticket::BODY_LIMIT {
        return clean;
    }
    // The cut may end inside a mask, which redacting makes whole again.
    let end = clean.as_str().floor_char_boundary(Ticket::BODY_LIMIT - MASK.len());
    redactor.text(clean.as_str().split_at(end).0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn issue(change: serde_json::Value) -> Issue {
        let mut issue = json!({
            "number": 7, "title": "Sync fails", "body": "help", "user": {"login": "ada", "type": "User"},
            "labels": [{"name": "support"}], "state": "open", "locked": false,
            "created_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-01T10:00:00Z",
            "html_url": "https://example.org/example/tickets/issues/7",
        });
        for (key, value) in change.as_object().into_iter().flatten() {
            issue[key] = value.clone();
        }
        serde_json::from_value(issue).unwrap()
    }

    fn ticket(change: serde_json::Value) -> Ticket {
        issue(change).into_ticket(&"example/tickets".parse().unwrap(), &Redactor::default())
    }

    #[test]
    fn what_may_be_missing_is_no_error() {
        let ticket = ticket(json!({"user": null, "body": null, "state": "of a new kind"}));
        assert_eq!((ticket.author.as_str(), ticket.body.as_str()), ("ghost", ""));
        assert_eq!(ticket.state, TicketState::Open);
        assert!(!issue(json!({"pull_request": null})).is_pull_request());
        assert!(issue(json!({"pull_request": {"url": "x"}})).is_pull_request());
    }

    #[test]
    fn text_is_redacted_then_cut() {
        let secret = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
        assert_eq!(ticket(json!({"title": format!("my {secret}")})).title.as_str(), "my [redacted]");
        // The secret lies across the limit.
        let long = format!("{} {secret} {}", "ü".repeat(Ticket::BODY_LIMIT / 2 - 8), "x".repeat(900));
        let body = ticket(json!({"body": long})).body;
        assert!(body.as_str().len() <= Ticket::BODY_LIMIT && !body.as_str().contains("ghp_"));
    }

    #[test]
    fn machines_are_known_by_any_of_their_marks() {
        for (change, by_bot) in [
            (json!({}), false),
            (json!({"user": {"login": "ada", "type": "Bot"}}), true),
            (json!({"user": {"login": "deploy[bot]", "type": "User"}}), true),
            (json!({"performed_via_github_app": {"slug": "helpful"}}), true),
            (json!({"performed_via_github_app": null}), false),
        ] {
            let mut comment = json!({
                "id": 1, "node_id": "IC_1", "body": "x", "user": {"login": "ada", "type": "User"},
                "created_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-01T10:00:00Z",
                "html_url": "https://example.org/example/tickets/issues/7#issuecomment-1",
                "issue_url": "https://api.example.org/repos/example/tickets/issues/7",
            });
            for (key, value) in change.as_object().into_iter().flatten() {
                comment[key] = value.clone();
            }
            let comment: IssueComment = serde_json::from_value(comment).unwrap();
            let id = "example/tickets#7".parse().unwrap();
            assert_eq!(comment.into_comment(id).by_bot, by_bot, "{change}");
        }
    }
}
