//! Authorisation: who makes a request about a repository, and what they may do there.

use crate::github::errors::ErrorResponse;
use crate::github::server::Server;
use crate::github::state::RepoRole;
use axum::Extension;
use axum::extract::{FromRequestParts, Path};
use fieldmedic_core::ticket::{Repo, TicketId};
use http::request::Parts;
use serde::Deserialize;
use std::sync::Arc;

/// The account that makes a request, and its credential.
#[derive(Debug, Clone)]
pub(super) struct Actor(pub String, pub Through);

/// The kind of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Through {
    Token,
    /// The token of an installation of an App.
    Installation(u64),
    /// The JSON Web Token of an App.
    App(u64),
}

/// A request about a repository. Handlers take it in place of the path's `owner` and `name`; they take the
/// rest of the path as `Path<Number>` and the like.
pub(super) struct RequestContext {
    pub server: Arc<Server>,
    pub actor: Actor,
    pub repo: Repo,
}

/// The number of an issue, or of a comment.
#[derive(Deserialize)]
pub(super) struct Number {
    pub number: u64,
}

impl FromRequestParts<Arc<Server>> for RequestContext {
    type Rejection = ErrorResponse;

    async fn from_request_parts(parts: &mut Parts, server: &Arc<Server>) -> Result<Self, ErrorResponse> {
        #[derive(Deserialize)]
        struct Place {
            owner: String,
            name: String,
        }
        let place = Path::<Place>::from_request_parts(parts, server).await;
        let Path(Place { owner, name }) = place.map_err(|_| ErrorResponse::not_found())?;
        let actor = Extension::<Actor>::from_request_parts(parts, server).await;
        let Extension(actor) = actor.map_err(|_| ErrorResponse::not_found())?;
        Ok(Self { server: server.clone(), actor, repo: Repo { owner, name } })
    }
}

impl RequestContext {
    /// The address of the issue with this number, whether or not it exists.
    pub(super) fn issue(&self, number: u64) -> TicketId {
        TicketId { repo: self.repo.clone(), number }
    }

    /// The role of the actor. An actor without a role gets 404.
    pub(super) fn read_access(&self) -> Result<RepoRole, ErrorResponse> {
        let github = self.server.state();
        let reaches = match self.actor.1 {
            Through::Installation(id) => {
                github.apps.installations.get(&id).is_some_and(|known| known.repos.contains(&self.repo))
            }
            _ => true,
        };
        match github.role(&self.repo, &self.actor.0) {
            _ if !reaches => Err(ErrorResponse::not_found()),
            RepoRole::None => Err(ErrorResponse::not_found()),
            role => Ok(role),
        }
    }

    /// The same, for a request that changes something. An archived repository refuses it.
    pub(super) fn write_access(&self) -> Result<RepoRole, ErrorResponse> {
        let role = self.read_access()?;
        let is_archived = self.server.state().repo(&self.repo)?.archived;
        match is_archived {
            true => Err(ErrorResponse::forbidden("Repository was archived so is read-only.")),
            false => self.require_permission("issues", "write").map(|()| role),
        }
    }

    /// The same, for a request that needs at least this role.
    pub(super) fn require_role(&self, least: RepoRole) -> Result<(), ErrorResponse> {
        match self.write_access()? >= least {
            true => Ok(()),
            false => Err(ErrorResponse::forbidden("Resource not accessible by personal access token")),
        }
    }

    /// Refuses an App or a fine-grained token that lacks this permission.
    pub(super) fn require_permission(&self, right: &str, level: &str) -> Result<(), ErrorResponse> {
        let github = self.server.state();
        let rights = match self.actor.1 {
            Through::Installation(id) => {
                let app =
                    github.apps.installations.get(&id).and_then(|known| github.apps.all.get(&known.app));
                app.map(|app| &app.rights)
            }
            _ => github.narrowed.get(&self.actor.0),
        };
        let Some(rights) = rights else { return Ok(()) };
        match rights.get(right).is_some_and(|given| given == "write" || given == level) {
            true => Ok(()),
            false => Err(ErrorResponse::missing_permission(&format!("{right}={level}"))),
        }
    }
}
