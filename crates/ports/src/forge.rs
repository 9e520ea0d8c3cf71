//! [`Forge`]: where tickets live.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use fieldmedic_core::text::redact::Redacted;
use fieldmedic_core::ticket::{Repo, Ticket, TicketId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// Where tickets live.
///
/// # Errors
/// Every method: the [`ForgeError`] that says what can be done next.
#[async_trait]
pub trait Forge: Send + Sync {
    /// The agent's own login.
    async fn me(&self) -> Result<String, ForgeError>;

    /// The issue as it is now; its texts are redacted.
    ///
    /// # Errors
    /// [`ForgeError::NotFound`] if there is no such issue, or it is a pull request.
    async fn ticket(&self, id: &TicketId) -> Result<Ticket, ForgeError>;

    /// Open issues with this label, or all without one, oldest update first; with `since`, those updated at or
    /// after it. Pull requests are left out.
    async fn tickets(
        &self,
        repo: &Repo,
        label: Option<&str>,
        since: Option<DateTime<Utc>>,
    ) -> Result<Vec<Ticket>, ForgeError>;

    /// Comments on issues of the repository created or edited at or after `since`, oldest first.
    async fn comments(&self, repo: &Repo, since: DateTime<Utc>) -> Result<Vec<Comment>, ForgeError>;

    /// Whether the comment with this [`Comment::node_id`] was ever edited, by whomever. The times of a
    /// comment count whole seconds, so they do not show an edit within the second of its posting.
    ///
    /// # Errors
    /// [`ForgeError::NotFound`] if there is no such comment, or no more.
    async fn is_edited(&self, id: &TicketId, node_id: &str) -> Result<bool, ForgeError>;

    /// Creates the comment, or edits the one that opens with `marker` and that the agent wrote itself.
    /// A comment by anyone else never counts, whatever it holds.
    ///
    /// # Errors
    /// [`ForgeError::Busy`], only for [`Urgency::Passing`].
    async fn upsert_comment(
        &self,
        id: &TicketId,
        marker: &Marker,
        body: &Redacted,
        urgency: Urgency,
    ) -> Result<(), ForgeError>;

    /// Adds and removes labels; those added are created in the repository if they are missing. To add
    /// one that is there, or remove one that is not, is no error.
    ///
    /// # Errors
    /// [`ForgeError::Busy`], only for [`Urgency::Passing`].
    async fn update_labels(
        &self,
        id: &TicketId,
        add: &[Label],
        remove: &[&str],
        urgency: Urgency,
    ) -> Result<(), ForgeError>;

    /// Assigns people. A login that cannot be assigned is left out by the forge, without an error.
    async fn assign(&self, id: &TicketId, logins: &[String]) -> Result<(), ForgeError>;

    /// Reacts to a comment; to react so again is no error.
    async fn react(&self, id: &TicketId, comment: u64, reaction: Reaction) -> Result<(), ForgeError>;

    /// The thumbs that people gave to the agent's own comment with this marker, oldest first; none if there is no
    /// such comment. Those of the agent and of other machines are left out.
    async fn thumbs(&self, id: &TicketId, marker: &Marker) -> Result<Vec<Thumb>, ForgeError>;

    /// The people who did something about an issue at or after `since`: who commented on it, reacted to a
    /// comment of the agent's, labelled, assigned, closed, opened or renamed it. The agent and other
    /// machines are left out, and so is who was only mentioned.
    async fn participants_since(
        &self,
        id: &TicketId,
        since: DateTime<Utc>,
    ) -> Result<BTreeSet<String>, ForgeError>;

    /// Opens an issue, unless the agent opened one whose body begins with this marker: then that one.
    async fn open(&self, new: &NewTicket) -> Result<TicketId, ForgeError>;

    /// The open issue that the agent opened and whose body begins with this marker; `None` if there is none.
    async fn find(&self, repo: &Repo, marker: &Marker) -> Result<Option<TicketId>, ForgeError>;

    /// Closes the issue; to close a closed one is no error.
    async fn close(&self, id: &TicketId) -> Result<(), ForgeError>;

    /// Opens a closed issue again; to open an open one is no error.
    async fn reopen(&self, id: &TicketId) -> Result<(), ForgeError>;

    /// The account with this login, and what it may do in the repository.
    ///
    /// # Errors
    /// [`ForgeError::NotFound`] if there is no such account.
    async fn account(&self, repo: &Repo, login: &str) -> Result<Account, ForgeError>;

    /// What the forge tried at or after `since` to tell the agent's webhook of this repository, and what
    /// came to nothing, however often it was tried; the oldest first. None if there is no webhook.
    ///
    /// # Errors
    /// [`ForgeError::Refused`], which is lasting, if the agent has not the right to read it.
    async fn failed_deliveries(
        &self,
        repo: &Repo,
        since: DateTime<Utc>,
    ) -> Result<Vec<FailedDelivery>, ForgeError>;

    /// Asks the forge to tell once more. It does so soon, but not before it answers; what comes of it
    /// stands in the log then.
    async fn redeliver(&self, repo: &Repo, id: DeliveryId) -> Result<(), ForgeError>;
}

/// How urgent a write is. The forge takes so many in a minute, so the most urgent goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// A person waits for it.
    Answer,
    /// A person has to act.
    HandOver,
    /// The last word on a ticket, and its close.
    Report,
    /// What stays so for a while.
    Status,
    /// What may be over before it is read. It is left out if others write.
    Passing,
}

/// A hidden first line by which the agent finds its own comment or issue: an HTML comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker(String);

impl Marker {
    /// `name` holds only letters, digits, `-`, `.` and `=`; anything else is dropped.
    pub fn new(name: &str) -> Self {
        let clean: String =
            name.chars().filter(|c| c.is_ascii_alphanumeric() || "-.= ".contains(*c)).collect();
        Self(format!("<!-- fieldmedic {clean} -->"))
    }

