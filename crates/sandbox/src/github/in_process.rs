//! The API without a network. Requests are function calls, so they work on simulated time, where a socket
//! would not.

use crate::github::flaky_tcp::CutSwitch;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::response::Response as Answer;
use http::{Request, Response};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_service::Service;

/// The API as a service. Each request is a connection of its own, and can be cut.
#[derive(Clone)]
pub struct InProcessService(Router);

impl InProcessService {
    pub(super) fn new(router: Router) -> Self {
        Self(router)
    }
}

impl<B> Service<Request<B>> for InProcessService
where
    Router: Service<Request<B>, Response = Answer, Error = Infallible, Future: Send + 'static>,
{
    type Response = Response<String>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Response<String>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let connection = CutSwitch::new();
        request.extensions_mut().insert(ConnectInfo(connection.clone()));
        let answer = self.0.call(request);
        Box::pin(async move {
            let Ok(answer) = answer.await;
            if connection.has_cut() {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            let (parts, body): (_, Body) = answer.into_parts();
            let body = to_bytes(body, usize::MAX).await.map_err(io::Error::other)?;
            Ok(Response::from_parts(parts, String::from_utf8_lossy(&body).into_owned()))
        })
    }
}
