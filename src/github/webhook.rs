//! Webhook deliveries: what GitHub sends, reduced to what is of use.

use crate::core::text::redact::Redactor;
use crate::core::ticket::{Repo, Ticket, TicketId};
use crate::github::model::{Issue, IssueComment, LabelName, User};
use crate::ports::{Comment, Marker};
use chrono::{DateTime, Utc};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::fmt;

/// Something that happened on GitHub. Every text in it is redacted, so it can be stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// An issue was opened, edited, reopened or labelled.
    #[serde(alias = "issue_touched")]
    IssueChanged {
        /// The issue at the moment of the event; GitHub may show another state by now.
        ticket: Ticket,
        /// What happened to it.
        action: IssueAction,
        /// Who did it.
        sender: Sender,
    },
    /// A comment was written.
    #[serde(alias = "comment_written")]
    CommentCreated {
        /// The comment, its text redacted.
        comment: Comment,
        /// The issue that it belongs to.
        ticket: Ticket,
        /// Who wrote it.
        sender: Sender,
    },
}

/// What happened to an issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssueAction {
    /// It is new.
    Opened,
    /// Its title or its text was changed.
    Edited,
    /// It was closed before.
    Reopened,
    /// It was open before. Only the close by a monitor is of use.
    Closed,
    /// This label was added.
    Labeled(String),
}

impl fmt::Display for IssueAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IssueAction::Opened => f.write_str("opened"),
            IssueAction::Edited => f.write_str("edited"),
            IssueAction::Reopened => f.write_str("reopened"),
            IssueAction::Closed => f.write_str("closed"),
            IssueAction::Labeled(label) => write!(f, "labeled {label}"),
        }
    }
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The login on GitHub; the author's if the delivery names no sender.
    pub login: String,
    /// GitHub says that it is a machine.
    pub is_bot: bool,
}

/// What a body is.
#[derive(Debug, Clone)]
pub enum Parsed {
    /// GitHub only asks whether the webhook works.
    Ping,
    /// An event or action that is of no use.
    Ignored,
    /// Something that may concern a ticket.
    Delivery(Box<UnredactedDelivery>),
}

/// A delivery as GitHub sent it. Its texts are not redacted, so it must not be stored.
#[derive(Debug, Clone)]
pub struct UnredactedDelivery {
    repo: Repo,
    issue: Issue,
    sender: Option<User>,
    event: UnredactedEvent,
}

#[derive(Debug, Clone)]
enum UnredactedEvent {
    IssueChanged(IssueAction),
    CommentCreated(IssueComment),
}

/// What tells whether the rest of a body is of use.
#[derive(Default)]
struct Head {
    action: String,
}

impl<'de> Deserialize<'de> for Head {
    fn deserialize<D: Deserializer<'de>>(body: D) -> Result<Self, D::Error> {
        body.deserialize_map(Head::default())
    }
}

/// Every event is an object, with or without an action.
impl<'de> Visitor<'de> for Head {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<Self, A::Error> {
        while let Some(name) = fields.next_key::<Cow<'de, str>>()? {
            if name == "action" {
                let action: serde_json::Value = fields.next_value()?;
                self.action = action.as_str().unwrap_or_default().to_owned();
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(self)
    }
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

impl Delivery {
    /// The issue that it is about.
    pub fn ticket(&self) -> &Ticket {
        match self {
            Delivery::IssueChanged { ticket, .. } | Delivery::CommentCreated { ticket, .. } => ticket,
        }
    }

    /// When it happened, by the newest time in it.
    pub fn happened_at(&self) -> DateTime<Utc> {
        match self {
            Delivery::IssueChanged { ticket, .. } => ticket.updated_at,
            Delivery::CommentCreated { comment, .. } => comment.created_at,
        }
    }

