//! The state: accounts, repositories, issues, comments, labels.

use crate::github::apps::{Apps, Rights};
use crate::github::errors::ErrorResponse;
use chrono::{DateTime, SubsecRound, Utc};
use fieldmedic_core::ticket::{Repo, TicketId};
use fieldmedic_ports::Clock;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id; all objects of this GitHub share one sequence.
    pub id: u64,
    /// The account's login, such as `octocat` or `fieldmedic[bot]`.
    pub login: String,
    /// What the account is; GitHub's `type`.
    pub kind: AccountKind,
}

/// What an account stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountKind {
    /// A person.
    User,
    /// A program, such as an App.
    Bot,
    /// An organisation, which owns repositories.
    Organization,
}

/// The role of an account in a repository, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum RepoRole {
    /// Sees nothing: the repository does not exist for the account.
    #[default]
    None,
    /// Reads, opens issues, comments, and changes its own issues and comments.
    Read,
    /// Also labels, assigns, edits, closes and reopens all issues.
    Triage,
    /// Also creates labels, comments on locked issues, edits every comment and reads others' roles.
    Write,
    /// The same as `Write` here.
    Maintain,
    /// Also manages webhooks and their delivery log.
    Admin,
}

/// A repository with its labels and issues.
#[derive(Debug, Clone)]
pub struct Repository {
    /// The id, which stays the same when the repository is renamed.
    pub id: u64,
    /// The current address.
    pub address: Repo,
    /// When it was created, in whole seconds.
    pub created_at: DateTime<Utc>,
    /// Whether it is read-only: the API refuses every change with 403.
    pub archived: bool,
    /// Whether issues are disabled: the API answers 410 to requests about them.
    pub issues_off: bool,
    /// The repository is private: for every other account it does not exist.
    pub roles: BTreeMap<String, RepoRole>,
    /// The labels that its issues can have, in the order of their creation.
    pub labels: Vec<Label>,
    /// By number. Numbers start at one and are never reused.
    pub issues: BTreeMap<u64, Issue>,
}

/// A label of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The id; all objects share one sequence.
    pub id: u64,
    /// The label's name, 1 to 50 characters. It is unique in its repository; case does not matter.
    pub name: String,
    /// The colour as six hex digits, without `#`.
    pub color: String,
    /// What the label means, at most 100 characters; `None` if nobody said.
    pub description: Option<String>,
}

/// An issue or a pull request, with its comments.
#[derive(Debug, Clone)]
pub struct Issue {
    /// The id, which is not the number; all objects share one sequence.
    pub id: u64,
    /// The number in its repository, counted from 1.
    pub number: u64,
    /// The title.
    pub title: String,
    /// The body, in Markdown; `None` if the author wrote none.
    pub body: Option<String>,
    /// The login of who opened it.
    pub author: String,
    /// Whether it is open or closed.
    pub state: IssueState,
    /// What it is, or what became of it.
    pub sort: IssueKind,
    /// Whether only accounts with the role `Write` can comment.
    pub locked: bool,
    /// The names of its labels, in the order in which they were added.
    pub labels: Vec<String>,
    /// The logins of the people assigned, in order.
    pub assignees: Vec<String>,
    /// Its comments, oldest first.
    pub comments: Vec<Comment>,
    /// When it was opened, in whole seconds.
    pub created_at: DateTime<Utc>,
    /// When its last event happened. A reaction is no event.
    pub updated_at: DateTime<Utc>,
    /// The events of the issue, in order.
    pub events: Vec<IssueEvent>,
}

/// The state of an issue, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssueState {
    /// Open, and never closed before.
    Open,
    /// Open again after a close.
    Reopened,
    /// Closed `by` this login. `reason` is GitHub's: `completed`, `not_planned`, `duplicate`.
    Closed {
        /// GitHub's word: `completed`, `not_planned`, `duplicate`.
        reason: String,
        /// The login of who closed it.
        by: String,
        /// When it was closed, in whole seconds.
        at: DateTime<Utc>,
    },
}

/// The kind of an issue. GitHub lists pull requests as issues, and remembers deleted and moved ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssueKind {
    /// An issue.
    Issue,
    /// A pull request.
    PullRequest,
    /// A deleted issue: the API answers 410.
    Deleted,
    /// An issue that was transferred to this address, to which the API redirects.
    MovedTo(TicketId),
}

