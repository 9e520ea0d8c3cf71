//! Webhooks: what happened is told to the agent, with a real signature, as GitHub tells it; and the log
//! of what came of it.

use crate::github::operations::WebhookEvent;
use axum::body::Body;
use chrono::{DateTime, Utc};
use fieldmedic_core::ticket::Repo;
use hmac::{Hmac, KeyInit, Mac};
use http::{Request, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// GitHub waits no longer for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the agent subscribes to.
const EVENTS: [&str; 2] = ["issues", "issue_comment"];

/// Where webhooks go, and the secret they are signed with.
#[derive(Clone)]
pub struct Hooks {
    pub url: String,
    pub secret: String,
}

/// One line of the delivery log: one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The `X-GitHub-Delivery` header; a redelivery keeps it.
    pub guid: String,
    /// `issues`, `issue_comment`.
    pub event: &'static str,
    pub action: String,
    /// `None`: not sent yet, or no answer.
    pub status: Option<u16>,
}

/// A webhook that somebody else carries: as it stands in the request.
#[derive(Debug, Clone)]
pub struct HeldWebhook {
    pub guid: String,
    pub event: &'static str,
    pub payload: String,
    /// The value of `X-Hub-Signature-256`.
    pub signature: String,
}

/// What one hook tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Of {
    /// All repositories, as a hook of each of them.
    Everything,
    Repo(Repo),
}

#[derive(Clone)]
pub(super) struct Hook {
    pub id: u64,
    pub of: Of,
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
    /// GitHub's number of the repository that it tells of.
    pub repository: u64,
    pub at: DateTime<Utc>,
    pub sort: Sort,
    pub stage: AttemptStage,
    pub line: Delivered,
    pub payload: Arc<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    First,
    Again,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttemptStage {
    Due,
    Attempted,
}

/// The post office: deliveries leave one after the other, in the order of what happened.
pub(super) struct WebhookSender {
    shelf: Arc<Shelf>,
    queue: mpsc::UnboundedSender<u64>,
}

struct Shelf {
    hooks: Mutex<Vec<Hook>>,
    /// With which secret the letters are signed that are fetched.
    fetched_with: Mutex<Option<String>>,
    parcels: Mutex<Parcels>,
    /// How many are under way.
    due: watch::Sender<usize>,
}

#[derive(Default)]
struct Parcels {
    all: Vec<DeliveryAttempt>,
    /// How many there ever were, and of how many happenings.
    numbered: u64,
    told: usize,
}

impl WebhookSender {
    pub fn open(mut stopped: watch::Receiver<()>) -> Self {
        let shelf = Arc::new(Shelf {
            hooks: Mutex::default(),
            fetched_with: Mutex::default(),
            parcels: Mutex::default(),
            due: watch::channel(0).0,
        });
        let (queue, mut due) = mpsc::unbounded_channel();
        let carried = shelf.clone();
        tokio::spawn(async move {
            let client = Client::builder(TokioExecutor::new()).build_http();
            let mut work = std::pin::pin!(async {
                while let Some(id) = due.recv().await {
                    let status = carried.carry(&client, id).await;
                    if let Some(parcel) = lock(&carried.parcels).find(id) {
                        parcel.line.status = status;
                        parcel.stage = AttemptStage::Attempted;
                    }
                    carried.due.send_modify(|due| *due -= 1);
                }
            });
            tokio::select! {
                () = &mut work => {}
                () = async { while stopped.changed().await.is_ok() {} } => {}
            }
        });
        Self { shelf, queue }
    }

    /// Everything is told to this address, in place of the one before.
    pub fn address(&self, to: Hooks, at: DateTime<Utc>) {
        let mut hooks = lock(&self.shelf.hooks);
        match hooks.iter_mut().find(|hook| hook.of == Of::Everything) {
            Some(hook) => hook.to = to,
            None => {
                let events = EVENTS.map(str::to_owned).to_vec();
                let id = hooks.len() as u64 + 1;
                hooks.push(Hook { id, of: Of::Everything, to, events, active: true, at });
            }
        }
    }

    /// The hook with its number; `None` if there is one with this address and these events.
    pub fn add(&self, hook: Hook) -> Option<Hook> {
        let mut hooks = lock(&self.shelf.hooks);
        let is_same =
            |there: &Hook| there.of == hook.of && there.to.url == hook.to.url && there.events == hook.events;
        if hooks.iter().any(is_same) {
            return None;
        }
        let hook = Hook { id: hooks.len() as u64 + 1, ..hook };
        hooks.push(hook.clone());
        Some(hook)
    }

    /// The hook of a repository as it is after a change; `None` if there is none with this number.
    pub fn change(&self, repo: &Repo, id: u64, change: impl FnOnce(&mut Hook)) -> Option<Hook> {
        let mut hooks = lock(&self.shelf.hooks);
        let hook = hooks.iter_mut().find(|hook| hook.id == id && hook.of.covers(repo))?;
        change(hook);
        Some(hook.clone())
    }

    /// From now on letters lie here until they are fetched.
    pub fn hold(&self, secret: &str) {
        *lock(&self.shelf.fetched_with) = Some(secret.to_owned());
    }

    /// Hands out what has come in since the last time.
    pub fn fetch(&self) -> Vec<HeldWebhook> {
        let Some(secret) = lock(&self.shelf.fetched_with).clone() else { return Vec::new() };
        let parcels = std::mem::take(&mut lock(&self.shelf.parcels).all);
        let letter = |DeliveryAttempt { line, payload, .. }: DeliveryAttempt| HeldWebhook {
            signature: sign(&secret, payload.as_bytes()),
            guid: line.guid,
            event: line.event,
            payload: payload.to_string(),
        };
        parcels.into_iter().map(letter).collect()
    }

