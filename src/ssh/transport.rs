//! What carries an SSH connection: a TCP connection, a channel of a jump host, or the two ends of a command.

#![expect(clippy::disallowed_methods, reason = "runs the ProxyCommand of OpenSSH's configuration")]

use crate::ssh::error::SshError;
use crate::ssh::shortage::shortage;
use std::io::ErrorKind;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Bytes to the server and back.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

/// What a ProxyCommand says is told up to so many bytes.
const WORDS: u64 = 2000;

/// A TCP connection that acknowledges at once what it receives, where the platform can do that. A server that writes an
/// answer in two packets would otherwise wait for the acknowledgement of the first, up to 40 ms.
struct QuickAck(TcpStream);

impl QuickAck {
    /// The kernel forgets the setting now and then (`tcp(7)`), so it is made after each read.
    #[cfg(target_os = "linux")]
    fn arm(&self) {
        // An acknowledgement that comes late costs time and nothing else.
        let _ = rustix::net::sockopt::set_tcp_quickack(&self.0, true);
    }

    #[cfg(not(target_os = "linux"))]
    fn arm(&self) {}
}

impl AsyncRead for QuickAck {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let polled = Pin::new(&mut self.0).poll_read(context, buffer);
        if polled.is_ready() {
            self.arm();
        }
        polled
    }
}

impl AsyncWrite for QuickAck {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// Connects by TCP.
pub(super) async fn tcp(
    address: &str,
    port: u16,
    limit: Duration,
    at: &str,
) -> Result<impl Transport + use<>, SshError> {
    let socket = match timeout(limit, TcpStream::connect((address, port))).await {
        Ok(Ok(socket)) => socket,
        Ok(Err(error)) => {
            return Err(shortage(&error).unwrap_or_else(|| SshError::Unreachable {
                at: at.to_owned(),
                cause: explain(&error, port),
            }));
        }
        Err(_) => return Err(SshError::NoAnswer { at: at.to_owned(), after: limit }),
    };
    // Otherwise each command waits for the host's delayed acknowledgement, twice.
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, at, "TCP_NODELAY could not be set");
    }
    let socket = QuickAck(socket);
    socket.arm();
    Ok(socket)
}

fn explain(error: &std::io::Error, port: u16) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => format!("nothing listens on port {port} (connection refused)"),
        _ => error.to_string(),
    }
}

/// Starts a command that reaches the server. It ends when the child is dropped.
pub(super) fn command(line: &str, at: &str) -> Result<(impl Transport + use<>, Child), SshError> {
    let fail = |cause: String| SshError::ProxyCommand { at: at.to_owned(), cause };
    let mut child = Command::new("sh")
        .args(["-c", &format!("exec {line}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| shortage(&error).unwrap_or_else(|| fail(error.to_string())))?;
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(fail("it has no streams".into()));
    };
    let at = at.to_owned();
    tokio::spawn(async move {
        let (mut words, mut stderr) = (String::new(), stderr);
        let _ = (&mut stderr).take(WORDS).read_to_string(&mut words).await;
        if !words.trim().is_empty() {
            tracing::warn!(at, words = words.trim(), "the ProxyCommand writes on stderr");
        }
        // What it writes beyond that must not block it.
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    });
    Ok((tokio::io::join(stdout, stdin), child))
}
