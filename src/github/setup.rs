//! Preconditions on GitHub: `doctor` checks them, and `init` creates what is missing.

use crate::core::ticket::Repo;
use crate::github::adapter::GitHub;
use crate::github::deliveries::{Hook, with_permission_hint};
use crate::github::forge::{is_by, repo_route};
use crate::github::http::encode;
use crate::github::installations::Clients;
use crate::github::model::User;
use crate::ports::{ForgeError, Label, Urgency};
use chrono::{DateTime, Utc};
use http::Method;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

/// The permissions that an App needs, in GitHub's words.
pub(super) const REQUIRED_PERMISSIONS: [(&str, &str); 2] = [("issues", "write"), ("metadata", "read")];

/// The events that the webhook needs.
pub(super) const EVENTS: [&str; 2] = ["issues", "issue_comment"];

/// The state of a repository, as far as the agent needs it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RepoStatus {
    /// Whether it is archived, and so can only be read.
    #[serde(default)]
    pub archived: bool,
    /// Whether its issues are turned on.
    #[serde(default)]
    pub has_issues: bool,
}

/// What became of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookSet {
    /// There was none with this address, so one was created.
    Made,
    /// It was there; its secret and its events are as wanted now.
    Renewed,
}

impl GitHub {
    /// Reads the state of a repository.
    ///
    /// # Errors
    /// [`ForgeError`] if GitHub cannot be used, or does not show the repository.
    pub async fn repo_status(&self, repo: &Repo) -> Result<RepoStatus, ForgeError> {
        self.clients.to(repo).await?.get(&repo_route(repo), repo).await
    }

    /// Each permission and each event that the App lacks for a repository. Nothing for a token: GitHub does not
    /// tell its permissions.
    ///
    /// # Errors
    /// [`ForgeError::Unauthorized`] if the App is not installed there; others if GitHub cannot be used.
    pub async fn missing_permissions(&self, repo: &Repo) -> Result<Vec<String>, ForgeError> {
        let Clients::App(app) = &self.clients else { return Ok(Vec::new()) };
        let found = app.installation(repo).await?;
        let rights = REQUIRED_PERMISSIONS.iter().filter(|(right, level)| {
            let given = found.permissions.get(*right).map(String::as_str);
            given != Some("write") && given != Some(level)
        });
        let rights = rights.map(|(right, level)| format!("the permission {right}: {level}"));
        let events = EVENTS.iter().filter(|event| !found.events.iter().any(|known| known == *event));
        Ok(rights.chain(events.map(|event| format!("the event {event}"))).collect())
    }

    /// Whether the agent may write issues: it makes this label, which it needs anyway, or gives it the name
    /// that it has.
    ///
    /// # Errors
    /// [`ForgeError`] if it may not, or GitHub cannot be used.
    pub async fn can_write(&self, repo: &Repo, label: &Label) -> Result<(), ForgeError> {
        let mut turn = self.writer.slot(Urgency::Status).await?;
        self.ensure_label(&mut turn, repo, label).await?;
        let wire = self.clients.to(repo).await?;
        let route = format!("{}/labels/{}", repo_route(repo), encode(&label.name));
        let body = json!({ "new_name": label.name });
        wire.write(&mut turn, Method::PATCH, &route, Some(&body), repo).await.map(drop)
    }

    /// Whether issues of the repository can be assigned to this login.
    ///
    /// # Errors
    /// [`ForgeError`] if GitHub cannot be used.
    pub async fn can_be_assigned(&self, repo: &Repo, login: &str) -> Result<bool, ForgeError> {
        let wire = self.clients.to(repo).await?;
        let people: Vec<User> = wire.list(&format!("{}/assignees", repo_route(repo)), &[], repo).await?;
        Ok(people.iter().any(|person| is_by(Some(person), login)))
    }

    /// How far GitHub's clock is ahead of this machine's, in seconds; negative if it is behind.
    ///
    /// # Errors
    /// [`ForgeError`] if GitHub cannot be used, or tells no time.
    pub async fn clock_skew(&self, now: DateTime<Utc>) -> Result<i64, ForgeError> {
        let route = match &self.clients {
            Clients::Token(_) => "/user",
            Clients::App(_) => "/app",
        };
        let date = self.clients.own().time(route).await?;
        Ok((date - now).num_seconds())
    }

    /// Whether a hook of the repository leads to the agent's webhook. An App has its own, and needs none.
    ///
    /// # Errors
    /// [`ForgeError::Refused`] if the token may not read webhooks; others if GitHub cannot be used.
    pub async fn has_hook(&self, repo: &Repo) -> Result<bool, ForgeError> {
        Ok(match &self.clients {
            Clients::App(_) => true,
            Clients::Token(_) => self.hooks(repo).await?.iter().any(Hook::is_the_agents),
        })
    }

    /// Lets the repository tell this address what happens to its issues, signed with this secret.
    ///
    /// # Errors
    /// [`ForgeError::Refused`] if the token may not write webhooks; others if GitHub cannot be used.
    pub async fn set_hook(&self, repo: &Repo, url: &str, secret: &str) -> Result<HookSet, ForgeError> {
        let there = self.hooks(repo).await?.into_iter().find(|hook| hook.leads_to(url));
        let route = format!("{}/hooks", repo_route(repo));
        let config = json!({ "url": url, "content_type": "json", "secret": secret, "insecure_ssl": "0" });
        let mut body =
            BTreeMap::from([("active", json!(true)), ("events", json!(EVENTS)), ("config", config)]);
        let wire = self.clients.to(repo).await?;
        let mut turn = self.writer.slot(Urgency::Status).await?;
        let (method, route, set) = match there {
            Some(hook) => (Method::PATCH, format!("{route}/{}", hook.id), HookSet::Renewed),
            None => {
                body.insert("name", json!("web"));
                (Method::POST, route, HookSet::Made)
            }
        };
        let answer = wire.write(&mut turn, method, &route, Some(&json!(body)), repo).await;
        answer.map_err(|error| with_permission_hint(error, repo))?;
        Ok(set)
    }

    /// Makes the labels that the repository lacks.
    ///
    /// # Errors
    /// [`ForgeError`] if a label cannot be created; those before it are there then.
    pub async fn set_labels(&self, repo: &Repo, labels: &[Label]) -> Result<(), ForgeError> {
        let mut turn = self.writer.slot(Urgency::Status).await?;
        for label in labels {
            self.ensure_label(&mut turn, repo, label).await?;
        }
        Ok(())
    }

    async fn hooks(&self, repo: &Repo) -> Result<Vec<Hook>, ForgeError> {
        let route = format!("{}/hooks", repo_route(repo));
        let hooks = self.clients.to(repo).await?.list(&route, &[], repo).await;
        hooks.map_err(|error| with_permission_hint(error, repo))
    }
}
