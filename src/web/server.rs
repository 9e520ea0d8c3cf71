//! An HTTP server with bounds. Without a signature, nobody can make the process hold many connections or much
//! memory: there are so many connections at once, each must send its request in time, and none lasts for long.

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

/// What the clients of a server may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLimits {
    /// Connections at once. Further ones wait in the queue of the operating system.
    pub connections: usize,
    /// For sending the head of a request, and for the pause between two requests.
    pub head_within: Duration,
    /// The longest that a connection may last.
    pub lifetime: Duration,
}

impl Default for ServerLimits {
    /// GitHub sends a delivery in one piece and gives up after ten seconds, so what it needs fits well.
    fn default() -> Self {
        Self { connections: 64, head_within: Duration::from_secs(5), lifetime: Duration::from_secs(30) }
    }
}

/// How long answers that are under way may take after the stop.
const FINISH_WITHIN: Duration = Duration::from_secs(10);

/// How long to wait if the process can accept nothing, for instance because it has no free file descriptor.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Serves until `shutdown` is done; then answers what is under way, for ten seconds at most.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ServerLimits,
    shutdown: impl Future<Output = ()> + Send,
) {
    let slots = Arc::new(Semaphore::new(limits.connections.max(1)));
    let mut http = Builder::new(TokioExecutor::new()).http1_only();
    http.http1().timer(TokioTimer::new()).header_read_timeout(limits.head_within);
    let graceful = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, slot) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &slots) => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::error!(%error, "no connection can be accepted; trying again");
                    sleep(ACCEPT_AGAIN_AFTER).await;
                    continue;
                }
            },
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            match timeout(limits.lifetime, connection).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "a connection broke"),
                Err(_) => tracing::debug!("a connection lasted too long and was closed"),
            }
            drop(slot);
        });
    }
    // New clients learn from the closed port that the process stops.
    drop(listener);
    let _ = timeout(FINISH_WITHIN, graceful.shutdown()).await;
}

/// The next connection with its slot. Errors of one client are passed over.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(TcpStream, Option<OwnedSemaphorePermit>)> {
    // It errs only for a closed semaphore, and nobody closes this one.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Ok((stream, slot)),
            Err(error) if is_clients(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

/// The client has gone before it was accepted.
fn is_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
