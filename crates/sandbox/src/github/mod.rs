//! A fake GitHub: the part of GitHub's REST API that the agent uses, its webhooks, and a page for each
//! issue, over HTTP on 127.0.0.1.
//!
//! - `fake_github`: starts it, injects faults, and shows its logs. `server`: what its clones share.
//! - `state`, `operations`: what it holds, and what can be done to it.
//! - `actors`: operations as a person, and their results.
//! - `api`, `issues`, `comments`, `labels`, `events`, `hooks`: the same operations over HTTP. `json`: their
//!   JSON. `graphql`: what REST does not tell. `paging`: lists. `errors`: error responses.
//! - `request_body`: reads JSON. `middleware`: what every request passes: the log, injected faults, the token, the rate limit.
//!   `faults`: the faults and the log. `auth`: who makes a request, and what they may do.
//! - `apps`, `app_operations`, `installations`: GitHub Apps. `jwt`: how Apps prove who they are.
//! - `flaky_tcp`: a connection that can be cut. `in_process`: the API without a network.
//! - `webhooks`: webhooks and their delivery log.
//! - `html`: pages for a browser.
//!
//! Repositories are private, like those of a support desk: who has no role there sees nothing.

mod actors;
mod api;
mod app_operations;
mod apps;
mod auth;
mod comments;
mod errors;
mod events;
mod fake_github;
mod faults;
mod flaky_tcp;
mod graphql;
mod hooks;
mod html;
mod in_process;
mod installations;
mod issues;
mod json;
mod jwt;
mod labels;
mod middleware;
mod operations;
mod paging;
mod request_body;
mod server;
mod state;
mod webhooks;

pub use crate::github::apps::{MadeApp, Rights};
pub use crate::github::errors::ErrorResponse;
pub use crate::github::fake_github::FakeGitHub;
pub use crate::github::faults::{FaultPoint, InjectedFault, RecordedRequest};
pub use crate::github::in_process::InProcessService;
pub use crate::github::jwt::Unmade;
pub use crate::github::state::{
    AccountKind, Comment, Issue, IssueEvent, IssueEventKind, IssueKind, IssueState, Label, Reaction,
    RepoRole, Repository, User,
};
pub use crate::github::webhooks::{Delivered, HeldWebhook, Hooks};

#[cfg(test)]
mod tests;
