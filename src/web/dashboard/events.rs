//! Tells open pages that something has changed, as server-sent events. One task asks the journal; pages only listen.

use crate::dashboard::Pulse;
use crate::web::dashboard::site::{Change, STREAMS, Site, Visit};
use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use http_body_util::channel::{Channel, Sender};
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How often the journal is asked, while somebody listens.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// After so long without a change a stream shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// A stream ends after so long, and the browser opens the next. So a browser that is gone is forgotten.
const LONGEST: Duration = Duration::from_secs(300);

/// A browser that takes nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the journal for as long as it is not dropped, while somebody listens.
pub(super) async fn watch(site: Arc<Site>) {
    let mut known: Option<Pulse> = None;
    loop {
        sleep(ASK_EVERY).await;
        if site.streams.available_permits() == STREAMS {
            known = None;
            continue;
        }
        // Whoever shows the next page tells of a journal that cannot be used.
        let Ok(pulse) = site.dashboard.pulse().await else { continue };
        let cases = known.as_ref().map(|before| {
            pulse.changed_since(before).iter().map(ToString::to_string).collect::<Vec<String>>()
        });
        // While nobody listened, anything may have changed.
        if known.as_ref() != Some(&pulse) {
            let _ = site.changes.send(Change { cases });
        }
        known = Some(pulse);
    }
}

/// A stream of changes.
pub(super) async fn stream(State(site): State<Arc<Site>>, Extension(visit): Extension<Visit>) -> Response {
    if visit.must_log_in {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(place) = Arc::clone(&site.streams).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many pages are open\n").into_response();
    };
    let (mut out, body) = Channel::<Bytes, Infallible>::new(4);
    tokio::spawn(async move {
        let _place = place;
        let mut changes = site.changes.subscribe();
        let mut end = site.end.subscribe();
        let over = Instant::now() + LONGEST;
        let mut next = "retry: 2000\n\n".to_owned();
        while say(&mut out, next).await {
            next = tokio::select! {
                change = changes.recv() => match change {
                    Ok(Change { cases }) => event(&json!({ "cases": cases })),
                    // It has missed some.
                    Err(RecvError::Lagged(_)) => event(&json!({ "cases": null })),
                    Err(RecvError::Closed) => break,
                },
                () = sleep(HEARTBEAT) => ":\n\n".to_owned(),
                () = sleep_until(over) => break,
                // The site is gone, or is about to be.
                _ = end.wait_for(|has_ended| *has_ended) => break,
            };
        }
    });
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // A proxy that collects what it passes on would hold everything back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

fn event(data: &serde_json::Value) -> String {
    format!("event: change\ndata: {data}\n\n")
}

/// `false` if nobody takes it.
async fn say(out: &mut Sender<Bytes, Infallible>, text: String) -> bool {
    matches!(timeout(PATIENCE, out.send_data(Bytes::from(text))).await, Ok(Ok(())))
}
