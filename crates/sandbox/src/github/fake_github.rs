//! The fake GitHub as its users hold it: it starts, stops, injects faults and shows its logs.

use crate::github::api;
use crate::github::faults::{FaultPoint, InjectedFault, RecordedRequest, RequestLog};
use crate::github::flaky_tcp;
use crate::github::in_process::InProcessService;
use crate::github::server::Server;
use crate::github::state::GitHubState;
use crate::github::webhooks::{Delivered, HeldWebhook, Hooks, WebhookSender};
use fieldmedic_ports::Clock;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A fake GitHub. Its clones share one server, which stops when the last clone is dropped.
#[derive(Clone)]
pub struct FakeGitHub {
    pub(super) server: Arc<Server>,
    /// Dropped with the last clone, which stops the server.
    _running: Arc<watch::Sender<()>>,
}

impl FakeGitHub {
    /// Serves an empty GitHub on a free port of 127.0.0.1. It must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(clock: Arc<dyn Clock>) -> io::Result<FakeGitHub> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (hub, stopped) = Self::put_up(format!("http://{}", listener.local_addr()?), clock);
        tokio::spawn(flaky_tcp::serve(listener, api::router(hub.server.clone()), stopped));
        Ok(hub)
    }

    /// An empty GitHub without a port, for [`FakeGitHub::service`]. It must be called inside a Tokio runtime.
    pub fn in_process(clock: Arc<dyn Clock>) -> FakeGitHub {
        Self::put_up("http://localhost".to_owned(), clock).0
    }

    fn put_up(url: String, clock: Arc<dyn Clock>) -> (FakeGitHub, watch::Receiver<()>) {
        let (running, stopped) = watch::channel(());
        let server = Arc::new(Server {
            github: Mutex::new(GitHubState::new(url.clone(), clock)),
            requests: RequestLog::new(stopped.clone()),
            webhooks: WebhookSender::open(stopped.clone()),
            url,
        });
        (FakeGitHub { server, _running: Arc::new(running) }, stopped)
    }

    /// The API without a network.
    pub fn service(&self) -> InProcessService {
        InProcessService::new(api::router(self.server.clone()))
    }

    /// The base URL of the API, and of the pages for a browser.
    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// From now on, sends webhooks about everything that happens to issues and comments.
    pub fn hook(&self, hooks: Hooks) {
        let now = self.server.state().now();
        self.server.webhooks.address(hooks, now);
    }

    /// From now on, webhooks are not sent. They are signed with this secret and wait until the caller fetches
    /// them. The caller may lose, reorder or repeat them.
    pub fn hold_webhooks(&self, secret: &str) {
        self.server.webhooks.hold(secret);
    }

    /// The webhooks since the last call, in their order.
    pub fn fetch_webhooks(&self) -> Vec<HeldWebhook> {
        self.server.webhooks.fetch()
    }

    /// Waits until every webhook that is due was sent and answered, or has timed out.
    pub async fn delivered(&self) {
        self.server.webhooks.emptied().await;
    }

    /// GitHub's delivery log, oldest first: one line for each attempt.
    pub fn deliveries(&self) -> Vec<Delivered> {
        self.server.webhooks.log().into_iter().map(|attempt| attempt.line).collect()
    }

    /// Sends a delivery once more, under the same id, as the button in GitHub's delivery log does.
    /// `false`: no delivery has this id.
    pub fn redeliver(&self, guid: &str) -> bool {
        let now = self.server.state().now();
        self.server.webhooks.again(now, |attempt| attempt.line.guid == guid)
    }

    /// Injects a fault into the next `times` requests that `at` matches.
    pub fn inject(&self, fault: InjectedFault, at: FaultPoint, times: u32) {
        self.server.requests.inject(fault, at, times);
    }

    /// Every request to the API, oldest first.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.server.requests.log()
    }
}
