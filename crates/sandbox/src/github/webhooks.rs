//! Webhooks to the agent, with a real signature, and their delivery log.

use crate::github::operations::WebhookEvent;
use axum::body::Body;
use chrono::{DateTime, Utc};
use fieldmedic_core::ticket::Repo;
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// GitHub's time limit for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The events that the agent subscribes to.
const EVENTS: [&str; 2] = ["issues", "issue_comment"];

/// The address of webhooks, and the secret that signs them.
#[derive(Clone)]
pub struct Hooks {
    /// The URL that webhooks are posted to, plain `http`.
    pub url: String,
    /// The key of the HMAC-SHA256 signature.
    pub secret: String,
}

/// One line of the delivery log: one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The `X-GitHub-Delivery` header; a redelivery keeps it.
    pub guid: String,
    /// `issues`, `issue_comment`.
    pub event: &'static str,
    /// The payload's `action`, such as `opened`; empty if it has none.
    pub action: String,
    /// `None`: not sent yet, or no answer.
    pub status: Option<u16>,
}

/// A webhook that the test delivers: the parts of its request.
#[derive(Debug, Clone)]
pub struct HeldWebhook {
    /// The value of `X-GitHub-Delivery`.
    pub guid: String,
    /// The value of `X-GitHub-Event`: `issues`, `issue_comment`.
    pub event: &'static str,
    /// The body: one JSON object.
    pub payload: String,
    /// The value of `X-Hub-Signature-256`.
    pub signature: String,
}

/// The repositories of a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HookScope {
    /// All repositories, as a hook of each of them.
    Everything,
    Repo(Repo),
}

#[derive(Clone)]
pub(super) struct Hook {
    pub id: u64,
    pub scope: HookScope,
    pub to: Hooks,
    pub events: Vec<String>,
    pub active: bool,
    pub at: DateTime<Utc>,
}

