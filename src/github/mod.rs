//! GitHub, and GitHub Enterprise, as a [`Forge`](crate::ports::Forge); octocrab is named only here.
//!
//! - `identity`: as whom the agent asks. `wires`: which client asks about which repository.
//! - `client`: the HTTP client beneath.
//! - `forge`: what each call of the port means on GitHub.
//! - `deliveries`: GitHub's log of what its webhook delivered.
//! - `wire`: how a request is sent, and how lists are read page by page.
//! - `watch`: what was answered last to a list that is read again and again.
//! - `people`: who did something about an issue.
//! - `pace`: one writer, not too fast.
//! - `premises`: what has to be so before the agent can work. `manifest`: making an App.
//! - `quiet`: the silence that GitHub asks for.
//! - `refusal`: errors, sorted by what can be done next.
//! - `payload`: the objects that GitHub sends, over the API and to the webhook.

mod app_manifest;
mod auth;
mod backoff;
mod client;
mod deliveries;
mod error;
mod etag_cache;
mod forge;
mod http;
mod installations;
mod model;
mod participants;
mod setup;
pub mod webhook;
mod write_limiter;

pub use crate::github::app_manifest::{NewApp, manifest, page};
pub use crate::github::auth::Identity;
pub use crate::github::client::OptionsError;
pub use crate::github::setup::{HookSet, RepoStatus};
pub use crate::github::write_limiter::Pace;

use crate::core::text::redact::Redactor;
use crate::core::ticket::Repo;
use crate::github::installations::Clients;
use crate::github::write_limiter::WriteLimiter;
use ::http::{Request, Response};
use octocrab::{OctoBody, Octocrab};
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::OnceCell;
use tower_service::Service;

/// GitHub's own API. GitHub Enterprise has it at `https://<host>/api/v3`.
pub const PUBLIC_API: &str = "https://api.github.com";

/// How to reach GitHub, and as whom.
#[derive(Debug, Clone)]
pub struct Options {
    pub base_url: String,
    pub identity: Identity,
    /// What the text of tickets passes before anyone sees it.
    pub redactor: Redactor,
    pub pace: Pace,
    /// Until the connection stands.
    pub connect: Duration,
    /// Until the answer is there, connecting included.
    pub answer: Duration,
}

impl Options {
    /// GitHub's own API, at its pace.
    pub fn new(token: SecretString, redactor: Redactor) -> Self {
        Self::asking_as(Identity::Token(token), redactor)
    }

    /// The same, as a token or as an App.
    pub fn asking_as(identity: Identity, redactor: Redactor) -> Self {
        Self {
            base_url: PUBLIC_API.to_owned(),
            identity,
            redactor,
            pace: Pace::default(),
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(30),
        }
    }
}

/// The tickets on GitHub.
#[derive(Debug)]
pub struct GitHub {
    clients: Clients,
    writer: WriteLimiter,
    redactor: Redactor,
    login: OnceCell<String>,
    /// Labels that are known to exist, so that they are looked for once.
    labels: Mutex<BTreeSet<(Repo, String)>>,
}

impl GitHub {
    /// Makes the client; nothing is sent yet. It must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// [`BadOptions`] if the address or the token cannot be right.
    pub fn new(options: Options) -> Result<Self, OptionsError> {
        Ok(Self::with(client::build(&options)?, options))
    }

    /// A client of a GitHub in this process, which is asked through this service. It must be called
    /// inside a Tokio runtime.
    ///
    /// # Errors
    /// [`BadOptions`] if the address or the token cannot be right.
    pub fn over<S>(options: Options, service: S) -> Result<Self, OptionsError>
    where
        S: Service<Request<OctoBody>, Response = Response<String>> + Send + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        Ok(Self::with(client::build_over(&options, service)?, options))
    }

    fn with(client: Octocrab, options: Options) -> Self {
        let clients = match options.identity {
            Identity::Nobody | Identity::Token(_) => Clients::of_token(client, options.answer),
            Identity::App { .. } => Clients::of_app(client, options.answer),
        };
        Self {
            clients,
            writer: WriteLimiter::new(options.pace),
            redactor: options.redactor,
            login: OnceCell::new(),
            labels: Mutex::default(),
        }
    }
}
