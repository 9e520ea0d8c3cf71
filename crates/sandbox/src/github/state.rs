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
    pub id: u64,
    pub login: String,
    pub kind: AccountKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountKind {
    User,
    Bot,
    Organization,
}

/// The role of an account in a repository, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum RepoRole {
    #[default]
    None,
    Read,
    Triage,
    Write,
    Maintain,
    Admin,
}

#[derive(Debug, Clone)]
pub struct Repository {
    pub id: u64,
    pub address: Repo,
    pub created_at: DateTime<Utc>,
    pub archived: bool,
    pub issues_off: bool,
    /// The repository is private: for every other account it does not exist.
    pub roles: BTreeMap<String, RepoRole>,
    pub labels: Vec<Label>,
    /// By number. Numbers start at one and are never reused.
    pub issues: BTreeMap<u64, Issue>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    pub id: u64,
    pub name: String,
    pub color: String,
    pub description: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Issue {
    pub id: u64,
    pub number: u64,
    pub title: String,
    pub body: Option<String>,
    pub author: String,
    pub state: IssueState,
    pub sort: IssueKind,
    pub locked: bool,
    pub labels: Vec<String>,
    pub assignees: Vec<String>,
    pub comments: Vec<Comment>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The events of the issue, in order.
    pub events: Vec<IssueEvent>,
}

/// The state of an issue, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssueState {
    Open,
    Reopened,
    Closed { reason: String, by: String, at: DateTime<Utc> },
}

/// The kind of an issue. GitHub lists pull requests as issues, and remembers deleted and moved ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssueKind {
    Issue,
    PullRequest,
    Deleted,
    MovedTo(TicketId),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub id: u64,
    pub author: String,
    pub body: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub reactions: Vec<Reaction>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    pub id: u64,
    pub user: String,
    /// In GitHub's words: `eyes`, `confused`, `+1`.
    pub content: String,
    pub at: DateTime<Utc>,
}

/// An event of an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueEvent {
    pub at: DateTime<Utc>,
    pub actor: String,
    pub what: IssueEventKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssueEventKind {
    Opened,
    Edited,
    Labeled(String),
    Unlabeled(String),
    Assigned(String),
    Commented(u64),
    CommentEdited(u64),
    Closed,
    Reopened,
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
    pub fn new(base: String, clock: Arc<dyn Clock>) -> Self {
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
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(0)
    }

    /// The next id. All objects share one sequence, so that a test notices an id of the wrong kind.
    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The account, created if there is none. An existing one keeps its kind.
    pub fn user(&mut self, login: &str, kind: AccountKind) -> User {
        if let Some(user) = self.users.get(login) {
            return user.clone();
        }
        let user = User { id: self.next_id(), login: login.to_owned(), kind };
        self.users.insert(login.to_owned(), user.clone());
        user
    }

    /// The repository, created if there is none, with its owner.
    pub fn repo_or_create(&mut self, address: &Repo) -> &mut Repository {
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

    pub fn role(&self, address: &Repo, login: &str) -> RepoRole {
        self.repos.get(address).map_or(RepoRole::None, |repo| repo.role(login))
    }

    pub fn repo(&self, address: &Repo) -> Result<&Repository, ErrorResponse> {
        self.repos.get(address).ok_or_else(ErrorResponse::not_found)
    }

    pub fn repo_mut(&mut self, address: &Repo) -> Result<&mut Repository, ErrorResponse> {
        self.repos.get_mut(address).ok_or_else(ErrorResponse::not_found)
    }

    pub fn issue(&self, id: &TicketId) -> Result<&Issue, ErrorResponse> {
        let issue = self.repo(&id.repo)?.issues.get(&id.number).ok_or_else(ErrorResponse::not_found)?;
        match &issue.sort {
            IssueKind::Deleted => Err(ErrorResponse::gone("This issue was deleted")),
            IssueKind::MovedTo(now) => Err(ErrorResponse::moved(&self.numbered_url(now))),
            _ => Ok(issue),
        }
    }

    pub fn issue_mut(&mut self, id: &TicketId) -> Result<&mut Issue, ErrorResponse> {
        self.issue(id)?;
        self.repo_mut(&id.repo)?.issues.get_mut(&id.number).ok_or_else(ErrorResponse::not_found)
    }

    /// A comment of the repository, with its issue.
    pub fn comment(&self, address: &Repo, id: u64) -> Result<(&Issue, &Comment), ErrorResponse> {
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

    pub fn issue_url(&self, id: &TicketId) -> String {
        format!("{}/repos/{}/issues/{}", self.base, id.repo, id.number)
    }
}

impl Repository {
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
    pub fn is_there(&self) -> bool {
        matches!(self.sort, IssueKind::Issue | IssueKind::PullRequest)
    }

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
