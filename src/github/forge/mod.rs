//! What each call of the [`Forge`] port means on GitHub.

use crate::core::text::redact::Redacted;
use crate::core::ticket::{Repo, Ticket, TicketId};
use crate::github::adapter::GitHub;
use crate::github::http::encode;
use crate::github::installations::Clients;
use crate::github::model::{Issue, IssueComment, User};
use crate::github::write_limiter::WriteSlot;
use crate::ports::{
    Account, Comment, DeliveryId, FailedDelivery, Forge, ForgeError, Label, Marker, NewTicket, Permission,
    Reaction, Thumb, Urgency,
};
use crate::render::shorten;
use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use http::Method;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::PoisonError;

/// GitHub takes no longer text in an issue or a comment, counted in characters.
const TEXT_LIMIT: usize = 65_536;

#[async_trait]
impl Forge for GitHub {
    async fn me(&self) -> Result<String, ForgeError> {
        let ask = || async {
            let own = self.clients.own();
            Ok(match &self.clients {
                Clients::Token(_) => own.get::<User>("/user", &"the token's account").await?.login,
                Clients::App(_) => format!("{}[bot]", own.get::<Named>("/app", &"the App").await?.slug),
            })
        };
        self.login.get_or_try_init(ask).await.cloned()
    }

    async fn ticket(&self, id: &TicketId) -> Result<Ticket, ForgeError> {
        let wire = self.clients.to(&id.repo).await?;
        let issue: Issue = wire.get(&issue_route(id), id).await?;
        if issue.is_pull_request() {
            return Err(ForgeError::NotFound(format!("{id} as an issue (it is a pull request)")));
        }
        Ok(issue.into_ticket(&id.repo, &self.redactor))
    }

    async fn tickets(
        &self,
        repo: &Repo,
        label: Option<&str>,
        since: Option<DateTime<Utc>>,
    ) -> Result<Vec<Ticket>, ForgeError> {
        let wire = self.clients.to(repo).await?;
        let since = since.map(timestamp);
        let mut query = vec![("state", "open")];
        query.extend(label.map(|label| ("labels", label)));
        query.extend([("sort", "updated"), ("direction", "asc")]);
        query.extend(since.as_deref().map(|since| ("since", since)));
        let issues = wire.list_cached::<Issue>(&format!("{}/issues", repo_route(repo)), &query, repo).await?;
        let mut tickets: Vec<Ticket> = Vec::new();
        for issue in issues.into_iter().filter(|issue| !issue.is_pull_request()) {
            // One that was touched while the pages were read comes twice; the later is the newer.
            tickets.retain(|ticket| ticket.id.number != issue.number);
            tickets.push(issue.into_ticket(repo, &self.redactor));
        }
        Ok(tickets)
    }

    async fn comments(&self, repo: &Repo, since: DateTime<Utc>) -> Result<Vec<Comment>, ForgeError> {
        let wire = self.clients.to(repo).await?;
        let route = format!("{}/issues/comments", repo_route(repo));
        let since = timestamp(since);
        let query = [("sort", "updated"), ("direction", "asc"), ("since", &since)];
        let comments: Vec<IssueComment> = wire.list_cached(&route, &query, repo).await?;
        let on_issues = comments.into_iter().filter_map(|comment| {
            let ticket = TicketId { repo: repo.clone(), number: comment.issue_number()? };
            Some(comment.into_comment(ticket))
        });
        Ok(on_issues.collect())
    }

    async fn is_edited(&self, id: &TicketId, node_id: &str) -> Result<bool, ForgeError> {
        self.last_edit(id, node_id).await.map(|edited_at| edited_at.is_some())
    }

    async fn upsert_comment(
        &self,
        id: &TicketId,
        marker: &Marker,
        body: &Redacted,
        urgency: Urgency,
    ) -> Result<(), ForgeError> {
        let wire = self.clients.to(&id.repo).await?;
        let text = compose(marker, body);
        let me = self.me().await?;
        let route = format!("{}/comments", issue_route(id));
        let mut turn = self.writer.slot(urgency).await?;
        let comments: Vec<IssueComment> = wire.list(&route, &[], id).await?;
        let mine = comments.into_iter().find(|comment| {
            let body = comment.body.as_deref().unwrap_or_default();
            marker.opens(body) && is_by(comment.user.as_ref(), &me)
        });
        let body = json!({ "body": text });
        match mine {
            Some(mine) if same_text(mine.body.as_deref(), &text) => return Ok(()),
            Some(mine) => {
                let route = format!("{}/issues/comments/{}", repo_route(&id.repo), mine.id);
                wire.write(&mut turn, Method::PATCH, &route, Some(&body), id).await?
            }
            None => wire.write(&mut turn, Method::POST, &route, Some(&body), id).await?,
        };
        Ok(())
    }