    /// The whole line: `<!-- fieldmedic case=c0123456789ab kind=status -->`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a text carries a marker of the agent's, anywhere in it.
    pub fn is_in(text: &str) -> bool {
        text.contains("<!-- fieldmedic ")
    }

    /// Whether a body begins with this marker.
    pub fn opens(&self, body: &str) -> bool {
        body.trim_start_matches('\u{FEFF}').trim_start().starts_with(self.as_str())
    }
}

/// A comment. As the forge gives it, its text is not redacted and must not be recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comment {
    /// The forge's number of the comment, unique in its repository.
    pub id: u64,
    /// The forge's id of the comment among all of its objects.
    pub node_id: String,
    /// The issue that it is on.
    pub ticket: TicketId,
    /// The login of its author; `ghost` if GitHub has deleted the account.
    pub author: String,
    /// The forge says that the author is a machine.
    pub by_bot: bool,
    /// Its text, in Markdown; it may be empty.
    pub body: String,
    /// When it was posted.
    pub created_at: DateTime<Utc>,
    /// When it was last edited; the time of posting if never.
    pub updated_at: DateTime<Utc>,
}

/// A label with what it looks like when it has to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The label's name, such as `medic:problem`. Upper and lower case are the same.
    pub name: String,
    /// Six hex digits.
    pub color: &'static str,
    /// What the label means, in one sentence; GitHub allows 100 characters.
    pub description: &'static str,
}

/// An issue that the agent opens.
#[derive(Debug, Clone, PartialEq)]
pub struct NewTicket {
    /// The repository that gets the issue.
    pub repo: Repo,
    /// The first line of its body, by which it is found again; it is added if `body` lacks it.
    pub marker: Marker,
    /// The title, in one line.
    pub title: Redacted,
    /// The body, in Markdown. What exceeds GitHub's 65,536 characters is cut.
    pub body: Redacted,
    /// The names of its labels; empty for none.
    pub labels: Vec<String>,
}

/// Something that the forge could not tell the agent's webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedDelivery {
    /// The last attempt.
    pub id: DeliveryId,
    /// What all attempts have in common, and the webhook sees.
    pub guid: String,
    /// `issues`, `issue_comment`.
    pub event: String,
    /// Empty where the event has none.
    pub action: String,
    /// When it was tried last.
    pub delivered_at: DateTime<Utc>,
    /// How often it was tried.
    pub attempts: u32,
    /// What the webhook, or whatever stands before it, answered last.
    pub status: u16,
}

/// One attempt, by which it can be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeliveryId {
    /// A repository may have several hooks; an App has one, which has no number.
    pub hook: Option<u64>,
    /// GitHub's id of the attempt in the delivery log.
    pub number: u64,
}

/// A reaction to a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Heard, and being worked on.
    Eyes,
    /// What was asked for is done.
    Rocket,
    /// Refused or not understood.
    Confused,
    /// Gladly heard; nothing is done.
    ThumbsUp,
}

/// A thumb up or down on a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumb {
    /// The login of who gave it.
    pub by: String,
    /// Up or down.
    pub is_up: bool,
    /// When it was given.
    pub at: DateTime<Utc>,
}

pub use fieldmedic_core::chatops::access::{Account, Permission};

/// What went wrong with the forge, sorted by what can be done next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// No answer, or a 5xx: try again.
    #[error("GitHub did not answer: {0}")]
    Unreachable(String),
    /// Too many requests: try again then.
    #[error("GitHub asks to wait: {why}")]
    Limited {
        /// What the forge said.
        why: String,
        /// How long to wait, an hour at most; `None` if the forge did not say.
        wait: Option<Duration>,
    },
    /// Not tried, because other writes come first.
    #[error("other comments come first")]
    Busy,
    /// 401: the token is wrong or has expired. Mending the configuration helps; trying again does not.
    #[error("GitHub does not let the agent in: {0}")]
    Unauthorized(String),
    /// 404 or 410: it does not exist, or the token may not see it. GitHub also answers so for a moment, right
    /// after something was created or a token was made: see [`ForgeError::is_final`].
    #[error("{0} does not exist, or the token may not see it")]
    NotFound(String),
    /// It is in a repository of another name now. It is not followed: what was allowed where it was need
    /// not be allowed there.
    #[error("{what} is in {now} now; if the repository was renamed, write its new name into [github] repos")]
    Moved {
        /// What was asked for, such as `example/tickets#12`.
        what: String,
        /// The repository's name now; its address if the name cannot be had.
        now: String,
    },
    /// Any other refusal: it will not be taken, however often it is tried. A 403 or 422 can be one of a moment,
    /// too.
    #[error("GitHub refused: {0}")]
    Refused(String),
}

impl ForgeError {
    /// So long it is tried again before a refusal is believed.
    pub const BELIEVED_AFTER: TimeDelta = TimeDelta::minutes(5);

    /// It is a refusal, and no failure to answer.
    pub fn is_permanent(&self) -> bool {
        matches!(self, ForgeError::NotFound(_) | ForgeError::Moved { .. } | ForgeError::Refused(_))
    }

    /// Trying again cannot help: it is a refusal that was tried for long enough to be believed. A move is certain
    /// at once.
    pub fn is_final(&self, is_believed: bool) -> bool {
        matches!(self, ForgeError::Moved { .. }) || self.is_permanent() && is_believed
    }

    /// The same, so long after the first try.
    pub fn is_final_after(&self, since_first: TimeDelta) -> bool {
        self.is_final(since_first >= Self::BELIEVED_AFTER)
    }
}
