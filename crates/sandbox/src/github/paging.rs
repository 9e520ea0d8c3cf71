//! Lists in pages, with the `Link` header to the next page.

use crate::github::errors::{ApiResult, ErrorResponse};
use axum::Json;
use axum::extract::{FromRequestParts, Query};
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde_json::Value;
use std::collections::BTreeMap;

/// The parameters of a list.
#[derive(Debug, Clone)]
pub(super) struct PageRequest {
    pairs: BTreeMap<String, String>,
    uri: Uri,
}

impl<S: Sync> FromRequestParts<S> for PageRequest {
    type Rejection = ErrorResponse;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ErrorResponse> {
        let bad = |_| ErrorResponse::new(StatusCode::BAD_REQUEST, "Problems parsing the query");
        let Query(pairs) = Query::try_from_uri(&parts.uri).map_err(bad)?;
        Ok(Self { pairs, uri: parts.uri.clone() })
    }
}

impl PageRequest {
    /// `None` if it is absent or empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The parameter `since`; `None` if it is absent or empty.
    ///
    /// # Errors
    /// 422 if it is not an RFC 3339 time.
    pub(super) fn since(&self) -> Result<Option<DateTime<Utc>>, ErrorResponse> {
        let Some(since) = self.get("since") else { return Ok(None) };
        let bad = |_| ErrorResponse::invalid("Issue", "since", "invalid");
        Ok(Some(DateTime::parse_from_rfc3339(since).map_err(bad)?.to_utc()))
    }

    /// Whether the newest come first, which is GitHub's default.
    pub(super) fn descends(&self) -> bool {
        self.get("direction") != Some("asc")
    }

    /// The requested page of the list.
    pub(super) fn page(&self, base: &str, items: Vec<Value>) -> ApiResult {
        let number = |name: &str| self.get(name).and_then(|value| value.parse::<usize>().ok());
        let size = number("per_page").unwrap_or(30).clamp(1, 100);
        let page = number("page").unwrap_or(1).max(1);
        let last = items.len().div_ceil(size).max(1);
        let mut links = Vec::new();
        if page > 1 {
            links.push(self.link(base, page - 1, "prev"));
        }
        if page < last {
            links.push(self.link(base, page + 1, "next"));
            links.push(self.link(base, last, "last"));
        }
        if page > 1 {
            links.push(self.link(base, 1, "first"));
        }
        let mut headers = HeaderMap::new();
        if let Some(links) = HeaderValue::from_str(&links.join(", ")).ok().filter(|value| !value.is_empty()) {
            headers.insert(header::LINK, links);
        }
        let items: Vec<Value> = items.into_iter().skip((page - 1) * size).take(size).collect();
        Ok((headers, Json(items)).into_response())
    }

    /// The requested part of a log, newest first. It continues after the line that the cursor names, so new
    /// lines shift nothing. Each line comes with its id.
    pub(super) fn scroll(&self, base: &str, lines: Vec<(u64, Value)>) -> ApiResult {
        let size = self.get("per_page").and_then(|size| size.parse().ok()).unwrap_or(30).clamp(1, 100);
        let below = self.get("cursor").and_then(|cursor| cursor.strip_prefix("v1_")?.parse().ok());
        let mut rest = lines.into_iter().filter(|(id, _)| below.is_none_or(|below: u64| *id < below));
        let shown: Vec<(u64, Value)> = rest.by_ref().take(size).collect();
        let mut headers = HeaderMap::new();
        if let (Some((last, _)), Some(_)) = (shown.last(), rest.next()) {
            let link = self.link_by(base, "cursor", &format!("v1_{last}"), "next");
            headers.extend(HeaderValue::from_str(&link).ok().map(|value| (header::LINK, value)));
        }
        let lines: Vec<Value> = shown.into_iter().map(|(_, line)| line).collect();
        Ok((headers, Json(lines)).into_response())
    }

    fn link(&self, base: &str, page: usize, rel: &str) -> String {
        self.link_by(base, "page", &page.to_string(), rel)
    }

    fn link_by(&self, base: &str, key: &str, place: &str, rel: &str) -> String {
        let others = self.uri.query().unwrap_or_default().split('&');
        let others = others.filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(key));
        let place = format!("{key}={place}");
        let query: Vec<&str> = others.chain([place.as_str()]).collect();
        format!("<{base}{}?{}>; rel=\"{rel}\"", self.uri.path(), query.join("&"))
    }
}