    async fn update_labels(
        &self,
        id: &TicketId,
        add: &[Label],
        remove: &[&str],
        urgency: Urgency,
    ) -> Result<(), ForgeError> {
        let wire = self.clients.to(&id.repo).await?;
        let route = format!("{}/labels", issue_route(id));
        let mut turn = self.writer.slot(urgency).await?;
        // One request could replace all labels, but it would also take off what a person adds at that moment. So
        // what is there is read, and only the differences are written.
        let issue: Issue = wire.get(&issue_route(id), id).await?;
        let is_there = |name: &str| issue.labels.iter().any(|there| there.name.eq_ignore_ascii_case(name));
        let mut missing = Vec::new();
        for label in add.iter().filter(|label| !is_there(&label.name)) {
            self.ensure_label(&mut turn, &id.repo, label).await?;
            missing.push(label.name.as_str());
        }
        if !missing.is_empty() {
            let body = json!({ "labels": missing });
            wire.write(&mut turn, Method::POST, &route, Some(&body), id).await?;
        }
        for name in remove.iter().filter(|name| is_there(name)) {
            let route = format!("{route}/{}", encode(name));
            match wire.write(&mut turn, Method::DELETE, &route, None, id).await {
                Ok(_) | Err(ForgeError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn assign(&self, id: &TicketId, logins: &[String]) -> Result<(), ForgeError> {
        if logins.is_empty() {
            return Ok(());
        }
        let wire = self.clients.to(&id.repo).await?;
        let route = format!("{}/assignees", issue_route(id));
        let body = json!({ "assignees": logins });
        let mut turn = self.writer.slot(Urgency::HandOver).await?;
        wire.write(&mut turn, Method::POST, &route, Some(&body), id).await?;
        Ok(())
    }

    async fn react(&self, id: &TicketId, comment: u64, reaction: Reaction) -> Result<(), ForgeError> {
        let wire = self.clients.to(&id.repo).await?;
        let content = match reaction {
            Reaction::Eyes => "eyes",
            Reaction::Rocket => "rocket",
            Reaction::Confused => "confused",
            Reaction::ThumbsUp => "+1",
        };
        let route = reactions_route(id, comment);
        let what = format!("comment {comment} on {id}");
        let body = json!({ "content": content });
        let mut turn = self.writer.slot(Urgency::Answer).await?;
        wire.write(&mut turn, Method::POST, &route, Some(&body), &what).await?;
        Ok(())
    }

    async fn thumbs(&self, id: &TicketId, marker: &Marker) -> Result<Vec<Thumb>, ForgeError> {
        self.thumbs_on(id, marker).await
    }

    async fn participants_since(
        &self,
        id: &TicketId,
        since: DateTime<Utc>,
    ) -> Result<BTreeSet<String>, ForgeError> {
        self.people_since(id, since).await
    }

    async fn open(&self, new: &NewTicket) -> Result<TicketId, ForgeError> {
        let wire = self.clients.to(&new.repo).await?;
        let route = format!("{}/issues", repo_route(&new.repo));
        let mut turn = self.writer.slot(Urgency::HandOver).await?;
        let number = match self.find(&new.repo, &new.marker).await? {
            Some(found) => found.number,
            None => {
                let body = json!({
                    "title": new.title.as_str(),
                    "body": compose(&new.marker, &new.body),
                    "labels": new.labels,
                });
                let answer = wire.write(&mut turn, Method::POST, &route, Some(&body), &new.repo).await?;
                Opened::deserialize(answer)
                    .map_err(|error| ForgeError::Unreachable(error.to_string()))?
                    .number
            }
        };
        Ok(TicketId { repo: new.repo.clone(), number })
    }

    async fn find(&self, repo: &Repo, marker: &Marker) -> Result<Option<TicketId>, ForgeError> {
        let wire = self.clients.to(repo).await?;
        let me = self.me().await?;
        // GitHub's search lags behind by seconds to minutes, and a person may have taken the labels
        // off: the list of what the agent itself opened is current and complete.
        let mut query = vec![("state", "open")];
        // By an App's login GitHub does not always find what is there.
        query.extend(matches!(self.clients, Clients::Token(_)).then_some(("creator", me.as_str())));
        let mine: Vec<Issue> = wire.list(&format!("{}/issues", repo_route(repo)), &query, repo).await?;
        let marked = mine.into_iter().find(|issue| {
            let body = issue.body.as_deref().unwrap_or_default();
            !issue.is_pull_request() && marker.opens(body) && is_by(issue.user.as_ref(), &me)
        });
        Ok(marked.map(|issue| TicketId { repo: repo.clone(), number: issue.number }))
    }

    async fn close(&self, id: &TicketId) -> Result<(), ForgeError> {
        let wire = self.clients.to(&id.repo).await?;
        let body = json!({ "state": "closed", "state_reason": "completed" });
        let mut turn = self.writer.slot(Urgency::Report).await?;
        wire.write(&mut turn, Method::PATCH, &issue_route(id), Some(&body), id).await?;
        Ok(())
    }

    async fn reopen(&self, id: &TicketId) -> Result<(), ForgeError> {
        let wire = self.clients.to(&id.repo).await?;
        let body = json!({ "state": "open", "state_reason": "reopened" });
        let mut turn = self.writer.slot(Urgency::Report).await?;
        wire.write(&mut turn, Method::PATCH, &issue_route(id), Some(&body), id).await?;
        Ok(())
    }

    async fn account(&self, repo: &Repo, login: &str) -> Result<Account, ForgeError> {
        let wire = self.clients.to(repo).await?;
        let route = format!("{}/collaborators/{}/permission", repo_route(repo), encode(login));
        let granted: Granted = wire.get(&route, repo).await.map_err(|error| match error {
            ForgeError::NotFound(_) => ForgeError::NotFound(format!("the account {login} in {repo}")),
            other => other,
        })?;
        // `permission` counts "maintain" as write and "triage" as read. The name of a role that an
        // organisation made is its own; what such a role is worth, `permission` says. A word that is new to
        // this program gives no right.
        let exact = Permission::from_word(&granted.role_name);
        let permission = exact.or_else(|| Permission::from_word(&granted.permission));
        Ok(Account {
            login: login.to_owned(),
            id: granted.user.map(|user| user.id),
            permission: permission.unwrap_or(Permission::None),
        })
    }

    async fn failed_deliveries(
        &self,
        repo: &Repo,
        since: DateTime<Utc>,
    ) -> Result<Vec<FailedDelivery>, ForgeError> {
        self.read_failed_deliveries(repo, since).await
    }

    async fn redeliver(&self, repo: &Repo, id: DeliveryId) -> Result<(), ForgeError> {
        self.request_redelivery(repo, id).await
    }
}

impl GitHub {
    /// Creates the label with its looks if the repository lacks it.
    pub(super) async fn ensure_label(
        &self,
        turn: &mut WriteSlot<'_>,
        repo: &Repo,
        label: &Label,
    ) -> Result<(), ForgeError> {
        let known = (repo.clone(), label.name.to_lowercase());
        if self.labels.lock().unwrap_or_else(PoisonError::into_inner).contains(&known) {
            return Ok(());
        }
        let wire = self.clients.to(repo).await?;
        let route = format!("{}/labels", repo_route(repo));
        let one = format!("{route}/{}", encode(&label.name));
        match wire.get::<serde_json::Value>(&one, repo).await {
            Ok(_) => {}
            Err(ForgeError::NotFound(_)) => {
                let body =
                    json!({ "name": label.name, "color": label.color, "description": label.description });
                match wire.write(turn, Method::POST, &route, Some(&body), repo).await {
                    // Somebody else was quicker.
                    Err(ForgeError::Refused(why)) if why.contains("already_exists") => {}
                    created => drop(created?),
                }
            }
            Err(error) => return Err(error),
        }
        self.labels.lock().unwrap_or_else(PoisonError::into_inner).insert(known);
        Ok(())
    }
}

/// The one thing that counts of a created issue.
#[derive(Deserialize)]
struct Opened {
    number: u64,
}

/// An App, by its short name.
#[derive(Deserialize)]
struct Named {
    slug: String,
}

#[derive(Deserialize)]
struct Numbered {
    id: u64,
}

#[derive(Deserialize)]
struct Granted {
    #[serde(default)]
    user: Option<Numbered>,
    #[serde(default)]
    permission: String,
    #[serde(default)]
    role_name: String,
}

pub(super) fn repo_route(repo: &Repo) -> String {
    format!("/repos/{}/{}", encode(&repo.owner), encode(&repo.name))
}

/// The reactions to a comment.
pub(super) fn reactions_route(id: &TicketId, comment: u64) -> String {
    format!("{}/issues/comments/{comment}/reactions", repo_route(&id.repo))
}

pub(super) fn issue_route(id: &TicketId) -> String {
    format!("{}/issues/{}", repo_route(&id.repo), id.number)
}

/// GitHub counts in whole seconds.
pub(super) fn timestamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

pub(super) fn is_by(user: Option<&User>, login: &str) -> bool {
    user.is_some_and(|user| user.login.eq_ignore_ascii_case(login))
}

/// GitHub may change line ends and trims what is at the end.
fn same_text(there: Option<&str>, here: &str) -> bool {
    there.is_some_and(|there| there.replace("\r\n", "\n").trim_end() == here.replace("\r\n", "\n").trim_end())
}

/// The marker, then the text, together within GitHub's limit.
fn compose(marker: &Marker, body: &Redacted) -> String {
    let body = body.as_str();
    let text = match marker.opens(body) {
        true => body.to_owned(),
        false => format!("{}\n{body}", marker.as_str()),
    };
    shorten(&text, TEXT_LIMIT)
}

#[cfg(test)]
mod tests;
