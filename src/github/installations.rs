//! Which client asks about which repository. A token has one client. An App has one for each account that
//! installed it, whose token octocrab renews every hour, and one for itself.

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
    /// One client for all repositories, with a token or without credentials. `deadline` is for a whole call.
    pub(super) fn of_token(client: Octocrab, deadline: Duration) -> Self {
        Clients::Token(Arc::new(Client::new(client, deadline, Arc::default())))
    }

    /// Clients for installations, each made when it is first needed. `client` logs in as the App itself.
    pub(super) fn of_app(client: Octocrab, deadline: Duration) -> Self {
        let own = Arc::new(Client::new(client.clone(), deadline, Arc::default()));
        Clients::App(Box::new(AppClients { client, deadline, own, known: Mutex::default() }))
    }

    /// The one that asks about a repository.
    ///
    /// # Errors
    /// [`ForgeError::Unauthorized`] if the App is not installed there.
    pub(super) async fn to(&self, repo: &Repo) -> Result<Arc<Client>, ForgeError> {
        match self {
            Clients::Token(client) => Ok(client.clone()),
            Clients::App(app) => app.to(repo).await,
        }
    }

    /// The one that asks about the agent itself.
    pub(super) fn own(&self) -> &Client {
        match self {
            Clients::Token(client) => client,
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
        if let Some(client) = known.filter(|client| !client.is_unauthorized()) {
            return Ok(client);
        }
        let found = self.installation(repo).await?;
        if found.suspended_at.is_some() {
            let why = format!("the App is suspended for {repo}: lift that at {}", found.html_url);
            return Err(ForgeError::Unauthorized(why));
        }
        let octocrab = self.client.installation(found.id.into());
        let octocrab = octocrab.map_err(|error| ForgeError::Refused(error.to_string()))?;
        let mut known = self.known();
        known.repos.insert(repo.clone(), found.id);
        let client = known.installations.get(&found.id).filter(|client| !client.is_unauthorized()).cloned();
        let contact = Arc::clone(self.own.contact());
        let client = client.unwrap_or_else(|| Arc::new(Client::new(octocrab, self.deadline, contact)));
        known.installations.insert(found.id, client.clone());
        Ok(client)
    }

    /// What GitHub says today about the installation that a repository belongs to.
    ///
    /// # Errors
    /// [`ForgeError::Unauthorized`] if there is none.
    pub(super) async fn installation(&self, repo: &Repo) -> Result<Installation, ForgeError> {
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
