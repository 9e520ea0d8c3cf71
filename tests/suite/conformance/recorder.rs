//! A wire-tap between the adapter and the GitHub in a box: what was asked, and what was answered.

use fieldmedic::sandbox::github::{FakeGitHub, InProcessService};
use http::{Request, Response};
use serde_json::Value;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tower_service::Service;

/// One request with its answer.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub method: String,
    /// With the query.
    pub path: String,
    /// What was sent; `Null` if nothing was.
    pub body: Value,
    pub status: u16,
    /// Where the answer led to.
    pub location: Option<String>,
    pub answer: String,
}

#[derive(Clone)]
pub struct Recorder {
    hub: FakeGitHub,
    indoors: InProcessService,
    log: Arc<Mutex<Vec<Exchange>>>,
}

impl Recorder {
    pub fn new(hub: &FakeGitHub) -> Self {
        Self { hub: hub.clone(), indoors: hub.service(), log: Arc::default() }
    }

    pub fn log(&self) -> Vec<Exchange> {
        self.log.lock().expect("nobody panics here").clone()
    }
}

impl<B> Service<Request<B>> for Recorder
where
    InProcessService: Service<Request<B>, Response = Response<String>, Error = io::Error>,
    <InProcessService as Service<Request<B>>>::Future: Send + 'static,
{
    type Response = Response<String>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Response<String>>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.indoors.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answer = self.indoors.call(request);
        let (hub, log) = (self.hub.clone(), self.log.clone());
        Box::pin(async move {
            let answer = answer.await?;
            // One request at a time passes here, so the last of the box's log is this one.
            let asked = hub.requests().pop().expect("the box has seen it");
            log.lock().expect("nobody panics here").push(Exchange {
                method: asked.method.to_string(),
                path: asked.path,
                body: asked.body,
                status: answer.status().as_u16(),
                location: answer
                    .headers()
                    .get("location")
                    .and_then(|value| value.to_str().ok())
                    .map(str::to_owned),
                answer: answer.body().clone(),
            });
            Ok(answer)
        })
    }
}