/// One attempt to deliver.
#[derive(Clone)]
pub(super) struct DeliveryAttempt {
    pub id: u64,
    pub hook: u64,
    /// The id of the repository.
    pub repository: u64,
    pub at: DateTime<Utc>,
    pub sort: DeliveryKind,
    pub stage: AttemptStage,
    pub line: Delivered,
    pub payload: Arc<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeliveryKind {
    First,
    Again,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttemptStage {
    Due,
    Attempted,
}

/// Sends webhooks one after another, in the order of their events.
pub(super) struct WebhookSender {
    shared: Arc<SenderState>,
    queue: mpsc::UnboundedSender<u64>,
}

struct SenderState {
    hooks: Mutex<Vec<Hook>>,
    /// The secret that signs webhooks which are fetched; `None` if they are sent.
    fetched_with: Mutex<Option<String>>,
    log: Mutex<DeliveryLog>,
    /// The number of attempts that are not finished.
    due: watch::Sender<usize>,
}

#[derive(Default)]
struct DeliveryLog {
    all: Vec<DeliveryAttempt>,
    /// The id of the newest attempt.
    last_id: u64,
    /// The number of events so far.
    events: usize,
}

impl WebhookSender {
    /// Starts the task that sends. It ends when the sender of `stopped` is dropped. It must be called inside
    /// a Tokio runtime.
    pub(super) fn open(mut stopped: watch::Receiver<()>) -> Self {
        let shared = Arc::new(SenderState {
            hooks: Mutex::default(),
            fetched_with: Mutex::default(),
            log: Mutex::default(),
            due: watch::channel(0).0,
        });
        let (queue, mut due) = mpsc::unbounded_channel();
        let sender = shared.clone();
        tokio::spawn(async move {
            let client = Client::builder(TokioExecutor::new()).build_http();
            let mut work = std::pin::pin!(async {
                while let Some(id) = due.recv().await {
                    let status = sender.deliver(&client, id).await;
                    if let Some(attempt) = lock(&sender.log).find(id) {
                        attempt.line.status = status;
                        attempt.stage = AttemptStage::Attempted;
                    }
                    sender.due.send_modify(|due| *due -= 1);
                }
            });
            tokio::select! {
                () = &mut work => {}
                () = async { while stopped.changed().await.is_ok() {} } => {}
            }
        });
        Self { shared, queue }
    }

    /// Sends all events to this address, in place of the one before.
    pub(super) fn address(&self, to: Hooks, at: DateTime<Utc>) {
        let mut hooks = lock(&self.shared.hooks);
        match hooks.iter_mut().find(|hook| hook.scope == HookScope::Everything) {
            Some(hook) => hook.to = to,
            None => {
                let events = EVENTS.map(str::to_owned).to_vec();
                let id = hooks.len() as u64 + 1;
                hooks.push(Hook { id, scope: HookScope::Everything, to, events, active: true, at });
            }
        }
    }

    /// Adds a hook and returns it with its id; `None` if one has this address and these events.
    pub(super) fn add(&self, hook: Hook) -> Option<Hook> {
        let mut hooks = lock(&self.shared.hooks);
        let is_same = |there: &Hook| {
            there.scope == hook.scope && there.to.url == hook.to.url && there.events == hook.events
        };
        if hooks.iter().any(is_same) {
            return None;
        }
        let hook = Hook { id: hooks.len() as u64 + 1, ..hook };
        hooks.push(hook.clone());
        Some(hook)
    }

    /// Changes a hook of a repository and returns it; `None` if none has this id.
    pub(super) fn change(&self, repo: &Repo, id: u64, change: impl FnOnce(&mut Hook)) -> Option<Hook> {
        let mut hooks = lock(&self.shared.hooks);
        let hook = hooks.iter_mut().find(|hook| hook.id == id && hook.scope.covers(repo))?;
        change(hook);
        Some(hook.clone())
    }

    /// From now on, webhooks wait until they are fetched.
    pub(super) fn hold(&self, secret: &str) {
        *lock(&self.shared.fetched_with) = Some(secret.to_owned());
    }

    /// The webhooks since the last call.
    pub(super) fn fetch(&self) -> Vec<HeldWebhook> {
        let Some(secret) = lock(&self.shared.fetched_with).clone() else { return Vec::new() };
        let attempts = std::mem::take(&mut lock(&self.shared.log).all);
        let held = |DeliveryAttempt { line, payload, .. }: DeliveryAttempt| HeldWebhook {
            signature: sign(&secret, payload.as_bytes()),
            guid: line.guid,
            event: line.event,
            payload: payload.to_string(),
        };
        attempts.into_iter().map(held).collect()
    }

    /// Queues a webhook for every hook that subscribes to its event.
    pub(super) fn put(&self, webhook: &WebhookEvent, at: DateTime<Utc>) {
        let is_fetched = lock(&self.shared.fetched_with).is_some();
        let hooks: Vec<u64> = match is_fetched {
            true => vec![0],
            false => {
                lock(&self.shared.hooks).iter().filter(|hook| hook.wants(webhook)).map(|h| h.id).collect()
            }
        };
        if hooks.is_empty() {
            return;
        }
        let payload: Arc<str> = webhook.payload.to_string().into();
        let due: Vec<u64> = {
            let mut attempts = lock(&self.shared.log);
            let line = Delivered {
                guid: guid(attempts.events),
                event: webhook.event,
                action: webhook.payload.get("action").and_then(Value::as_str).unwrap_or_default().to_owned(),
                status: None,
            };
            attempts.events += 1;
            let repository =
                webhook.payload.pointer("/repository/id").and_then(Value::as_u64).unwrap_or_default();
            let attempt = |hook| DeliveryAttempt {
                id: 0,
                hook,
                repository,
                at,
                sort: DeliveryKind::First,
                stage: AttemptStage::Due,
                line: line.clone(),
                payload: payload.clone(),
            };
            hooks.into_iter().map(|hook| attempts.add(attempt(hook))).collect()
        };
        if !is_fetched {
            due.into_iter().for_each(|id| self.send(id));
        }
    }

    /// Repeats the newest matching delivery, with the same delivery id.
    pub(super) fn again(&self, at: DateTime<Utc>, matches: impl Fn(&DeliveryAttempt) -> bool) -> bool {
        let due = {
            let mut attempts = lock(&self.shared.log);
            let meant: Option<DeliveryAttempt> =
                attempts.all.iter().rev().find(|attempt| matches(attempt)).cloned();
            meant.map(|attempt| {
                let line = Delivered { status: None, ..attempt.line };
                attempts.add(DeliveryAttempt {
                    at,
                    sort: DeliveryKind::Again,
                    stage: AttemptStage::Due,
                    line,
                    ..attempt
                })
            })
        };
        due.into_iter().for_each(|id| self.send(id));
        due.is_some()
    }

    /// Every attempt, oldest first, whether finished or due. Webhooks that were fetched are not among them.
    pub(super) fn log(&self) -> Vec<DeliveryAttempt> {
        lock(&self.shared.log).all.clone()
    }

    /// The hooks of a repository.
    pub(super) fn hooks(&self, repo: &Repo) -> Vec<Hook> {
        lock(&self.shared.hooks).iter().filter(|hook| hook.scope.covers(repo)).cloned().collect()
    }

    /// Waits until no attempt is due.
    pub(super) async fn emptied(&self) {
        // It errs only if the sender is gone, and then nothing is due.
        let _ = self.shared.due.subscribe().wait_for(|due| *due == 0).await;
    }

    fn send(&self, id: u64) {
        self.shared.due.send_modify(|due| *due += 1);
        if self.queue.send(id).is_err() {
            self.shared.due.send_modify(|due| *due -= 1);
        }
    }
}

impl DeliveryLog {
    fn add(&mut self, attempt: DeliveryAttempt) -> u64 {
        self.last_id += 1;
        self.all.push(DeliveryAttempt { id: self.last_id, ..attempt });
        self.last_id
    }

    fn find(&mut self, id: u64) -> Option<&mut DeliveryAttempt> {
        self.all.iter_mut().find(|attempt| attempt.id == id)
    }
}

impl Hook {
    fn wants(&self, webhook: &WebhookEvent) -> bool {
        let is_subscribed = self.events.iter().any(|event| event == "*" || event == webhook.event);
        self.active && is_subscribed && self.scope.covers(&webhook.repo)
    }
}

impl HookScope {
    fn covers(&self, repo: &Repo) -> bool {
        match self {
            HookScope::Everything => true,
            HookScope::Repo(one) => one == repo,
        }
    }
}

impl SenderState {
    async fn deliver(&self, client: &Client<HttpConnector, Body>, id: u64) -> Option<u16> {
        let attempt = lock(&self.log).find(id)?.clone();
        let hook = lock(&self.hooks).iter().find(|hook| hook.id == attempt.hook)?.clone();
        let request = Request::post(&hook.to.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, "GitHub-Hookshot/0000000")
            .header("x-github-delivery", &attempt.line.guid)
            .header("x-github-event", attempt.line.event)
            .header("x-github-hook-id", hook.id.to_string())
            .header("x-github-hook-installation-target-type", "repository")
            .header("x-hub-signature-256", sign(&hook.to.secret, attempt.payload.as_bytes()))
            .body(Body::from(attempt.payload.to_string()))
            .ok()?;
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, client.request(request)).await;
        Some(answer.ok()?.ok()?.status().as_u16())
    }
}

/// The value of `X-Hub-Signature-256`.
fn sign(secret: &str, payload: &[u8]) -> String {
    // HMAC takes a key of any length, so there is always a signature.
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mac| mac.chain_update(payload));
    mac.map_or_else(|_| String::new(), |mac| format!("sha256={}", hex::encode(mac.finalize().into_bytes())))
}

/// A delivery id in GitHub's format, the same in every run.
fn guid(place: usize) -> String {
    let hash = hex::encode(Sha256::digest(place.to_be_bytes()));
    let mut digits = hash.chars();
    [8, 4, 4, 4, 12].map(|length| digits.by_ref().take(length).collect::<String>()).join("-")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
