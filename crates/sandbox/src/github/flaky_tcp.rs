//! Connections that can be cut, so that a client gets no answer although its request had its effect.

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Serves until the sender of `stopped` is dropped.
pub(super) async fn serve(listener: TcpListener, router: Router, mut stopped: watch::Receiver<()>) {
    let service = router.into_make_service_with_connect_info::<CutSwitch>();
    let stop = async move { while stopped.changed().await.is_ok() {} };
    // It ends only when it is stopped; what is left to report then helps nobody.
    let _ = axum::serve(FlakyListener(listener), service).with_graceful_shutdown(stop).await;
}

/// Cuts one connection.
#[derive(Debug, Clone)]
pub(super) struct CutSwitch(Arc<AtomicBool>);

impl CutSwitch {
    /// The switch of a connection that is not cut.
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicBool::new(false)))
    }

    /// Whether the connection was cut.
    pub(super) fn has_cut(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// From now on, nothing reaches the client.
    pub(super) fn cut(&self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Connected<IncomingStream<'_, FlakyListener>> for CutSwitch {
    fn connect_info(stream: IncomingStream<'_, FlakyListener>) -> Self {
        stream.io().connection.clone()
    }
}

/// Accepts connections that can be cut.
pub(super) struct FlakyListener(TcpListener);

impl Listener for FlakyListener {
    type Io = FlakyStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (FlakyStream, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    return (FlakyStream { stream, connection: CutSwitch::new() }, address);
                }
                // Out of descriptors, most likely: some will be free soon.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// One connection.
pub(super) struct FlakyStream {
    stream: TcpStream,
    connection: CutSwitch,
}

impl AsyncRead for FlakyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for FlakyStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.connection.has_cut() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
