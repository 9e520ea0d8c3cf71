//! What the GitHub in a box holds: accounts, repositories, issues, comments, labels.

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

/// What an account may do in a repository, from nothing to everything.
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
    /// Private to these, as support repositories are: to everyone else it does not exist.
    pub roles: BTreeMap<String, RepoRole>,
    pub labels: Vec<Label>,
    /// By number; numbers count from one and are never used again.
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
    /// Everything that happened to it, in order.
    pub events: Vec<IssueEvent>,
}

/// In which state an issue is, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssueState {
    Open,
    Reopened,
    Closed { reason: String, by: String, at: DateTime<Utc> },
}

/// GitHub keeps pull requests among the issues, and leaves a trace of what is gone.
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
    /// GitHub's word for it: `eyes`, `confused`, `+1`.
    pub content: String,
    pub at: DateTime<Utc>,
}

/// One thing that happened to an issue.
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

/// Everything.
pub(super) struct GitHubState {
    /// Where it is served, without a slash at the end.
    pub base: String,
    pub users: BTreeMap<String, User>,
    /// Token to login.
    pub tokens: BTreeMap<String, String>,
    pub apps: Apps,
    /// Accounts whose token is fine-grained, with the rights that it has.
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

    /// GitHub counts in whole seconds.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(0)
    }

    /// One sequence for everything, so that no two things can be mistaken for each other.
    pub fn fresh_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The account, made if there is none. An existing one keeps its kind.
    pub fn user(&mut self, login: &str, kind: AccountKind) -> User {
        if let Some(user) = self.users.get(login) {
            return user.clone();
        }
        let user = User { id: self.fresh_id(), login: login.to_owned(), kind };
        self.users.insert(login.to_owned(), user.clone());
        user
    }

    /// The repository, made if there is none; so is its owner.
    pub fn found_repo(&mut self, address: &Repo) -> &mut Repository {
        self.user(&address.owner, AccountKind::Organization);
        let (id, now) = (self.fresh_id(), self.now());
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

    /// The issue that a comment of the repository stands under, and the comment.
    pub fn comment(&self, address: &Repo, id: u64) -> Result<(&Issue, &Comment), ErrorResponse> {
        let issues = self.repo(address)?.issues.values().filter(|issue| issue.is_there());
        issues
            .filter_map(|issue| Some((issue, issue.comments.iter().find(|comment| comment.id == id)?)))
            .next()
            .ok_or_else(ErrorResponse::not_found)
    }

    /// Where GitHub leads to what has moved: by the number of the repository, which does not change.
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

    /// GitHub knows a label whatever the case of its letters.
    pub fn label(&self, name: &str) -> Option<&Label> {
        self.labels.iter().find(|label| label.name.eq_ignore_ascii_case(name))
    }

    /// Only those may be assigned who have something to do with the issue.
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

    /// Why it was closed, in GitHub's word: `completed`, `not_planned`.
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
    /// GitHub's older scale of four, which the permission endpoint still answers with.
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
