//! A request about a repository: where it leads, who makes it, and what they may do there.

use crate::github::Inner;
use crate::github::errors::ErrorResponse;
use crate::github::middleware::{Actor, Through};
use crate::github::state::RepoRole;
use axum::Extension;
use axum::extract::{FromRequestParts, Path};
use fieldmedic_core::ticket::{Repo, TicketId};
use http::request::Parts;
use serde::Deserialize;
use std::sync::Arc;

/// Handlers take it in place of the path's `owner` and `name`; what else stands in the path they take as
/// `Path<Number>` and the like.
pub(super) struct RequestContext {
    pub inner: Arc<Inner>,
    pub actor: Actor,
    pub repo: Repo,
}

/// The number of an issue, or of a comment.
#[derive(Deserialize)]
pub(super) struct Number {
    pub number: u64,
}

impl FromRequestParts<Arc<Inner>> for RequestContext {
    type Rejection = ErrorResponse;

    async fn from_request_parts(parts: &mut Parts, inner: &Arc<Inner>) -> Result<Self, ErrorResponse> {
        #[derive(Deserialize)]
        struct Place {
            owner: String,
            name: String,
        }
        let place = Path::<Place>::from_request_parts(parts, inner).await;
        let Path(Place { owner, name }) = place.map_err(|_| ErrorResponse::not_found())?;
        let actor = Extension::<Actor>::from_request_parts(parts, inner).await;
        let Extension(actor) = actor.map_err(|_| ErrorResponse::not_found())?;
        Ok(Self { inner: inner.clone(), actor, repo: Repo { owner, name } })
    }
}

impl RequestContext {
    pub fn issue(&self, number: u64) -> TicketId {
        TicketId { repo: self.repo.clone(), number }
    }

    /// The role of who asks; who has none is not told that there is anything.
    pub fn see(&self) -> Result<RepoRole, ErrorResponse> {
        let world = self.inner.world();
        let reaches = match self.actor.1 {
            Through::Installation(id) => {
                world.apps.installations.get(&id).is_some_and(|known| known.repos.contains(&self.repo))
            }
            _ => true,
        };
        match world.role(&self.repo, &self.actor.0) {
            _ if !reaches => Err(ErrorResponse::not_found()),
            RepoRole::None => Err(ErrorResponse::not_found()),
            role => Ok(role),
        }
    }

    /// The same, for a request that changes something.
    pub fn touch(&self) -> Result<RepoRole, ErrorResponse> {
        let role = self.see()?;
        let is_archived = self.inner.world().repo(&self.repo)?.archived;
        match is_archived {
            true => Err(ErrorResponse::forbidden("Repository was archived so is read-only.")),
            false => self.allows("issues", "write").map(|()| role),
        }
    }

    /// The same, for what takes a role of `least`.
    pub fn touch_as(&self, least: RepoRole) -> Result<(), ErrorResponse> {
        match self.touch()? >= least {
            true => Ok(()),
            false => Err(ErrorResponse::forbidden("Resource not accessible by personal access token")),
        }
    }

    /// Whether the App, or the fine-grained token, has this right.
    pub fn allows(&self, right: &str, level: &str) -> Result<(), ErrorResponse> {
        let world = self.inner.world();
        let rights = match self.actor.1 {
            Through::Installation(id) => {
                let app = world.apps.installations.get(&id).and_then(|known| world.apps.all.get(&known.app));
                app.map(|app| &app.rights)
            }
            _ => world.narrowed.get(&self.actor.0),
        };
        let Some(rights) = rights else { return Ok(()) };
        match rights.get(right).is_some_and(|given| given == "write" || given == level) {
            true => Ok(()),
            false => Err(ErrorResponse::lacking(&format!("{right}={level}"))),
        }
    }
}
