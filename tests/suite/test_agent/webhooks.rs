//! The agent's end of GitHub's webhooks: the real router, and the inbox behind it.

use fieldmedic::app::inbox::DeliveryInbox;
use fieldmedic::core::case::event::CaseId;
use fieldmedic::engine::{Context, Shutdown};
use fieldmedic::sandbox::github::HeldWebhook;
use fieldmedic::web::Router;
use http::{Method, Request, StatusCode};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tower_service::Service;

/// The secret that signs webhooks.
pub const SECRET: &str = "a-webhook-secret";

/// One process that receives webhooks.
pub struct Webhooks {
    pub router: Router,
    inbox: DeliveryInbox,
    opened: UnboundedReceiver<CaseId>,
}

impl Webhooks {
    pub fn new(context: &Context) -> Self {
        let (notify, opened) = unbounded_channel();
        let inbox = DeliveryInbox::new(context.clone(), notify);
        let router = inbox.router([SECRET.to_owned().into()]);
        Self { router, inbox, opened }
    }

    /// Posts one webhook with its signature, as GitHub does, and gives the answer.
    pub async fn delivers(&self, webhook: &HeldWebhook) -> StatusCode {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/webhook")
            .header("content-type", "application/json")
            .header("x-github-event", webhook.event)
            .header("x-github-delivery", &webhook.guid)
            .header("x-hub-signature-256", &webhook.signature)
            .body(webhook.payload.clone())
            .expect("a request");
        self.router.clone().call(request).await.expect("the router answers").status()
    }

    /// Works through the inbox, and gives the cases that it opened.
    pub async fn works(&mut self) -> Vec<CaseId> {
        let (stop, _request) = Shutdown::new();
        self.inbox.process_pending(&stop).await.expect("the journal works");
        std::iter::from_fn(|| self.opened.try_recv().ok()).collect()
    }

    /// Works until a case is opened.
    pub async fn works_until_a_case_opens(&mut self) -> CaseId {
        let (stop, _request) = Shutdown::new();
        tokio::select! {
            () = self.inbox.work(&stop) => unreachable!("nobody asks it to stop"),
            case = self.opened.recv() => case.expect("a case"),
        }
    }
}
