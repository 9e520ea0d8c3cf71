//! What a delivery says, as far as the agent has a use for it.

use crate::core::text::redact::Redactor;
use crate::core::ticket::{Repo, Ticket};
use crate::github::model::{Issue, IssueComment, LabelName, User};
use crate::ports::Comment;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something happened that may concern the agent. Every text in it is redacted, so it can be kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    #[serde(alias = "issue_touched")]
    IssueChanged { ticket: Ticket, action: IssueAction, sender: Sender },
    /// A new comment.
    #[serde(alias = "comment_written")]
    CommentCreated { comment: Comment, ticket: Ticket, sender: Sender },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssueAction {
    Opened,
    Edited,
    Reopened,
    /// The label that was put on.
    Labeled(String),
}

impl fmt::Display for IssueAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IssueAction::Opened => f.write_str("opened"),
            IssueAction::Edited => f.write_str("edited"),
            IssueAction::Reopened => f.write_str("reopened"),
            IssueAction::Labeled(label) => write!(f, "labeled {label}"),
        }
    }
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    pub login: String,
    /// GitHub says that this is a machine.
    pub is_bot: bool,
}

/// What a body turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Parsed {
    Ping,
    /// An event or action that the agent has no use for.
    Ignored,
    Delivery(Box<Delivery>),
}

#[derive(Deserialize)]
struct Action {
    #[serde(default)]
    action: String,
}

#[derive(Deserialize)]
struct IssuePayload {
    issue: Issue,
    label: Option<LabelName>,
    repository: Repository,
    sender: Option<User>,
}

#[derive(Deserialize)]
struct CommentPayload {
    comment: IssueComment,
    issue: Issue,
    repository: Repository,
    sender: Option<User>,
}

#[derive(Deserialize)]
struct Repository {
    full_name: Repo,
}

/// Reads a body whose signature was found right. `event` is the value of `X-GitHub-Event`.
///
/// # Errors
/// If the event is one the agent has a use for, and the body is not what GitHub sends with it.
pub fn read(event: &str, body: &[u8], redactor: &Redactor) -> Result<Parsed, serde_json::Error> {
    if !matches!(event, "issues" | "issue_comment") {
        return Ok(if event == "ping" { Parsed::Ping } else { Parsed::Ignored });
    }
    let Action { action } = serde_json::from_slice(body)?;
    match (event, action.as_str()) {
        ("issues", "opened" | "edited" | "reopened" | "labeled") => {
            read_issue(&action, serde_json::from_slice(body)?, redactor)
        }
        ("issue_comment", "created") => read_comment(serde_json::from_slice(body)?, redactor),
        _ => Ok(Parsed::Ignored),
    }
}

fn read_issue(action: &str, event: IssuePayload, redactor: &Redactor) -> Result<Parsed, serde_json::Error> {
    let action = match (action, event.label) {
        ("opened", _) => IssueAction::Opened,
        ("edited", _) => IssueAction::Edited,
        ("reopened", _) => IssueAction::Reopened,
        (_, Some(label)) => IssueAction::Labeled(label.name),
        // The label was deleted before the delivery left.
        (_, None) => return Ok(Parsed::Ignored),
    };
    if event.issue.is_pull_request() {
        return Ok(Parsed::Ignored);
    }
    let ticket = event.issue.into_ticket(&event.repository.full_name, redactor);
    let sender = sender(event.sender, &ticket.author);
    Ok(Parsed::Delivery(Box::new(Delivery::IssueChanged { ticket, action, sender })))
}

fn read_comment(event: CommentPayload, redactor: &Redactor) -> Result<Parsed, serde_json::Error> {
    if event.issue.is_pull_request() {
        return Ok(Parsed::Ignored);
    }
    let ticket = event.issue.into_ticket(&event.repository.full_name, redactor);
    let mut comment = event.comment.into_comment(ticket.id.clone());
    comment.body = redactor.text(&comment.body).as_str().to_owned();
    let sender = sender(event.sender, &comment.author);
    Ok(Parsed::Delivery(Box::new(Delivery::CommentCreated { comment, ticket, sender })))
}

/// GitHub names the sender always; should it not, then it is the author.
fn sender(user: Option<User>, author: &str) -> Sender {
    let user = user.unwrap_or_else(|| User { login: author.to_owned(), kind: String::new() });
    Sender { is_bot: user.is_bot(), login: user.login }
}
