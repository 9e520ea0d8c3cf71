//! Reads the JSON bodies of requests.

use crate::github::errors::ErrorResponse;
use http::StatusCode;
use serde_json::Value;

/// # Errors
/// GitHub's answer to a body that is not JSON.
pub(super) fn parse(body: &[u8]) -> Result<Value, ErrorResponse> {
    let problem = |_| ErrorResponse::new(StatusCode::BAD_REQUEST, "Problems parsing JSON");
    serde_json::from_slice(body).map_err(problem)
}

/// The text under a key.
pub(super) fn string<'a>(body: &'a Value, key: &str) -> Option<&'a str> {
    body.get(key)?.as_str()
}

/// The strings of the list under a key. For labels, GitHub accepts `[{"name": "x"}]` as well.
pub(super) fn strings(body: &Value, key: &str) -> Vec<String> {
    let items = body.get(key).and_then(Value::as_array).into_iter().flatten();
    let text = |item: &Value| item.as_str().or_else(|| item.get("name")?.as_str()).map(str::to_owned);
    items.filter_map(text).collect()
}
