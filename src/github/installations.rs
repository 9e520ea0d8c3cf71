//! Which client asks about which repository. With a token there is one; an App has one for each account
//! that installed it, with a token of an hour that octocrab fetches and renews, and one for itself.

use crate::core::ticket::Repo;
use crate::github::http::{Client, encode};
use crate::ports::ForgeError;
use octocrab::Octocrab;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Debug)]
pub(super) enum Clients {
    Token(Arc<Client>),
    App(Box<AppClients>),
}

/// The agent as a GitHub App.
#[derive(Debug)]
pub(super) struct AppClients {
    client: Octocrab,
    deadline: Duration,
    /// What the App asks in its own name.
    own: Arc<Client>,
    known: Mutex<KnownInstallations>,
}

#[derive(Debug, Default)]
struct KnownInstallations {
    /// The installation of each repository that was asked about.
    repos: BTreeMap<Repo, u64>,
    installations: BTreeMap<u64, Arc<Client>>,
}

/// What the App is allowed where it is installed.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Installation {
    pub id: u64,
    #[serde(default)]
    pub html_url: String,
    #[serde(default)]
    pub permissions: BTreeMap<String, String>,
    #[serde(default)]
    pub events: Vec<String>,
    pub suspended_at: Option<String>,
}

impl Clients {
    pub fn of_token(client: Octocrab, deadline: Duration) -> Self {
        Clients::Token(Arc::new(Client::new(client, deadline)))
    }

    pub fn of_app(client: Octocrab, deadline: Duration) -> Self {
        let own = Arc::new(Client::new(client.clone(), deadline));
        Clients::App(Box::new(AppClients { client, deadline, own, known: Mutex::default() }))
    }

    /// The one that asks about a repository.
    ///
    /// # Errors
    /// [`ForgeError::Unauthorized`] if the App is not installed there.
    pub async fn to(&self, repo: &Repo) -> Result<Arc<Client>, ForgeError> {
        match self {
            Clients::Token(wire) => Ok(wire.clone()),
            Clients::App(app) => app.to(repo).await,
        }
    }

    /// The one that asks about the agent itself.
    pub fn own(&self) -> &Client {
        match self {
            Clients::Token(wire) => wire,
            Clients::App(app) => &app.own,
        }
    }
}

impl AppClients {
    async fn to(&self, repo: &Repo) -> Result<Arc<Client>, ForgeError> {
        let known = {
            let known = self.known();
            known.repos.get(repo).and_then(|id| known.installations.get(id)).cloned()
        };
        if let Some(wire) = known.filter(|wire| !wire.is_unauthorized()) {
            return Ok(wire);
        }
        let found = self.installation(repo).await?;
        if found.suspended_at.is_some() {
            let why = format!("the App is suspended for {repo}: lift that at {}", found.html_url);
            return Err(ForgeError::Unauthorized(why));
        }
        let client = self.client.installation(found.id.into());
        let client = client.map_err(|error| ForgeError::Refused(error.to_string()))?;
        let mut known = self.known();
        known.repos.insert(repo.clone(), found.id);
        let wire = known.installations.get(&found.id).filter(|wire| !wire.is_unauthorized()).cloned();
        let wire = wire.unwrap_or_else(|| Arc::new(Client::new(client, self.deadline)));
        known.installations.insert(found.id, wire.clone());
        Ok(wire)
    }

    /// What GitHub says today about the installation that a repository belongs to.
    ///
    /// # Errors
    /// [`ForgeError::Unauthorized`] if there is none.
    pub async fn installation(&self, repo: &Repo) -> Result<Installation, ForgeError> {
        let route = format!("/repos/{}/{}/installation", encode(&repo.owner), encode(&repo.name));
        self.own.get(&route, repo).await.map_err(|error| match error {
            ForgeError::NotFound(_) => ForgeError::Unauthorized(format!(
                "the App is not installed on {repo}: install it there, or give its installation this repository"
            )),
            other => other,
        })
    }

    fn known(&self) -> MutexGuard<'_, KnownInstallations> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
