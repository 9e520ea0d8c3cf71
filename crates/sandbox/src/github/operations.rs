//! The operations on an issue. People and the API share them, so state, events and webhooks never disagree.

use crate::github::errors::ErrorResponse;
use crate::github::json::with;
use crate::github::state::{
    Comment, GitHubState, Issue, IssueEventKind, IssueKind, IssueState, Label, Reaction, Repository,
};
use fieldmedic_core::ticket::{Repo, TicketId};
use serde_json::{Value, json};

/// GitHub's limit for a text, in characters.
const TEXT_LIMIT: usize = 65_536;

/// A webhook to send: the event's name and its payload.
#[derive(Debug, Clone)]
pub(super) struct WebhookEvent {
    pub repo: Repo,
    pub event: &'static str,
    pub payload: Value,
}

/// The form of a new issue.
#[derive(Debug, Clone)]
pub(super) struct NewIssue<'a> {
    pub title: &'a str,
    pub body: Option<&'a str>,
    pub labels: &'a [String],
    pub sort: IssueKind,
}

impl GitHubState {
    /// Opens an issue with its labels. Returns its address and the webhooks to send.
    ///
    /// # Errors
    /// 404 if there is no such repository; 422 if the title is blank, or a text or a label is invalid.
    pub(super) fn open(
        &mut self,
        address: &Repo,
        actor: &str,
        form: &NewIssue<'_>,
    ) -> Result<(TicketId, Vec<WebhookEvent>), ErrorResponse> {
        if form.title.trim().is_empty() {
            return Err(ErrorResponse::invalid("Issue", "title", "missing_field"));
        }
        check_length("Issue", form.body.unwrap_or_default())?;
        let (id, now) = (self.next_id(), self.now());
        let repo = self.repo_mut(address)?;
        let number = repo.issues.last_key_value().map_or(0, |(number, _)| *number) + 1;
        let mut issue = Issue {
            id,
            number,
            title: form.title.to_owned(),
            body: form.body.map(str::to_owned),
            author: actor.to_owned(),
            state: IssueState::Open,
            sort: form.sort.clone(),
            locked: false,
            labels: Vec::new(),
            assignees: Vec::new(),
            comments: Vec::new(),
            created_at: now,
            updated_at: now,
            events: Vec::new(),
        };
        issue.note(now, actor, IssueEventKind::Opened);
        repo.issues.insert(number, issue);
        let ticket = TicketId { repo: address.clone(), number };
        let mut labeled = Vec::new();
        for name in form.labels {
            labeled.extend(self.label(&ticket, actor, name)?);
        }
        // GitHub tells of the opening first, and of a label that was there from the start as well.
        let mut webhooks = vec![self.issue_webhook(&ticket, actor, "opened", Value::Null)?];
        webhooks.append(&mut labeled);
        Ok((ticket, webhooks))
    }

    /// Changes the title, the body or both; `None` keeps what is there. Returns the webhooks to send.
    ///
    /// # Errors
    /// 404, 410 or 301 if there is no such issue; 422 if the body is too long.
    pub(super) fn edit(
        &mut self,
        id: &TicketId,
        actor: &str,
        title: Option<&str>,
        body: Option<&str>,
    ) -> Result<Vec<WebhookEvent>, ErrorResponse> {
        check_length("Issue", body.unwrap_or_default())?;
        let now = self.now();
        let issue = self.issue_mut(id)?;
        if let Some(title) = title {
            issue.title = title.to_owned();
        }
        if let Some(body) = body {
            issue.body = Some(body.to_owned());
        }
        issue.note(now, actor, IssueEventKind::Edited);
        Ok(vec![self.issue_webhook(id, actor, "edited", json!({ "changes": {} }))?])
    }

    /// Posts a comment. Returns its id and the webhooks to send.
    ///
    /// # Errors
    /// 404, 410 or 301 if there is no such issue; 422 if the text is blank or too long.
    pub(super) fn comment_on(
        &mut self,
        id: &TicketId,
        actor: &str,
        body: &str,
    ) -> Result<(u64, Vec<WebhookEvent>), ErrorResponse> {
        check_comment(body)?;
        let (comment, now) = (self.next_id(), self.now());
        let issue = self.issue_mut(id)?;
        issue.comments.push(Comment {
            id: comment,
            author: actor.to_owned(),
            body: body.to_owned(),
            created_at: now,
            updated_at: now,
            reactions: Vec::new(),
        });
        issue.note(now, actor, IssueEventKind::Commented(comment));
        Ok((comment, vec![self.comment_webhook(id, actor, "created", comment)?]))
    }

