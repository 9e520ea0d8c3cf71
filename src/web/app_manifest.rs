//! A page on this machine for making a GitHub App: it sends the browser to GitHub with what the App shall
//! be, and takes the code with which GitHub sends it back.

use crate::core::text::html::escape_html;
use crate::web::server::{ServerLimits, serve};
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use serde::Deserialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// What GitHub is asked.
#[derive(Debug, Clone)]
pub struct Application {
    /// GitHub's page that takes it, with the state in its query.
    pub page: String,
    /// What the App shall be, as JSON; [`manifest`](crate::github::manifest) makes it.
    pub manifest: String,
    /// A word that GitHub gives back, so that nobody else's code is taken.
    pub state: String,
}

/// Why no code came.
#[derive(Debug, thiserror::Error)]
pub enum NoCode {
    /// No browser came back from GitHub within this time.
    #[error("nobody has said yes on GitHub's page within {0:?}")]
    TooLate(Duration),
}

struct Desk {
    application: Application,
    taken: Mutex<Option<oneshot::Sender<String>>>,
}

#[derive(Deserialize)]
struct Back {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
}

/// Serves the page until GitHub has sent the browser back, for so long at most.
///
/// # Errors
/// [`NoCode`] if that does not come about.
pub async fn receive_code(
    listener: TcpListener,
    application: Application,
    patience: Duration,
) -> Result<String, NoCode> {
    let (taken, code) = oneshot::channel();
    let desk = Arc::new(Desk { application, taken: Mutex::new(Some(taken)) });
    let router = Router::new().route("/", get(show)).route("/made", get(take)).with_state(desk);
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, router, ServerLimits::default(), async move {
        // Its sender is dropped to stop the server.
        let _ = stopped.await;
    }));
    let code = tokio::time::timeout(patience, code).await;
    // The browser is to see the answer; a connection that it keeps open is not waited for.
    drop(stop);
    let _ = tokio::time::timeout(Duration::from_secs(1), server).await;
    match code {
        Ok(Ok(code)) => Ok(code),
        _ => Err(NoCode::TooLate(patience)),
    }
}

async fn show(State(desk): State<Arc<Desk>>) -> Response {
    let Application { page, manifest, .. } = &desk.application;
    let body = format!(
        "<!doctype html><meta charset=utf-8><title>Fieldmedic</title><h1>Fieldmedic</h1>\
         <p>GitHub will show what the App is called and what it may do, and ask you to make it.</p>\
         <form action=\"{}\" method=post><input type=hidden name=manifest value=\"{}\">\
         <button>Make the App on GitHub</button></form>",
        escape_html(page),
        escape_html(manifest),
    );
    ([(header::CONTENT_SECURITY_POLICY, "default-src 'none'")], Html(body)).into_response()
}

async fn take(State(desk): State<Arc<Desk>>, Query(back): Query<Back>) -> Response {
    if back.code.is_empty() || back.state != desk.application.state {
        return (StatusCode::BAD_REQUEST, "this did not come from the page that was opened here\n")
            .into_response();
    }
    match desk.taken.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(taken) => drop(taken.send(back.code)),
        None => return (StatusCode::CONFLICT, "it was taken in already\n").into_response(),
    }
    Html("<!doctype html><title>Fieldmedic</title><p>The App is made. Go back to the terminal.")
        .into_response()
}
