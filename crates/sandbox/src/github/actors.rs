//! Operations that a test makes as a person, and reads of their results.
//!
//! An account or repository that is named for the first time is created. Roles are not checked here; the API
//! checks them.

use crate::github::apps::MadeApp;
use crate::github::errors::ErrorResponse;
use crate::github::fake_github::FakeGitHub;
use crate::github::jwt::Unmade;
use crate::github::operations::{NewIssue, WebhookEvent};
use crate::github::state::{AccountKind, Comment, GitHubState, Issue, IssueKind, Label, RepoRole};
use chrono::{DateTime, Utc};
use fieldmedic_core::ticket::{Repo, TicketId};

/// The names of labels, as a caller writes them.
pub(super) type Names<'a> = &'a [&'a str];

impl FakeGitHub {
    /// Creates an account that uses the API with this token.
    pub fn register(&self, login: &str, kind: AccountKind, token: &str) {
        let mut github = self.server.state();
        github.user(login, kind);
        github.tokens.insert(token.to_owned(), login.to_owned());
    }

    /// Turns the token of an account into a fine-grained one, with these permissions alone.
    pub fn narrow(&self, login: &str, rights: &[(&str, &str)]) {
        let rights = rights.iter().map(|&(right, level)| (right.to_owned(), level.to_owned())).collect();
        self.server.state().narrowed.insert(login.to_owned(), rights);
    }

    /// Revokes a token: from now on the API answers `Bad credentials`.
    pub fn revoke(&self, token: &str) {
        self.server.state().tokens.remove(token);
    }

    /// Sets the role of an account in a repository. [`RepoRole::None`] removes it.
    pub fn grant(&self, repo: &Repo, login: &str, role: RepoRole) {
        let mut github = self.server.state();
        github.user(login, AccountKind::User);
        github.repo_or_create(repo).roles.insert(login.to_owned(), role);
    }

    /// Creates an App. Its webhook is the one of [`FakeGitHub::hook`].
    ///
    /// # Errors
    /// If no key can be generated.
    pub fn make_app(&self, owner: &str, slug: &str, rights: &[(&str, &str)]) -> Result<MadeApp, Unmade> {
        let rights = rights.iter().map(|&(right, level)| (right.to_owned(), level.to_owned())).collect();
        let events = vec!["issues".to_owned(), "issue_comment".to_owned()];
        self.server.state().make_app(owner, slug, rights, events)
    }

    /// Installs an App for these repositories of one account. Returns the installation's id.
    pub fn install(&self, app: u64, repos: &[Repo]) -> u64 {
        self.server.state().install(app, repos)
    }

    /// Removes an installation.
    pub fn uninstall(&self, installation: u64) {
        self.server.state().apps.installations.remove(&installation);
    }

    /// Suspends an installation, or ends its suspension with `None`.
    pub fn suspend(&self, installation: u64, since: Option<DateTime<Utc>>) {
        if let Some(known) = self.server.state().apps.installations.get_mut(&installation) {
            known.suspended = since;
        }
    }

    /// Expires every token of every App.
    pub fn expire_app_tokens(&self) {
        let mut github = self.server.state();
        github.apps.tokens.values_mut().for_each(|pass| pass.until = DateTime::UNIX_EPOCH);
    }

    /// Makes a repository read-only.
    pub fn archive(&self, repo: &Repo) {
        self.server.state().repo_or_create(repo).archived = true;
    }

    /// Disables the issues of a repository.
    pub fn turn_issues_off(&self, repo: &Repo) {
        self.server.state().repo_or_create(repo).issues_off = true;
    }

    /// Renames a repository. Requests by the old name are redirected.
    ///
    /// # Errors
    /// If there is no such repository.
    pub fn rename(&self, repo: &Repo, now: &Repo) -> Result<(), ErrorResponse> {
        let mut github = self.server.state();
        let mut there = github.repos.remove(repo).ok_or_else(ErrorResponse::not_found)?;
        there.address = now.clone();
        github.repos.insert(now.clone(), there);
        github.renamed.insert(repo.clone(), now.clone());
        Ok(())
    }

    /// Opens an issue. Returns its address.
    ///
    /// # Errors
    /// GitHub's validation error.
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
    /// As for [`FakeGitHub::file`].
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
        self.server.state().repo_or_create(repo);
        let labels: Vec<String> = labels.iter().map(|&name| name.to_owned()).collect();
        let form =
            NewIssue { title, body: Some(body).filter(|body| !body.is_empty()), labels: &labels, sort };
        self.act(author, |github| github.open(repo, author, &form))
    }

    /// Posts a comment. Returns its id.
    ///
    /// # Errors
    /// If there is no such issue, or the text is empty or too long.
    pub fn comment(&self, id: &TicketId, author: &str, body: &str) -> Result<u64, ErrorResponse> {
        self.act(author, |github| github.comment_on(id, author, body))
    }

    /// Changes the title of an issue.
    ///
    /// # Errors
    /// If there is no such issue, or the title is empty.
    pub fn retitle(&self, id: &TicketId, actor: &str, title: &str) -> Result<(), ErrorResponse> {
        self.act(actor, |github| Ok(((), github.edit(id, actor, Some(title), None)?)))
    }

    /// Replaces the text of a comment, whoever wrote it.
    ///
    /// # Errors
    /// If there is no such comment.
    pub fn edit_comment(
        &self,
        repo: &Repo,
        comment: u64,
        actor: &str,
        body: &str,
    ) -> Result<(), ErrorResponse> {
        self.act(actor, |github| Ok(((), github.edit_comment(repo, comment, actor, body)?)))
    }

    /// `content` is GitHub's word for it: `eyes`, `+1`.
    ///
    /// # Errors
    /// If there is no such comment.
    pub fn react(&self, repo: &Repo, comment: u64, actor: &str, content: &str) -> Result<(), ErrorResponse> {
        self.act(actor, |github| github.react(repo, comment, actor, content).map(|_| ((), Vec::new())))
    }

    /// Adds a label to an issue. The repository gets the label if it lacks it.
    ///
    /// # Errors
    /// If there is no such issue.
    pub fn label(&self, id: &TicketId, actor: &str, name: &str) -> Result<(), ErrorResponse> {
        self.act(actor, |github| Ok(((), github.label(id, actor, name)?)))
    }

    /// Removes a label from an issue; the repository keeps the label.
    ///
    /// # Errors
    /// If there is no such issue, or no such label on it.
    pub fn unlabel(&self, id: &TicketId, actor: &str, name: &str) -> Result<(), ErrorResponse> {
        self.act(actor, |github| Ok(((), github.unlabel(id, actor, name)?)))
    }

    /// `reason` is GitHub's: `completed`, `not_planned`, `duplicate`.
    ///
    /// # Errors
    /// If there is no such issue.
    pub fn close(&self, id: &TicketId, actor: &str, reason: &str) -> Result<(), ErrorResponse> {
        self.act(actor, |github| Ok(((), github.close(id, actor, reason)?)))
    }

    /// Reopens a closed issue; an open one stays as it is.
    ///
    /// # Errors
    /// If there is no such issue.
    pub fn reopen(&self, id: &TicketId, actor: &str) -> Result<(), ErrorResponse> {
        self.act(actor, |github| Ok(((), github.reopen(id, actor)?)))
    }

    /// Locks an issue: only accounts with the role `Write` can comment.
    ///
    /// # Errors
    /// If there is no such issue.
    pub fn lock(&self, id: &TicketId, actor: &str) -> Result<(), ErrorResponse> {
        self.act(actor, |github| Ok(((), github.lock(id, actor)?)))
    }

    /// Deletes an issue. Later requests for it get 410.
    ///
    /// # Errors
    /// If there is no such issue.
    pub fn delete(&self, id: &TicketId) -> Result<(), ErrorResponse> {
        self.server.state().issue_mut(id)?.sort = IssueKind::Deleted;
        Ok(())
    }

    /// Transfers an issue to another repository. Returns its new address.
    ///
    /// # Errors
    /// If there is no such issue.
    pub fn transfer(&self, id: &TicketId, to: &Repo) -> Result<TicketId, ErrorResponse> {
        let mut github = self.server.state();
        let mut issue = github.issue(id)?.clone();
        let repo = github.repo_or_create(to);
        let number = repo.issues.last_key_value().map_or(0, |(number, _)| *number) + 1;
        issue.number = number;
        repo.issues.insert(number, issue);
        let now = TicketId { repo: to.clone(), number };
        github.issue_mut(id)?.sort = IssueKind::MovedTo(now.clone());
        Ok(now)
    }

    /// The issue with its comments and events; `None` if it does not exist.
    pub fn issue(&self, id: &TicketId) -> Option<Issue> {
        self.server.state().issue(id).ok().cloned()
    }

    /// All issues of a repository, by number, without those that were deleted or moved.
    pub fn issues(&self, repo: &Repo) -> Vec<Issue> {
        let github = self.server.state();
        let issues = github.repos.get(repo).into_iter().flat_map(|repo| repo.issues.values());
        issues.filter(|issue| issue.is_there()).cloned().collect()
    }

    /// The comments of an issue, oldest first; none if it does not exist.
    pub fn comments(&self, id: &TicketId) -> Vec<Comment> {
        self.issue(id).map_or_else(Vec::new, |issue| issue.comments)
    }

    /// The labels that a repository has.
    pub fn labels(&self, repo: &Repo) -> Vec<Label> {
        self.server.state().repos.get(repo).map_or_else(Vec::new, |repo| repo.labels.clone())
    }

    /// Does an operation as an account, and sends the webhooks about it.
    fn act<T>(
        &self,
        actor: &str,
        operation: impl FnOnce(&mut GitHubState) -> Result<(T, Vec<WebhookEvent>), ErrorResponse>,
    ) -> Result<T, ErrorResponse> {
        let (made, webhooks) = {
            let mut github = self.server.state();
            github.user(actor, AccountKind::User);
            operation(&mut github)?
        };
        self.server.send(webhooks);
        Ok(made)
    }
}