/// A comment on an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The id; all objects share one sequence.
    pub id: u64,
    /// The login of its author.
    pub author: String,
    /// The text, in Markdown.
    pub body: String,
    /// When it was posted, in whole seconds.
    pub created_at: DateTime<Utc>,
    /// When it was last edited; the time of posting if never.
    pub updated_at: DateTime<Utc>,
    /// The reactions to it, oldest first.
    pub reactions: Vec<Reaction>,
}

/// A reaction to a comment. An account has each `content` once at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// The id; all objects share one sequence.
    pub id: u64,
    /// The login of who reacted.
    pub user: String,
    /// In GitHub's words: `eyes`, `confused`, `+1`.
    pub content: String,
    /// When it was given, in whole seconds.
    pub at: DateTime<Utc>,
}

/// An event of an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueEvent {
    /// When it happened, in whole seconds.
    pub at: DateTime<Utc>,
    /// The login of who did it.
    pub actor: String,
    /// What was done.
    pub what: IssueEventKind,
}

/// What was done to an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssueEventKind {
    /// The issue was opened.
    Opened,
    /// The title or the body was changed.
    Edited,
    /// A label with this name was added.
    Labeled(String),
    /// A label with this name was removed.
    Unlabeled(String),
    /// The account with this login was assigned.
    Assigned(String),
    /// A comment with this id was posted.
    Commented(u64),
    /// The comment with this id was edited.
    CommentEdited(u64),
    /// The issue was closed.
    Closed,
    /// The issue was reopened.
    Reopened,
    /// The conversation was locked.
    Locked,
}

/// The whole state.
pub(super) struct GitHubState {
    /// The base URL, without a slash at the end.
    pub base: String,
    pub users: BTreeMap<String, User>,
    /// Token to login.
    pub tokens: BTreeMap<String, String>,
    pub apps: Apps,
    /// The permissions of fine-grained tokens, by account.
    pub narrowed: BTreeMap<String, Rights>,
    pub repos: BTreeMap<Repo, Repository>,
    /// Old name to new.
    pub renamed: BTreeMap<Repo, Repo>,
    clock: Arc<dyn Clock>,
    last_id: u64,
}

impl GitHubState {
    /// An empty GitHub. `base` is the base URL, without a slash at the end.
    pub(super) fn new(base: String, clock: Arc<dyn Clock>) -> Self {
        Self {
            base,
            users: BTreeMap::new(),
            tokens: BTreeMap::new(),
            apps: Apps::default(),
            narrowed: BTreeMap::new(),
            repos: BTreeMap::new(),
            renamed: BTreeMap::new(),
            clock,
            last_id: 1000,
        }
    }

