//! Webhooks: what happened is told to the agent, with a real signature, as GitHub tells it.

use super::deed::Notice;
use axum::body::Body;
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

/// Where webhooks go, and the secret they are signed with.
#[derive(Clone)]
pub struct Hooks {
    pub url: String,
    pub secret: String,
}

/// One line of the delivery log.
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
pub struct Letter {
    pub guid: String,
    pub event: &'static str,
    pub payload: String,
    /// The value of `X-Hub-Signature-256`.
    pub signature: String,
}

/// The post office: deliveries leave one after the other, in the order of what happened.
pub(super) struct Post {
    shelf: Arc<Shelf>,
    queue: mpsc::UnboundedSender<usize>,
}

struct Shelf {
    address: Mutex<Option<Hooks>>,
    /// With which secret the letters are signed that are fetched.
    fetched_with: Mutex<Option<String>>,
    parcels: Mutex<Vec<Parcel>>,
    /// How many are under way.
    due: watch::Sender<usize>,
}

struct Parcel {
    line: Delivered,
    payload: String,
}

impl Post {
    pub fn open(mut stopped: watch::Receiver<()>) -> Self {
        let shelf = Arc::new(Shelf {
            address: Mutex::default(),
            fetched_with: Mutex::default(),
            parcels: Mutex::default(),
            due: watch::channel(0).0,
        });
        let (queue, mut due) = mpsc::unbounded_channel();
        let carried = shelf.clone();
        tokio::spawn(async move {
            let client = Client::builder(TokioExecutor::new()).build_http();
            let mut work = std::pin::pin!(async {
                while let Some(place) = due.recv().await {
                    let status = carried.carry(&client, place).await;
                    if let Some(parcel) = lock(&carried.parcels).get_mut(place) {
                        parcel.line.status = status;
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

    pub fn address(&self, hooks: Hooks) {
        *lock(&self.shelf.address) = Some(hooks);
    }

    /// From now on letters lie here until they are fetched.
    pub fn hold(&self, secret: &str) {
        *lock(&self.shelf.fetched_with) = Some(secret.to_owned());
    }

    /// Hands out what has come in since the last time.
    pub fn fetch(&self) -> Vec<Letter> {
        let Some(secret) = lock(&self.shelf.fetched_with).clone() else { return Vec::new() };
        let parcels = std::mem::take(&mut *lock(&self.shelf.parcels));
        let letter = |Parcel { line, payload }: Parcel| Letter {
            signature: sign(&secret, payload.as_bytes()),
            guid: line.guid,
            event: line.event,
            payload,
        };
        parcels.into_iter().map(letter).collect()
    }

    /// Takes a notice in; without an address there is nobody to tell.
    pub fn put(&self, notice: Notice) {
        let is_fetched = lock(&self.shelf.fetched_with).is_some();
        if !is_fetched && lock(&self.shelf.address).is_none() {
            return;
        }
        let place = {
            let mut parcels = lock(&self.shelf.parcels);
            let line = Delivered {
                guid: guid(parcels.len()),
                event: notice.event,
                action: notice.payload["action"].as_str().unwrap_or_default().to_owned(),
                status: None,
            };
            parcels.push(Parcel { line, payload: notice.payload.to_string() });
            parcels.len() - 1
        };
        if !is_fetched {
            self.send(place);
        }
    }

    pub fn again(&self, guid: &str) -> bool {
        let place = lock(&self.shelf.parcels).iter().position(|parcel| parcel.line.guid == guid);
        if let Some(place) = place {
            self.send(place);
        }
        place.is_some()
    }

    pub fn log(&self) -> Vec<Delivered> {
        lock(&self.shelf.parcels).iter().map(|parcel| parcel.line.clone()).collect()
    }

    pub async fn emptied(&self) {
        // It errs only if the sender is gone, and then nothing is due.
        let _ = self.shelf.due.subscribe().wait_for(|due| *due == 0).await;
    }

    fn send(&self, place: usize) {
        self.shelf.due.send_modify(|due| *due += 1);
        if self.queue.send(place).is_err() {
            self.shelf.due.send_modify(|due| *due -= 1);
        }
    }
}

impl Shelf {
    async fn carry(&self, client: &Client<HttpConnector, Body>, place: usize) -> Option<u16> {
        let hooks = lock(&self.address).clone()?;
        let request = {
            let parcels = lock(&self.parcels);
            let parcel = parcels.get(place)?;
            Request::post(&hooks.url)
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::USER_AGENT, "GitHub-Hookshot/0000000")
                .header("x-github-delivery", &parcel.line.guid)
                .header("x-github-event", parcel.line.event)
                .header("x-github-hook-id", "1")
                .header("x-github-hook-installation-target-type", "repository")
                .header("x-hub-signature-256", sign(&hooks.secret, parcel.payload.as_bytes()))
                .body(Body::from(parcel.payload.clone()))
                .ok()?
        };
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
