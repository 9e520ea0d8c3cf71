//! A page in its frame: navigation, who is logged in, what was just done.

use crate::web::dashboard::site::{Site, Visit};
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::json;

/// Which page it is, and what its frame shows beside it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    /// The template, and the entry of the navigation.
    pub template: &'a str,
    pub page: &'a str,
    /// The case that the page is about.
    pub case: Option<&'a str>,
    /// The page changes by itself.
    pub is_live: bool,
    pub notice: Option<&'a str>,
    pub now: DateTime<Utc>,
}

impl Site {
    /// A frame of a page.
    pub(super) fn frame<'a>(&self, template: &'a str, page: &'a str) -> Frame<'a> {
        let now = self.dashboard.now();
        Frame { template, page, case: None, is_live: true, notice: None, now }
    }

    pub(super) fn show(&self, visit: &Visit, frame: Frame<'_>, data: impl Serialize) -> Response {
        let session = visit.session.as_ref();
        let data = json!({
            "site": {
                "base": visit.base,
                "version": self.version,
                "now": frame.now.to_rfc3339_opts(SecondsFormat::Millis, true),
                "page": frame.page,
                "case": frame.case,
                "is_live": frame.is_live && !visit.must_log_in,
                "mode": self.dashboard.mode(),
                "actor": session.map(|session| &session.recorded_as),
                "csrf": session.map(|session| &session.csrf),
                "can_log_in": !self.settings.tokens.is_empty(),
                "notice": frame.notice,
                "trouble": null,
                "product": concat!("Fieldmedic ", env!("CARGO_PKG_VERSION")),
            },
            "data": data,
        });
        match self.pages.fill(frame.template, data) {
            Ok(page) => Html(page).into_response(),
            Err(error) => {
                tracing::error!(error, "a page of the dashboard cannot be shown");
                (StatusCode::INTERNAL_SERVER_ERROR, "this page cannot be shown; the log says why\n")
                    .into_response()
            }
        }
    }

    /// A page with one sentence.
    pub(super) fn say(&self, visit: &Visit, status: StatusCode, title: &str, text: &str) -> Response {
        let frame = Frame { is_live: false, ..self.frame("message.html", "") };
        let mut response = self.show(visit, frame, json!({ "title": title, "text": text }));
        *response.status_mut() = status;
        response
    }
}

/// Leads the browser to another page of the site. `path` begins with a slash.
pub(super) fn lead(visit: &Visit, path: &str) -> Response {
    match HeaderValue::from_str(&format!("{}{path}", visit.base)) {
        Ok(place) => (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
