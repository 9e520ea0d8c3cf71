//! What can be done to GitHub Apps: creating and installing one, and its tokens.

#![expect(clippy::disallowed_methods, reason = "App tokens expire in real time")]

use crate::github::apps::{AccessToken, Installation, MadeApp, RegisteredApp, Rights};
use crate::github::errors::ErrorResponse;
use crate::github::jwt::{JwtKey, Unmade};
use crate::github::state::{AccountKind, GitHubState, RepoRole};
use chrono::{DateTime, TimeDelta, Utc};
use fieldmedic_core::ticket::Repo;

impl GitHubState {
    /// Creates an App and its account, `<slug>[bot]`.
    ///
    /// # Errors
    /// If no key can be generated.
    pub(super) fn make_app(
        &mut self,
        owner: &str,
        slug: &str,
        rights: Rights,
        events: Vec<String>,
    ) -> Result<MadeApp, Unmade> {
        let key = JwtKey::make()?;
        let (id, at) = (self.next_id(), self.now());
        let made = MadeApp { id, login: format!("{slug}[bot]"), key: key.pem() };
        self.user(owner, AccountKind::Organization);
        self.user(&made.login, AccountKind::Bot);
        let (slug, owner) = (slug.to_owned(), owner.to_owned());
        self.apps.all.insert(id, RegisteredApp { id, slug, owner, key, rights, events, at });
        Ok(made)
    }

    /// Installs an App for these repositories, all of one account.
    pub(super) fn install(&mut self, app: u64, repos: &[Repo]) -> u64 {
        let (id, at) = (self.next_id(), self.now());
        let login = self.apps.all.get(&app).map(RegisteredApp::login).unwrap_or_default();
        for repo in repos {
            self.repo_or_create(repo).roles.insert(login.clone(), RepoRole::Write);
        }
        let account = repos.first().map_or_else(String::new, |repo| repo.owner.clone());
        let repos = repos.iter().cloned().collect();
        self.apps.installations.insert(id, Installation { id, app, account, repos, suspended: None, at });
        id
    }

    /// A token for an installation, valid for an hour.
    pub(super) fn admit(
        &mut self,
        app: u64,
        installation: u64,
    ) -> Result<(String, DateTime<Utc>), ErrorResponse> {
        let known = self.apps.installations.get(&installation).filter(|known| known.app == app);
        if known.ok_or_else(ErrorResponse::not_found)?.suspended.is_some() {
            return Err(ErrorResponse::forbidden("This installation has been suspended"));
        }
        let token = format!("ghs_{installation:08}{:028}", self.next_id());
        // The adapter goes by the time of day, whatever is played here.
        let until = Utc::now() + TimeDelta::hours(1);
        self.apps.tokens.insert(token.clone(), AccessToken { installation, until });
        Ok((token, until))
    }

    /// The installation that a valid token belongs to.
    pub(super) fn installation_of(&self, token: &str) -> Option<&Installation> {
        let pass = self.apps.tokens.get(token).filter(|pass| pass.until > Utc::now())?;
        self.apps.installations.get(&pass.installation).filter(|known| known.suspended.is_none())
    }
}