    /// The time in whole seconds, as GitHub has it.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(0)
    }

    /// The next id. All objects share one sequence, so that a test notices an id of the wrong kind.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The account, created if there is none. An existing one keeps its kind.
    pub(super) fn user(&mut self, login: &str, kind: AccountKind) -> User {
        if let Some(user) = self.users.get(login) {
            return user.clone();
        }
        let user = User { id: self.next_id(), login: login.to_owned(), kind };
        self.users.insert(login.to_owned(), user.clone());
        user
    }

    /// The repository, created if there is none, with its owner.
    pub(super) fn repo_or_create(&mut self, address: &Repo) -> &mut Repository {
        self.user(&address.owner, AccountKind::Organization);
        let (id, now) = (self.next_id(), self.now());
        self.repos.entry(address.clone()).or_insert_with(|| Repository {
            id,
            address: address.clone(),
            created_at: now,
            archived: false,
            issues_off: false,
            roles: BTreeMap::new(),
            labels: Vec::new(),
            issues: BTreeMap::new(),
        })
    }

    /// The role of an account; [`RepoRole::None`] if there is no such repository.
    pub(super) fn role(&self, address: &Repo, login: &str) -> RepoRole {
        self.repos.get(address).map_or(RepoRole::None, |repo| repo.role(login))
    }

    /// The repository at this address. A former address finds nothing.
    ///
    /// # Errors
    /// 404 if there is none.
    pub(super) fn repo(&self, address: &Repo) -> Result<&Repository, ErrorResponse> {
        self.repos.get(address).ok_or_else(ErrorResponse::not_found)
    }

    /// The same, to change it.
    ///
    /// # Errors
    /// 404 if there is none.
    pub(super) fn repo_mut(&mut self, address: &Repo) -> Result<&mut Repository, ErrorResponse> {
        self.repos.get_mut(address).ok_or_else(ErrorResponse::not_found)
    }

    /// The issue or pull request at this address.
    ///
    /// # Errors
    /// 404 if there is none, 410 if it was deleted, 301 if it was transferred.
    pub(super) fn issue(&self, id: &TicketId) -> Result<&Issue, ErrorResponse> {
        let issue = self.repo(&id.repo)?.issues.get(&id.number).ok_or_else(ErrorResponse::not_found)?;
        match &issue.sort {
            IssueKind::Deleted => Err(ErrorResponse::gone("This issue was deleted")),
            IssueKind::MovedTo(now) => Err(ErrorResponse::moved(&self.numbered_url(now))),
            _ => Ok(issue),
        }
    }

    /// The same, to change it.
    ///
    /// # Errors
    /// As for [`GitHubState::issue`].
    pub(super) fn issue_mut(&mut self, id: &TicketId) -> Result<&mut Issue, ErrorResponse> {
        self.issue(id)?;
        self.repo_mut(&id.repo)?.issues.get_mut(&id.number).ok_or_else(ErrorResponse::not_found)
    }

    /// A comment of the repository, with its issue.
    pub(super) fn comment(&self, address: &Repo, id: u64) -> Result<(&Issue, &Comment), ErrorResponse> {
        let issues = self.repo(address)?.issues.values().filter(|issue| issue.is_there());
        issues
            .filter_map(|issue| Some((issue, issue.comments.iter().find(|comment| comment.id == id)?)))
            .next()
            .ok_or_else(ErrorResponse::not_found)
    }

    /// The URL of a redirect: by the id of the repository, which does not change.
    fn numbered_url(&self, id: &TicketId) -> String {
        let repo = self.repos.get(&id.repo).map_or(0, |repo| repo.id);
        format!("{}/repositories/{repo}/issues/{}", self.base, id.number)
    }

    /// The URL of an issue in the API.
    pub(super) fn issue_url(&self, id: &TicketId) -> String {
        format!("{}/repos/{}/issues/{}", self.base, id.repo, id.number)
    }
}

impl Repository {
    /// The role of an account; [`RepoRole::None`] if it has none here.
    pub fn role(&self, login: &str) -> RepoRole {
        self.roles.get(login).copied().unwrap_or_default()
    }

    /// The label of this name. Case does not matter.
    pub fn label(&self, name: &str) -> Option<&Label> {
        self.labels.iter().find(|label| label.name.eq_ignore_ascii_case(name))
    }

    /// Whether the account may be assigned: it can write, or has commented.
    pub fn is_assignable(&self, issue: &Issue, login: &str) -> bool {
        self.role(login) >= RepoRole::Write || issue.comments.iter().any(|comment| comment.author == login)
    }
}

impl Issue {
    /// Whether it is neither deleted nor moved.
    pub fn is_there(&self) -> bool {
        matches!(self.sort, IssueKind::Issue | IssueKind::PullRequest)
    }

    /// Whether it is closed now.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, IssueState::Closed { .. })
    }

    /// The reason of the close, in GitHub's words: `completed`, `not_planned`.
    pub fn close_reason(&self) -> Option<&str> {
        match &self.state {
            IssueState::Closed { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// The comments of one author, oldest first.
    pub fn comments_by<'a>(&'a self, login: &'a str) -> impl Iterator<Item = &'a Comment> {
        self.comments.iter().filter(move |comment| comment.author == login)
    }

    pub(super) fn note(&mut self, at: DateTime<Utc>, actor: &str, what: IssueEventKind) {
        self.updated_at = at;
        self.events.push(IssueEvent { at, actor: actor.to_owned(), what });
    }
}

impl RepoRole {
    /// GitHub's older scale of four, which the permission endpoint still uses.
    pub(super) fn permission(self) -> &'static str {
        match self {
            RepoRole::None => "none",
            RepoRole::Read | RepoRole::Triage => "read",
            RepoRole::Write | RepoRole::Maintain => "write",
            RepoRole::Admin => "admin",
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            RepoRole::None => "",
            RepoRole::Read => "read",
            RepoRole::Triage => "triage",
            RepoRole::Write => "write",
            RepoRole::Maintain => "maintain",
            RepoRole::Admin => "admin",
        }
    }
}
