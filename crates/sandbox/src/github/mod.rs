//! A GitHub in a box: the part of GitHub's REST API that the agent uses, its webhooks, and a page for
//! each issue, over HTTP on 127.0.0.1.
//!
//! - `world`, `deed`: what it holds, and what can be done to it.
//! - `people`: doing it as a person, and looking at what came of it.
//! - `api`, `issues`, `comments`, `labels`, `events`, `hooks`: doing it over HTTP. `shape`: the JSON.
//!   `visit`: who asks, and what they may do. `answer`: refusals.
//! - `apps`, `installations`: Apps, and what they ask about themselves. `jwt`: how they prove who they are.
//! - `door`: what every request passes: the log, faults, the token, the rate limit. `paging`: lists.
//! - `wire`: a connection that can be cut in the middle. `indoors`: the same without a network.
//! - `post`: telling of it by webhook, and the log of what was delivered.
//! - `html`: showing it in a browser.
//!
//! Repositories are private, as those of a support desk are: who has no role there sees nothing.

mod actors;
mod api;
mod apps;
mod auth;
mod comments;
mod errors;
mod events;
mod flaky_tcp;
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
mod state;
mod webhooks;

pub use crate::github::apps::{MadeApp, Rights};
pub use crate::github::errors::ErrorResponse;
pub use crate::github::in_process::InProcessService;
pub use crate::github::jwt::Unmade;
pub use crate::github::middleware::{FaultPoint, InjectedFault, RecordedRequest};
pub use crate::github::state::{
    AccountKind, Comment, Issue, IssueEvent, IssueEventKind, IssueKind, IssueState, Label, Reaction,
    RepoRole, Repository, User,
};
pub use crate::github::webhooks::{Delivered, HeldWebhook, Hooks};

use crate::github::middleware::Middleware;
use crate::github::operations::WebhookEvent;
use crate::github::state::GitHubState;
use crate::github::webhooks::WebhookSender;
use fieldmedic_ports::Clock;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A GitHub in a box. Its clones are the same one; it stops when the last of them is gone.
#[derive(Clone)]
pub struct FakeGitHub {
    inner: Arc<Inner>,
    /// Dropped with the last clone, which stops the server.
    _running: Arc<watch::Sender<()>>,
}

/// What the server and the clones share.
struct Inner {
    url: String,
    world: Mutex<GitHubState>,
    door: Middleware,
    post: WebhookSender,
}

impl FakeGitHub {
    /// Serves an empty one on a free port of 127.0.0.1. It must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn start(clock: Arc<dyn Clock>) -> io::Result<FakeGitHub> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (hub, stopped) = Self::put_up(format!("http://{}", listener.local_addr()?), clock);
        tokio::spawn(crate::github::flaky_tcp::serve(listener, api::router(hub.inner.clone()), stopped));
        Ok(hub)
    }

    /// An empty one without a port, to be asked by [`Hub::indoors`]. It must be called inside a Tokio
    /// runtime.
    pub fn in_process(clock: Arc<dyn Clock>) -> FakeGitHub {
        Self::put_up("http://localhost".to_owned(), clock).0
    }

    fn put_up(url: String, clock: Arc<dyn Clock>) -> (FakeGitHub, watch::Receiver<()>) {
        let (running, stopped) = watch::channel(());
        let inner = Arc::new(Inner {
            world: Mutex::new(GitHubState::new(url.clone(), clock)),
            door: Middleware::new(stopped.clone()),
            post: WebhookSender::open(stopped.clone()),
            url,
        });
        (FakeGitHub { inner, _running: Arc::new(running) }, stopped)
    }

    /// A way to the API that needs no network.
    pub fn service(&self) -> InProcessService {
        InProcessService::new(api::router(self.inner.clone()))
    }

    /// Where it is served: the `base_url` of the API, and of the pages for a browser.
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// From now on tells of everything that happens to issues and comments.
    pub fn hook(&self, hooks: Hooks) {
        let now = self.inner.world().now();
        self.inner.post.address(hooks, now);
    }

    /// From now on webhooks are not sent: they are signed with this secret and lie here until somebody
    /// fetches them, who may lose them, turn their order round or bring them twice.
    pub fn hold_webhooks(&self, secret: &str) {
        self.inner.post.hold(secret);
    }

    /// The webhooks that have come up since the last time, in their order.
    pub fn fetch_webhooks(&self) -> Vec<HeldWebhook> {
        self.inner.post.fetch()
    }

    /// Waits until every webhook that is due was sent and answered, or given up.
    pub async fn delivered(&self) {
        self.inner.post.emptied().await;
    }

    /// GitHub's delivery log, oldest first: one line for each attempt.
    pub fn deliveries(&self) -> Vec<Delivered> {
        self.inner.post.log().into_iter().map(|parcel| parcel.line).collect()
    }

    /// Sends a delivery once more, under the same id, as the button in GitHub's delivery log does.
    /// `false`: there is none with this id.
    pub fn redeliver(&self, guid: &str) -> bool {
        let now = self.inner.world().now();
        self.inner.post.again(now, |parcel| parcel.line.guid == guid)
    }

    /// Lets the next `times` requests that `at` matches meet with a fault.
    pub fn inject(&self, fault: InjectedFault, at: FaultPoint, times: u32) {
        self.inner.door.inject(fault, at, times);
    }

    /// Every request to the API, oldest first.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.inner.door.log()
    }
}

impl Inner {
    fn world(&self) -> MutexGuard<'_, GitHubState> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, notices: Vec<WebhookEvent>) {
        if notices.is_empty() {
            return;
        }
        let now = self.world().now();
        for notice in notices {
            self.post.put(&notice, now);
        }
    }
}

#[cfg(test)]
mod tests;
