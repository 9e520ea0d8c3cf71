//! GitHub Apps: what one is, where it is installed, and the tokens that it is given for an hour.

#![expect(clippy::disallowed_methods, reason = "App tokens expire in real time")]

use crate::github::errors::ErrorResponse;
use crate::github::jwt::{JwtKey, Unmade};
use crate::github::state::{AccountKind, GitHubState, RepoRole};
use chrono::{DateTime, TimeDelta, Utc};
use fieldmedic_core::ticket::Repo;
use std::collections::{BTreeMap, BTreeSet};

/// GitHub's rights, such as `issues` and `write`.
pub type Rights = BTreeMap<String, String>;

/// An App, as who makes one needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeApp {
    pub id: u64,
    /// Its account, in which it acts: `<slug>[bot]`.
    pub login: String,
    /// The private key, PEM.
    pub key: String,
}

pub(super) struct RegisteredApp {
    pub id: u64,
    pub slug: String,
    pub owner: String,
    pub key: JwtKey,
    pub rights: Rights,
    pub events: Vec<String>,
    pub at: DateTime<Utc>,
}

pub(super) struct Installation {
    pub id: u64,
    pub app: u64,
    /// Who installed it.
    pub account: String,
    pub repos: BTreeSet<Repo>,
    pub suspended: Option<DateTime<Utc>>,
    pub at: DateTime<Utc>,
}

pub(super) struct AccessToken {
    pub installation: u64,
    pub until: DateTime<Utc>,
}

#[derive(Default)]
pub(super) struct Apps {
    pub all: BTreeMap<u64, RegisteredApp>,
    pub installations: BTreeMap<u64, Installation>,
    pub passes: BTreeMap<String, AccessToken>,
    /// Apps that were made by a manifest, by the code for their keys, with their webhook's secret.
    pub codes: BTreeMap<String, (MadeApp, String)>,
}

impl RegisteredApp {
    pub fn login(&self) -> String {
        format!("{}[bot]", self.slug)
    }
}

impl GitHubState {
    /// # Errors
    /// If no key can be made.
    pub fn make_app(
        &mut self,
        owner: &str,
        slug: &str,
        rights: Rights,
        events: Vec<String>,
    ) -> Result<MadeApp, Unmade> {
        let key = JwtKey::make()?;
        let (id, at) = (self.fresh_id(), self.now());
        let made = MadeApp { id, login: format!("{slug}[bot]"), key: key.pem() };
        self.user(owner, AccountKind::Organization);
        self.user(&made.login, AccountKind::Bot);
        let (slug, owner) = (slug.to_owned(), owner.to_owned());
        self.apps.all.insert(id, RegisteredApp { id, slug, owner, key, rights, events, at });
        Ok(made)
    }

    /// Installs an App for these repositories, all of one account.
    pub fn install(&mut self, app: u64, repos: &[Repo]) -> u64 {
        let (id, at) = (self.fresh_id(), self.now());
        let login = self.apps.all.get(&app).map(RegisteredApp::login).unwrap_or_default();
        for repo in repos {
            self.found_repo(repo).roles.insert(login.clone(), RepoRole::Write);
        }
        let account = repos.first().map_or_else(String::new, |repo| repo.owner.clone());
        let repos = repos.iter().cloned().collect();
        self.apps.installations.insert(id, Installation { id, app, account, repos, suspended: None, at });
        id
    }

    /// A token for an installation, good for an hour.
    pub fn admit(&mut self, app: u64, installation: u64) -> Result<(String, DateTime<Utc>), ErrorResponse> {
        let known = self.apps.installations.get(&installation).filter(|known| known.app == app);
        if known.ok_or_else(ErrorResponse::not_found)?.suspended.is_some() {
            return Err(ErrorResponse::forbidden("This installation has been suspended"));
        }
        let token = format!("ghs_{installation:08}{:028}", self.fresh_id());
        // The adapter goes by the time of day, whatever is played here.
        let until = Utc::now() + TimeDelta::hours(1);
        self.apps.passes.insert(token.clone(), AccessToken { installation, until });
        Ok((token, until))
    }

    /// The installation that a token is good for.
    pub fn admitted(&self, token: &str) -> Option<&Installation> {
        let pass = self.apps.passes.get(token).filter(|pass| pass.until > Utc::now())?;
        self.apps.installations.get(&pass.installation).filter(|known| known.suspended.is_none())
    }
}