    /// Takes a notice in, for every hook that wants it; without one there is nobody to tell.
    pub fn put(&self, notice: &WebhookEvent, at: DateTime<Utc>) {
        let is_fetched = lock(&self.shelf.fetched_with).is_some();
        let hooks: Vec<u64> = match is_fetched {
            true => vec![0],
            false => lock(&self.shelf.hooks).iter().filter(|hook| hook.wants(notice)).map(|h| h.id).collect(),
        };
        if hooks.is_empty() {
            return;
        }
        let payload: Arc<str> = notice.payload.to_string().into();
        let due: Vec<u64> = {
            let mut parcels = lock(&self.shelf.parcels);
            let line = Delivered {
                guid: guid(parcels.told),
                event: notice.event,
                action: notice.payload["action"].as_str().unwrap_or_default().to_owned(),
                status: None,
            };
            parcels.told += 1;
            let repository = notice.payload["repository"]["id"].as_u64().unwrap_or_default();
            let parcel = |hook| DeliveryAttempt {
                id: 0,
                hook,
                repository,
                at,
                sort: Sort::First,
                stage: AttemptStage::Due,
                line: line.clone(),
                payload: payload.clone(),
            };
            hooks.into_iter().map(|hook| parcels.add(parcel(hook))).collect()
        };
        if !is_fetched {
            due.into_iter().for_each(|id| self.send(id));
        }
    }

    /// One more attempt at the deliveries that this is true of, each under the id of its happening.
    pub fn again(&self, at: DateTime<Utc>, is_meant: impl Fn(&DeliveryAttempt) -> bool) -> bool {
        let due = {
            let mut parcels = lock(&self.shelf.parcels);
            let meant: Option<DeliveryAttempt> =
                parcels.all.iter().rev().find(|parcel| is_meant(parcel)).cloned();
            meant.map(|parcel| {
                let line = Delivered { status: None, ..parcel.line };
                parcels.add(DeliveryAttempt {
                    at,
                    sort: Sort::Again,
                    stage: AttemptStage::Due,
                    line,
                    ..parcel
                })
            })
        };
        due.into_iter().for_each(|id| self.send(id));
        due.is_some()
    }

    pub fn log(&self) -> Vec<DeliveryAttempt> {
        lock(&self.shelf.parcels).all.clone()
    }

    /// The hooks of a repository.
    pub fn hooks(&self, repo: &Repo) -> Vec<Hook> {
        lock(&self.shelf.hooks).iter().filter(|hook| hook.of.covers(repo)).cloned().collect()
    }

    pub async fn emptied(&self) {
        // It errs only if the sender is gone, and then nothing is due.
        let _ = self.shelf.due.subscribe().wait_for(|due| *due == 0).await;
    }

    fn send(&self, id: u64) {
        self.shelf.due.send_modify(|due| *due += 1);
        if self.queue.send(id).is_err() {
            self.shelf.due.send_modify(|due| *due -= 1);
        }
    }
}

impl Parcels {
    fn add(&mut self, parcel: DeliveryAttempt) -> u64 {
        self.numbered += 1;
        self.all.push(DeliveryAttempt { id: self.numbered, ..parcel });
        self.numbered
    }

    fn find(&mut self, id: u64) -> Option<&mut DeliveryAttempt> {
        self.all.iter_mut().find(|parcel| parcel.id == id)
    }
}

impl Hook {
    fn wants(&self, notice: &WebhookEvent) -> bool {
        let is_subscribed = self.events.iter().any(|event| event == "*" || event == notice.event);
        self.active && is_subscribed && self.of.covers(&notice.repo)
    }
}

impl Of {
    fn covers(&self, repo: &Repo) -> bool {
        match self {
            Of::Everything => true,
            Of::Repo(one) => one == repo,
        }
    }
}

impl Shelf {
    async fn carry(&self, client: &Client<HttpConnector, Body>, id: u64) -> Option<u16> {
        let parcel = lock(&self.parcels).find(id)?.clone();
        let hook = lock(&self.hooks).iter().find(|hook| hook.id == parcel.hook)?.clone();
        let request = Request::post(&hook.to.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, "GitHub-Hookshot/0000000")
            .header("x-github-delivery", &parcel.line.guid)
            .header("x-github-event", parcel.line.event)
            .header("x-github-hook-id", hook.id.to_string())
            .header("x-github-hook-installation-target-type", "repository")
            .header("x-hub-signature-256", sign(&hook.to.secret, parcel.payload.as_bytes()))
            .body(Body::from(parcel.payload.to_string()))
            .ok()?;
        let answer = tokio::time::timeout(PATIENCE, client.request(request)).await;
        Some(answer.ok()?.ok()?.status().as_u16())
    }
}

/// The value of `X-Hub-Signature-256`.
fn sign(secret: &str, payload: &[u8]) -> String {
    // HMAC takes a key of any length, so there is always a signature.
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mac| mac.chain_update(payload));
    mac.map_or_else(|_| String::new(), |mac| format!("sha256={}", hex::encode(mac.finalize().into_bytes())))
}

/// It looks like one of GitHub's, and is the same in every run.
fn guid(place: usize) -> String {
    let hash = hex::encode(Sha256::digest(place.to_be_bytes()));
    format!("{}-{}-{}-{}-{}", &hash[..8], &hash[8..12], &hash[12..16], &hash[16..20], &hash[20..32])
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