    /// Replaces the text of a comment, whoever wrote it. Returns the webhooks to send.
    ///
    /// # Errors
    /// 404 if there is no such comment; 422 if the text is blank or too long.
    pub(super) fn edit_comment(
        &mut self,
        address: &Repo,
        comment: u64,
        actor: &str,
        body: &str,
    ) -> Result<Vec<WebhookEvent>, ErrorResponse> {
        check_comment(body)?;
        let now = self.now();
        let id = TicketId { repo: address.clone(), number: self.comment(address, comment)?.0.number };
        let issue = self.issue_mut(&id)?;
        if let Some(there) = issue.comments.iter_mut().find(|there| there.id == comment) {
            there.body = body.to_owned();
            there.updated_at = now;
        }
        issue.note(now, actor, IssueEventKind::CommentEdited(comment));
        Ok(vec![self.comment_webhook(&id, actor, "edited", comment)?])
    }

    /// The reaction, and whether it is new.
    pub(super) fn react(
        &mut self,
        address: &Repo,
        comment: u64,
        actor: &str,
        content: &str,
    ) -> Result<(Reaction, Created), ErrorResponse> {
        let (reaction, now) = (self.next_id(), self.now());
        let id = TicketId { repo: address.clone(), number: self.comment(address, comment)?.0.number };
        let there = self.issue_mut(&id)?.comments.iter_mut().find(|there| there.id == comment);
        let reactions = &mut there.ok_or_else(ErrorResponse::not_found)?.reactions;
        if let Some(known) = reactions.iter().find(|known| known.user == actor && known.content == content) {
            return Ok((known.clone(), Created::No));
        }
        let reaction =
            Reaction { id: reaction, user: actor.to_owned(), content: content.to_owned(), at: now };
        reactions.push(reaction.clone());
        Ok((reaction, Created::Yes))
    }

    /// Adds a label to the issue. If the repository has no such label, it is created in grey.
    pub(super) fn label(
        &mut self,
        id: &TicketId,
        actor: &str,
        name: &str,
    ) -> Result<Vec<WebhookEvent>, ErrorResponse> {
        let now = self.now();
        self.issue(id)?;
        let name = match self.repo(&id.repo)?.label(name) {
            Some(label) => label.name.clone(),
            None => self.create_label(&id.repo, name, "ededed", None)?.name,
        };
        let issue = self.issue_mut(id)?;
        if issue.labels.contains(&name) {
            return Ok(Vec::new());
        }
        issue.labels.push(name.clone());
        issue.note(now, actor, IssueEventKind::Labeled(name.clone()));
        Ok(vec![self.label_webhook(id, actor, "labeled", &name)?])
    }

    /// Removes a label from the issue; case does not matter. Returns the webhooks to send.
    ///
    /// # Errors
    /// 404, 410 or 301 if there is no such issue; 404 if it does not have the label.
    pub(super) fn unlabel(
        &mut self,
        id: &TicketId,
        actor: &str,
        name: &str,
    ) -> Result<Vec<WebhookEvent>, ErrorResponse> {
        let now = self.now();
        let issue = self.issue_mut(id)?;
        let place = issue.labels.iter().position(|there| there.eq_ignore_ascii_case(name));
        let place = place.ok_or_else(|| ErrorResponse {
            message: "Label does not exist".to_owned(),
            ..ErrorResponse::not_found()
        })?;
        let name = issue.labels.remove(place);
        issue.note(now, actor, IssueEventKind::Unlabeled(name.clone()));
        Ok(vec![self.label_webhook(id, actor, "unlabeled", &name)?])
    }

