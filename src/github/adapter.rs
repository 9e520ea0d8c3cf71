//! The adapter: one value for all that is asked of GitHub.

use crate::core::text::redact::Redactor;
use crate::core::ticket::Repo;
use crate::github::auth::Identity;
use crate::github::client;
use crate::github::error::OptionsError;
use crate::github::http::Client;
use crate::github::installations::Clients;
use crate::github::options::Options;
use crate::github::write_limiter::WriteLimiter;
use ::http::{Request, Response};
use octocrab::{OctoBody, Octocrab};
use std::collections::BTreeSet;
use std::error::Error;
use std::sync::{Arc, Mutex};
use tokio::sync::OnceCell;
use tower_service::Service;

/// The tickets on GitHub.
#[derive(Debug)]
pub struct GitHub {
    pub(super) clients: Clients,
    pub(super) graphql: GraphQl,
    pub(super) writer: WriteLimiter,
    pub(super) redactor: Redactor,
    pub(super) login: OnceCell<String>,
    /// Held while it is checked whether GitHub answers.
    pub(super) contact_check: tokio::sync::Mutex<()>,
    /// Labels that are known to exist, so that they are looked for once.
    pub(super) labels: Mutex<BTreeSet<(Repo, String)>>,
}

/// Where GraphQL is asked.
#[derive(Debug)]
pub(super) enum GraphQl {
    /// At `/graphql`, beside the REST API.
    WithRest,
    /// On GitHub Enterprise: REST is at `/api/v3`, and GraphQL at `/api/graphql`.
    Apart(Box<Client>),
    /// On GitHub Enterprise as an App: octocrab fetches an App's tokens from below the address of REST only.
    OutOfReach,
}

impl GitHub {
    /// Makes the client; nothing is sent yet. It must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// [`OptionsError`] if the address or the token cannot be right.
    pub fn new(options: Options) -> Result<Self, OptionsError> {
        let graphql = match (options.base_url.trim_end_matches('/').strip_suffix("/v3"), &options.identity) {
            (None, _) => GraphQl::WithRest,
            (Some(_), Identity::App { .. }) => GraphQl::OutOfReach,
            (Some(base_url), _) => {
                let options = Options { base_url: base_url.to_owned(), ..options.clone() };
                let client = Client::new(client::build(&options)?, options.answer, Arc::default());
                GraphQl::Apart(Box::new(client))
            }
        };
        Ok(Self { graphql, ..Self::with(client::build(&options)?, options) })
    }

    /// A client of a GitHub in this process, which is asked through this service. It must be called
    /// inside a Tokio runtime.
    ///
    /// # Errors
    /// [`OptionsError`] if the address or the token cannot be right.
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
            graphql: GraphQl::WithRest,
            writer: WriteLimiter::new(options.pace),
            redactor: options.redactor,
            login: OnceCell::new(),
            contact_check: tokio::sync::Mutex::default(),
            labels: Mutex::default(),
        }
    }
}
