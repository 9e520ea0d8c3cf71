//! The state of the dashboard's server, and its limits.

use crate::dashboard::Dashboard;
use crate::render::PromptError;
use crate::render::pages::{Pages, page_asset};
use crate::web::dashboard::session::{LoginToken, Session, Sessions};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::{Semaphore, broadcast, watch};
use url::Url;

/// So many pages are told of changes at once. Further ones look again now and then.
pub(super) const STREAMS: usize = 32;

/// So many changes wait for a page that reads slowly.
const CHANGES: usize = 32;

/// How the site is reached, and by whom.
#[derive(Debug, Clone)]
pub struct SiteSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where people reach it, if that is elsewhere.
    pub public_url: Option<Url>,
    /// The path under which a proxy shows it: empty, or such as `/fieldmedic`.
    pub base_path: String,
    /// Only those who are logged in see anything.
    pub login_to_read: bool,
    /// What lets people in; without any, nobody can do anything but look.
    pub tokens: Vec<LoginToken>,
}

/// The dashboard's server.
pub struct Site {
    pub(super) dashboard: Dashboard,
    pub(super) pages: Pages,
    pub(super) settings: SiteSettings,
    pub(super) sessions: Arc<Sessions>,
    /// Changes with the files that pages refer to.
    pub(super) version: String,
    pub(super) streams: Arc<Semaphore>,
    pub(super) changes: broadcast::Sender<Change>,
    pub(super) end: watch::Sender<bool>,
}

/// What pages are told of a change.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// The cases that have changed; `None` if any may have.
    pub cases: Option<Vec<String>>,
}

/// Who asks, and by which way.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    /// What stands before every path of a link.
    pub base: String,
    /// By TLS.
    pub is_secure: bool,
    pub session: Option<Session>,
    /// Only those who are logged in see anything, and this one is not.
    pub must_log_in: bool,
    /// A form of a page of this site, if it is a form.
    pub is_same_origin: bool,
}

impl Site {
    /// A site. `sessions` outlive it.
    ///
    /// # Errors
    /// A template of a page is none.
    pub fn new(
        dashboard: Dashboard,
        settings: SiteSettings,
        sessions: Arc<Sessions>,
    ) -> Result<Self, PromptError> {
        let files = ["style.css", "app.js"].into_iter().filter_map(page_asset);
        let hash = files.fold(Sha256::new(), |hash, file| hash.chain_update(file));
        let version: String = hex::encode(hash.finalize()).chars().take(12).collect();
        Ok(Self {
            dashboard,
            pages: Pages::built_in()?,
            settings,
            sessions,
            version,
            streams: Arc::new(Semaphore::new(STREAMS)),
            changes: broadcast::Sender::new(CHANGES),
            end: watch::Sender::new(false),
        })
    }

    /// The cookie of a session. Two sites of one machine do not take it from each other.
    pub(super) fn cookie(&self) -> String {
        format!("fieldmedic_session_{}", self.settings.listen.port())
    }
}