    /// Creates a label in the repository. `color` is six hex digits without `#`.
    ///
    /// # Errors
    /// 404 if there is no such repository; 422 if the name has not 1 to 50 characters or is taken, the
    /// colour is invalid, or the description has more than 100 characters.
    pub(super) fn create_label(
        &mut self,
        address: &Repo,
        name: &str,
        color: &str,
        description: Option<&str>,
    ) -> Result<Label, ErrorResponse> {
        if name.is_empty() || name.chars().count() > 50 {
            return Err(ErrorResponse::invalid("Label", "name", "invalid"));
        }
        if color.len() != 6 || !color.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ErrorResponse::invalid("Label", "color", "invalid"));
        }
        if description.is_some_and(|text| text.chars().count() > 100) {
            return Err(ErrorResponse::invalid("Label", "description", "invalid"));
        }
        let id = self.next_id();
        let repo = self.repo_mut(address)?;
        if repo.label(name).is_some() {
            return Err(ErrorResponse::invalid("Label", "name", "already_exists"));
        }
        let label = Label {
            id,
            name: name.to_owned(),
            color: color.to_owned(),
            description: description.map(str::to_owned),
        };
        repo.labels.push(label.clone());
        Ok(label)
    }

    /// Assigns an account. As on GitHub, one that cannot be assigned is ignored.
    pub(super) fn assign(
        &mut self,
        id: &TicketId,
        actor: &str,
        login: &str,
    ) -> Result<Vec<WebhookEvent>, ErrorResponse> {
        let now = self.now();
        let issue = self.issue(id)?;
        if issue.assignees.iter().any(|there| there == login)
            || !self.repo(&id.repo)?.is_assignable(issue, login)
        {
            return Ok(Vec::new());
        }
        let issue = self.issue_mut(id)?;
        issue.assignees.push(login.to_owned());
        issue.note(now, actor, IssueEventKind::Assigned(login.to_owned()));
        let assignee = json!({ "assignee": self.user_json(login) });
        Ok(vec![self.issue_webhook(id, actor, "assigned", assignee)?])
    }

    /// Closes an issue. If it is closed, only the reason changes.
    pub(super) fn close(
        &mut self,
        id: &TicketId,
        actor: &str,
        reason: &str,
    ) -> Result<Vec<WebhookEvent>, ErrorResponse> {
        let now = self.now();
        let issue = self.issue_mut(id)?;
        if let IssueState::Closed { reason: there, .. } = &mut issue.state {
            *there = reason.to_owned();
            return Ok(Vec::new());
        }
        issue.state = IssueState::Closed { reason: reason.to_owned(), by: actor.to_owned(), at: now };
        issue.note(now, actor, IssueEventKind::Closed);
        Ok(vec![self.issue_webhook(id, actor, "closed", Value::Null)?])
    }

    /// Reopens a closed issue; an open one stays as it is. Returns the webhooks to send.
    ///
    /// # Errors
    /// 404, 410 or 301 if there is no such issue.
    pub(super) fn reopen(&mut self, id: &TicketId, actor: &str) -> Result<Vec<WebhookEvent>, ErrorResponse> {
        let now = self.now();
        let issue = self.issue_mut(id)?;
        if !issue.is_closed() {
            return Ok(Vec::new());
        }
        issue.state = IssueState::Reopened;
        issue.note(now, actor, IssueEventKind::Reopened);
        Ok(vec![self.issue_webhook(id, actor, "reopened", Value::Null)?])
    }

    /// Locks the conversation of an issue. Returns the webhooks to send.
    ///
    /// # Errors
    /// 404, 410 or 301 if there is no such issue.
    pub(super) fn lock(&mut self, id: &TicketId, actor: &str) -> Result<Vec<WebhookEvent>, ErrorResponse> {
        let now = self.now();
        let issue = self.issue_mut(id)?;
        issue.locked = true;
        issue.note(now, actor, IssueEventKind::Locked);
        Ok(vec![self.issue_webhook(id, actor, "locked", Value::Null)?])
    }

    fn label_webhook(
        &self,
        id: &TicketId,
        actor: &str,
        action: &str,
        name: &str,
    ) -> Result<WebhookEvent, ErrorResponse> {
        let repo = self.repo(&id.repo)?;
        let label = repo.label(name).map(|label| self.label_json(repo, label));
        self.issue_webhook(id, actor, action, json!({ "label": label }))
    }

    fn comment_webhook(
        &self,
        id: &TicketId,
        actor: &str,
        action: &str,
        comment: u64,
    ) -> Result<WebhookEvent, ErrorResponse> {
        let (issue, comment) = self.comment(&id.repo, comment)?;
        let comment = self.comment_json(self.repo(&id.repo)?, issue, comment);
        let webhook = self.issue_webhook(id, actor, action, json!({ "comment": comment }))?;
        Ok(WebhookEvent { event: "issue_comment", ..webhook })
    }

    /// `more` holds further fields of this action: an object, or null.
    fn issue_webhook(
        &self,
        id: &TicketId,
        actor: &str,
        action: &str,
        more: Value,
    ) -> Result<WebhookEvent, ErrorResponse> {
        let repo: &Repository = self.repo(&id.repo)?;
        let payload = json!({
            "action": action,
            "issue": self.issue_json(repo, self.issue(id)?),
            "repository": self.repo_json(repo, actor),
            "sender": self.user_json(actor),
        });
        let more = more.as_object().into_iter().flatten();
        let payload = with(payload, more.map(|(key, value)| (key.as_str(), value.clone())));
        Ok(WebhookEvent { repo: id.repo.clone(), event: "issues", payload })
    }
}

/// Whether something was created, or existed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Created {
    Yes,
    No,
}

fn check_comment(body: &str) -> Result<(), ErrorResponse> {
    if body.trim().is_empty() {
        return Err(ErrorResponse::invalid("IssueComment", "body", "missing_field"));
    }
    check_length("IssueComment", body)
}

fn check_length(resource: &str, text: &str) -> Result<(), ErrorResponse> {
    match text.chars().count() <= TEXT_LIMIT {
        true => Ok(()),
        false => Err(ErrorResponse::too_long(resource)),
    }
}
