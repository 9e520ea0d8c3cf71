//! What people do on the GitHub in a box, and what can be seen of it.
//!
//! Who is named for the first time gets an account; a repository that is named for the first time is
//! made. People are trusted to do what they are let do, so their roles are not asked for here; the API
//! asks for them.

use crate::github::FakeGitHub;
use crate::github::apps::MadeApp;
use crate::github::errors::ErrorResponse;
use crate::github::jwt::Unmade;
use crate::github::operations::{NewIssue, WebhookEvent};
use crate::github::state::{AccountKind, Comment, GitHubState, Issue, IssueKind, Label, RepoRole};
use chrono::{DateTime, Utc};
use fieldmedic_core::ticket::{Repo, TicketId};

/// The names of labels, as a caller writes them.
pub type Names<'a> = &'a [&'a str];

impl FakeGitHub {
    /// An account that asks the API with this token.
    pub fn register(&self, login: &str, kind: AccountKind, token: &str) {
        let mut world = self.inner.world();
        world.user(login, kind);
        world.tokens.insert(token.to_owned(), login.to_owned());
    }

    /// Makes the token of an account a fine-grained one, with these rights alone.
    pub fn narrow(&self, login: &str, rights: &[(&str, &str)]) {
        let rights = rights.iter().map(|&(right, level)| (right.to_owned(), level.to_owned())).collect();
        self.inner.world().narrowed.insert(login.to_owned(), rights);
    }

    /// Takes a token back: from now on it is a bad credential.
    pub fn revoke(&self, token: &str) {
        self.inner.world().tokens.remove(token);
    }

    /// Gives someone a role in a repository, or takes it away with [`Role::None`].
    pub fn grant(&self, repo: &Repo, login: &str, role: RepoRole) {
        let mut world = self.inner.world();
        world.user(login, AccountKind::User);
        world.found_repo(repo).roles.insert(login.to_owned(), role);
    }

    /// Makes an App; its webhook is the one of [`Hub::hook`].
    ///
    /// # Errors
    /// If no key can be made.
    pub fn make_app(&self, owner: &str, slug: &str, rights: &[(&str, &str)]) -> Result<MadeApp, Unmade> {
        let rights = rights.iter().map(|&(right, level)| (right.to_owned(), level.to_owned())).collect();
        let events = vec!["issues".to_owned(), "issue_comment".to_owned()];
        self.inner.world().make_app(owner, slug, rights, events)
    }

    /// Installs an App for these repositories of one account, and gives the installation's number.
    pub fn install(&self, app: u64, repos: &[Repo]) -> u64 {
        self.inner.world().install(app, repos)
    }

    /// The account that installed an App takes it out again.
    pub fn uninstall(&self, installation: u64) {
        self.inner.world().apps.installations.remove(&installation);
    }

    /// The account that installed an App lets it rest, or work again.
    pub fn suspend(&self, installation: u64, since: Option<DateTime<Utc>>) {
        if let Some(known) = self.inner.world().apps.installations.get_mut(&installation) {
            known.suspended = since;
        }
    }

    /// Lets the hour of every token pass that an App has.
    pub fn expire_app_tokens(&self) {
        let mut world = self.inner.world();
        world.apps.passes.values_mut().for_each(|pass| pass.until = DateTime::UNIX_EPOCH);
    }

    /// Makes a repository read-only.
    pub fn archive(&self, repo: &Repo) {
        self.inner.world().found_repo(repo).archived = true;
    }

    /// Turns the issues of a repository off.
    pub fn turn_issues_off(&self, repo: &Repo) {
        self.inner.world().found_repo(repo).issues_off = true;
    }

    /// Gives a repository another name; who asks by the old one is led to the new.
    ///
    /// # Errors
    /// If there is no such repository.
    pub fn rename(&self, repo: &Repo, now: &Repo) -> Result<(), ErrorResponse> {
        let mut world = self.inner.world();
        let mut there = world.repos.remove(repo).ok_or_else(ErrorResponse::not_found)?;
        there.address = now.clone();
        world.repos.insert(now.clone(), there);
        world.renamed.insert(repo.clone(), now.clone());
        Ok(())
    }

    /// # Errors
    /// What GitHub says to a form that is not filled in rightly.
    pub fn file(
        &self,
        repo: &Repo,
        author: &str,
        title: &str,
        body: &str,
        labels: Names<'_>,
    ) -> Result<TicketId, ErrorResponse> {
        self.open(repo, author, title, body, labels, IssueKind::Issue)
    }

    /// A pull request, which GitHub lists among the issues.
    ///
    /// # Errors
    /// As for [`Hub::file`].
    pub fn propose(
        &self,
        repo: &Repo,
        author: &str,
        title: &str,
        labels: Names<'_>,
    ) -> Result<TicketId, ErrorResponse> {
        self.open(repo, author, title, "", labels, IssueKind::PullRequest)
    }

    fn open(
        &self,
        repo: &Repo,
        author: &str,
        title: &str,
        body: &str,
        labels: Names<'_>,
        sort: IssueKind,
    ) -> Result<TicketId, ErrorResponse> {
        self.inner.world().found_repo(repo);
        let labels: Vec<String> = labels.iter().map(|&name| name.to_owned()).collect();
        let form =
            NewIssue { title, body: Some(body).filter(|body| !body.is_empty()), labels: &labels, sort };
        self.act(author, |world| world.open(repo, author, &form))
    }

    /// Writes a comment, and gives its id.
    ///
    /// # Errors
    /// If there is no such issue, or the text is empty or too long.
    pub fn comment(&self, id: &TicketId, author: &str, body: &str) -> Result<u64, ErrorResponse> {
        self.act(author, |world| world.comment_on(id, author, body))
    }

    /// # Errors
    /// If there is no such issue, or the title is empty.
    pub fn retitle(&self, id: &TicketId, actor: &str, title: &str) -> Result<(), ErrorResponse> {
        self.act(actor, |world| Ok(((), world.edit(id, actor, Some(title), None)?)))
    }

    /// # Errors
    /// If there is no such comment.
    pub fn edit_comment(
        &self,
        repo: &Repo,
        comment: u64,
        actor: &str,
        body: &str,
    ) -> Result<(), ErrorResponse> {
        self.act(actor, |world| Ok(((), world.edit_comment(repo, comment, actor, body)?)))
    }

    /// `content` is GitHub's word for it: `eyes`, `+1`.
    ///
    /// # Errors
    /// If there is no such comment.
    pub fn react(&self, repo: &Repo, comment: u64, actor: &str, content: &str) -> Result<(), ErrorResponse> {
        self.act(actor, |world| world.react(repo, comment, actor, content).map(|_| ((), Vec::new())))
    }

    /// # Errors
    /// If there is no such issue.
    pub fn label(&self, id: &TicketId, actor: &str, name: &str) -> Result<(), ErrorResponse> {
        self.act(actor, |world| Ok(((), world.label(id, actor, name)?)))
    }

    /// # Errors
    /// If there is no such issue, or no such label on it.
    pub fn unlabel(&self, id: &TicketId, actor: &str, name: &str) -> Result<(), ErrorResponse> {
        self.act(actor, |world| Ok(((), world.unlabel(id, actor, name)?)))
    }

    /// `reason` is GitHub's: `completed`, `not_planned`, `duplicate`.
    ///
    /// # Errors
    /// If there is no such issue.
    pub fn close(&self, id: &TicketId, actor: &str, reason: &str) -> Result<(), ErrorResponse> {
        self.act(actor, |world| Ok(((), world.close(id, actor, reason)?)))
    }

    /// # Errors
    /// If there is no such issue.
    pub fn reopen(&self, id: &TicketId, actor: &str) -> Result<(), ErrorResponse> {
        self.act(actor, |world| Ok(((), world.reopen(id, actor)?)))
    }

    /// From now on only those who may write can comment.
    ///
    /// # Errors
    /// If there is no such issue.
    pub fn lock(&self, id: &TicketId, actor: &str) -> Result<(), ErrorResponse> {
        self.act(actor, |world| Ok(((), world.lock(id, actor)?)))
    }

    /// Deletes an issue; GitHub remembers that there was one.
    ///
    /// # Errors
    /// If there is no such issue.
    pub fn delete(&self, id: &TicketId) -> Result<(), ErrorResponse> {
        self.inner.world().issue_mut(id)?.sort = IssueKind::Deleted;
        Ok(())
    }

    /// Moves an issue to another repository, and gives its new address.
    ///
    /// # Errors
    /// If there is no such issue.
    pub fn transfer(&self, id: &TicketId, to: &Repo) -> Result<TicketId, ErrorResponse> {
        let mut world = self.inner.world();
        let mut issue = world.issue(id)?.clone();
        let repo = world.found_repo(to);
        let number = repo.issues.last_key_value().map_or(0, |(number, _)| *number) + 1;
        issue.number = number;
        repo.issues.insert(number, issue);
        let now = TicketId { repo: to.clone(), number };
        world.issue_mut(id)?.sort = IssueKind::MovedTo(now.clone());
        Ok(now)
    }

    /// The issue as it is, with its comments and all that happened to it; `None` if it is not there.
    pub fn issue(&self, id: &TicketId) -> Option<Issue> {
        self.inner.world().issue(id).ok().cloned()
    }

    /// All issues of a repository, by number, without those that were deleted or moved.
    pub fn issues(&self, repo: &Repo) -> Vec<Issue> {
        let world = self.inner.world();
        let issues = world.repos.get(repo).into_iter().flat_map(|repo| repo.issues.values());
        issues.filter(|issue| issue.is_there()).cloned().collect()
    }

    /// The comments of an issue, oldest first; none if it is not there.
    pub fn comments(&self, id: &TicketId) -> Vec<Comment> {
        self.issue(id).map_or_else(Vec::new, |issue| issue.comments)
    }

    /// The labels that a repository has.
    pub fn labels(&self, repo: &Repo) -> Vec<Label> {
        self.inner.world().repos.get(repo).map_or_else(Vec::new, |repo| repo.labels.clone())
    }

    /// Does something as someone, and tells of it.
    fn act<T>(
        &self,
        actor: &str,
        deed: impl FnOnce(&mut GitHubState) -> Result<(T, Vec<WebhookEvent>), ErrorResponse>,
    ) -> Result<T, ErrorResponse> {
        let (made, notices) = {
            let mut world = self.inner.world();
            world.user(actor, AccountKind::User);
            deed(&mut world)?
        };
        self.inner.tell(notices);
        Ok(made)
    }
}
