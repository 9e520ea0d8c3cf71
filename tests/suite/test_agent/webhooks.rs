//! The agent's end of GitHub's webhooks: the real router, and the inbox behind it.

use fieldmedic::app::alerts::{AlertSource, alert_router};
use fieldmedic::app::inbox::DeliveryInbox;
use fieldmedic::core::case::event::CaseId;
use fieldmedic::core::ids::{AlertSourceName, SystemName};
use fieldmedic::core::ticket::alert::AlertFormat;
use fieldmedic::engine::{Context, Shutdown};
use fieldmedic::sandbox::github::HeldWebhook;
use fieldmedic::web::Router;
use http::{Method, Request, StatusCode};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tower_service::Service;

/// The secret that signs webhooks.
pub const SECRET: &str = "a-webhook-secret";

/// The secret of every monitor.
pub const ALERT_SECRET: &str = "an-alert-secret";

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
        let sources = [
            ("alertmanager", AlertFormat::Alertmanager, None),
            ("kuma", AlertFormat::UptimeKuma, Some("qfieldcloud")),
            ("sentry", AlertFormat::Sentry, Some("qfieldcloud")),
        ];
        let sources = sources.map(|(name, format, system)| AlertSource {
            name: AlertSourceName::new(name).expect("a name"),
            format,
            secrets: vec![ALERT_SECRET.to_owned().into()],
            system: system.map(|system| SystemName::new(system).expect("a name")),
        });
        let router = inbox.router([SECRET.to_owned().into()]).merge(alert_router(&inbox, sources));
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

    /// Posts to a path with these headers, and gives the answer.
    pub async fn posts(&self, path: &str, headers: &[(&str, &str)], body: String) -> StatusCode {
        let request =
            Request::builder().method(Method::POST).uri(path).header("content-type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let request = request.body(body).expect("a request");
        self.router.clone().call(request).await.expect("the router answers").status()
    }

    /// Posts the alerts of a monitor with its secret.
    pub async fn alerts(&self, source: &str, body: &Value) {
        let token = format!("Bearer {ALERT_SECRET}");
        let path = format!("/alerts/{source}");
        let status = self.posts(&path, &[("authorization", &token)], body.to_string()).await;
        assert_eq!(status, StatusCode::ACCEPTED);
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
