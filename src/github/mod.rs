//! GitHub, and GitHub Enterprise, as a [`Forge`](crate::ports::Forge); octocrab is named only here.
//!
//! - `options`, `auth`: how GitHub is reached, and as whom. `adapter`: the value that the rest uses.
//! - `installations`: which client asks about which repository. `client`: the HTTP client beneath.
//! - `forge`: what each call of the port means on GitHub. `graphql`: the one that REST cannot answer.
//! - `http`: how a request is sent, and how lists are read page by page. `route`: the template of a path.
//! - `etag_cache`: the last answer to a list that is read again and again.
//! - `backoff`: the pause that a rate limit asks for. `write_limiter`: one writer, not too fast.
//! - `contact`: the outcome of the last request, and the rate limits. `reachable`: whether GitHub can be used now.
//! - `deliveries`: GitHub's log of webhook deliveries. `participants`: who acted on an issue.
//! - `setup`: preconditions on GitHub. `app_manifest`: how an App is made.
//! - `error`: errors, sorted by what can be done next.
//! - `model`: the objects that GitHub sends, over the API and to the webhook.

mod adapter;
mod app_manifest;
mod auth;
mod backoff;
mod client;
mod contact;
mod deliveries;
mod error;
mod etag_cache;
mod forge;
mod graphql;
mod http;
mod installations;
mod model;
mod options;
mod participants;
mod reachable;
mod route;
mod setup;
pub mod webhook;
mod write_limiter;

pub use crate::github::adapter::GitHub;
pub use crate::github::app_manifest::{NewApp, manifest, page};
pub use crate::github::auth::Identity;
pub use crate::github::contact::RateBudget;
pub use crate::github::error::OptionsError;
pub use crate::github::options::{Options, PUBLIC_API};
pub use crate::github::setup::{HookSet, RepoStatus};
pub use crate::github::write_limiter::Pace;