    /// The key of its content. The same content may come by several hooks, and again on request, under other
    /// delivery ids.
    pub fn content_key(&self) -> String {
        match self {
            Delivery::IssueChanged { ticket, action, .. } => {
                format!("{} {action} {}", ticket.id, ticket.updated_at.timestamp_micros())
            }
            Delivery::CommentCreated { comment, .. } => format!("{} comment {}", comment.ticket, comment.id),
        }
    }
}

/// Parses a body whose signature was checked. `event` is the value of `X-GitHub-Event`.
///
/// # Errors
/// If the event is of use, and the body is not what GitHub sends with it.
pub fn parse(event: &str, body: &[u8]) -> Result<Parsed, serde_json::Error> {
    if !matches!(event, "issues" | "issue_comment") {
        return Ok(if event == "ping" { Parsed::Ping } else { Parsed::Ignored });
    }
    // The rest is passed over: most deliveries end here.
    let Head { action } = serde_json::from_slice(body)?;
    match (event, action.as_str()) {
        ("issues", action @ ("opened" | "edited" | "reopened" | "closed" | "labeled")) => {
            Ok(issue_event(action, serde_json::from_slice(body)?))
        }
        ("issue_comment", "created") => Ok(comment_event(serde_json::from_slice(body)?)),
        _ => Ok(Parsed::Ignored),
    }
}

fn issue_event(action: &str, payload: IssuePayload) -> Parsed {
    let IssuePayload { issue, label, repository, sender } = payload;
    let action = match (action, label) {
        ("opened", _) => IssueAction::Opened,
        ("edited", _) => IssueAction::Edited,
        ("reopened", _) => IssueAction::Reopened,
        ("closed", _) => IssueAction::Closed,
        (_, Some(label)) => IssueAction::Labeled(label.name),
        // The label was deleted before GitHub sent the delivery.
        (_, None) => return Parsed::Ignored,
    };
    delivery(repository, issue, sender, UnredactedEvent::IssueChanged(action))
}

fn comment_event(payload: CommentPayload) -> Parsed {
    let CommentPayload { comment, issue, repository, sender } = payload;
    delivery(repository, issue, sender, UnredactedEvent::CommentCreated(comment))
}

fn delivery(repository: Repository, issue: Issue, sender: Option<User>, event: UnredactedEvent) -> Parsed {
    if issue.is_pull_request() {
        return Parsed::Ignored;
    }
    Parsed::Delivery(Box::new(UnredactedDelivery { repo: repository.full_name, issue, sender, event }))
}

impl UnredactedDelivery {
    /// The issue that it is about.
    pub fn ticket(&self) -> TicketId {
        TicketId { repo: self.repo.clone(), number: self.issue.number }
    }

    /// Whether the issue has this label. Upper and lower case are the same.
    pub fn has_label(&self, name: &str) -> bool {
        self.issue.labels.iter().any(|label| label.name.eq_ignore_ascii_case(name))
    }

    /// The login of who opened the issue; empty if the account is gone.
    pub fn author(&self) -> &str {
        self.issue.user.as_ref().map_or("", |user| &user.login)
    }

    /// Who closed the issue, if that is what it tells.
    pub fn closed_by(&self) -> Option<&str> {
        match &self.event {
            UnredactedEvent::IssueChanged(IssueAction::Closed) => {
                Some(self.sender.as_ref().map_or("", |sender| &sender.login))
            }
            _ => None,
        }
    }

    /// The text of the comment that it is about; `None` if it is about the issue itself.
    pub fn comment(&self) -> Option<&str> {
        match &self.event {
            UnredactedEvent::CommentCreated(comment) => Some(comment.body.as_deref().unwrap_or_default()),
            UnredactedEvent::IssueChanged(_) => None,
        }
    }

    /// Whether it is about the comment of a machine.
    pub fn is_by_machine(&self) -> bool {
        match &self.event {
            UnredactedEvent::CommentCreated(comment) => {
                comment.is_by_machine() || Marker::is_in(comment.body.as_deref().unwrap_or_default())
            }
            UnredactedEvent::IssueChanged(_) => false,
        }
    }

    /// The delivery without secrets.
    pub fn redact(self, redactor: &Redactor) -> Delivery {
        let Self { repo, issue, sender, event } = self;
        let ticket = issue.into_ticket(&repo, redactor);
        match event {
            UnredactedEvent::IssueChanged(action) => {
                let sender = name_sender(sender, &ticket.author);
                Delivery::IssueChanged { ticket, action, sender }
            }
            UnredactedEvent::CommentCreated(comment) => {
                let mut comment = comment.into_comment(ticket.id.clone());
                comment.body = redactor.text(&comment.body).as_str().to_owned();
                let sender = name_sender(sender, &comment.author);
                Delivery::CommentCreated { comment, ticket, sender }
            }
        }
    }
}

/// GitHub always names the sender; without one it is taken for the author.
fn name_sender(user: Option<User>, author: &str) -> Sender {
    let user = user.unwrap_or_else(|| User { login: author.to_owned(), kind: String::new() });
    Sender { is_bot: user.is_bot(), login: user.login }
}
