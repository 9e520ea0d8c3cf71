//! A process as far as doors go: what GitHub has to tell is brought to it by hand.

use fieldmedic::app::inbox::DeliveryInbox;
use fieldmedic::core::case::event::CaseId;
use fieldmedic::engine::{Context, Shutdown};
use fieldmedic::sandbox::github::HeldWebhook;
use fieldmedic::web::Router;
use http::{Method, Request, StatusCode};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tower_service::Service;

pub const SECRET: &str = "a-webhook-secret";

pub struct Porter {
    pub router: Router,
    doors: DeliveryInbox,
    opened: UnboundedReceiver<CaseId>,
}

impl Porter {
    pub fn new(agent: &Context) -> Self {
        let (wake, opened) = unbounded_channel();
        let doors = DeliveryInbox::new(agent.clone(), wake);
        let router = doors.router([SECRET.to_owned().into()]);
        Self { router, doors, opened }
    }

    pub async fn bring(&self, letter: &HeldWebhook) -> StatusCode {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/webhook")
            .header("content-type", "application/json")
            .header("x-github-event", letter.event)
            .header("x-github-delivery", &letter.guid)
            .header("x-hub-signature-256", &letter.signature)
            .body(letter.payload.clone())
            .expect("a request");
        self.router.clone().call(request).await.expect("it answers").status()
    }

    /// Works what waits, and gives the cases that it opened.
    pub async fn work(&mut self) -> Vec<CaseId> {
        let (stop, _pull) = Shutdown::new();
        self.doors.process_pending(&stop).await.expect("the journal works");
        std::iter::from_fn(|| self.opened.try_recv().ok()).collect()
    }

    /// Works for as long as it takes until a case is opened.
    pub async fn work_on(&mut self) -> CaseId {
        let (stop, _pull) = Shutdown::new();
        tokio::select! {
            () = self.doors.work(&stop) => unreachable!("nobody pulls the stop"),
            case = self.opened.recv() => case.expect("a case"),
        }
    }
}
