//! Responses of the API. Errors have GitHub's status codes and bodies.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An error response, in GitHub's words.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{} {message}", status.as_u16())]
pub struct ErrorResponse {
    /// The HTTP status, such as 404.
    pub status: StatusCode,
    /// GitHub's `message`, such as `Not Found`.
    pub message: String,
    /// Errors of single fields.
    pub errors: Vec<Value>,
    /// The new address, for a redirect.
    pub location: Option<String>,
    /// The permissions that the request needs.
    pub rights: Option<String>,
}

pub(super) type ApiResult = Result<Response, ErrorResponse>;

impl ErrorResponse {
    pub(super) fn new(status: StatusCode, message: &str) -> Self {
        Self { status, message: message.to_owned(), errors: Vec::new(), location: None, rights: None }
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found")
    }

    pub(super) fn gone(message: &str) -> Self {
        Self::new(StatusCode::GONE, message)
    }

    pub(super) fn forbidden(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// An App or a fine-grained token lacks a permission.
    pub(super) fn missing_permission(rights: &str) -> Self {
        let refusal = Self::forbidden("Resource not accessible by integration");
        Self { rights: Some(rights.to_owned()), ..refusal }
    }

    pub(super) fn moved(location: &str) -> Self {
        let location = Some(location.to_owned());
        Self { location, ..Self::new(StatusCode::MOVED_PERMANENTLY, "Moved Permanently") }
    }

    /// `code` is GitHub's: `missing_field`, `already_exists`, `invalid`.
    pub(super) fn invalid(resource: &str, field: &str, code: &str) -> Self {
        let error = json!({ "resource": resource, "field": field, "code": code });
        Self { errors: vec![error], ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed") }
    }

    /// An equal one exists.
    pub(super) fn exists(resource: &str, place: &str) -> Self {
        let message = format!("{resource} already exists on {place}");
        let error = json!({ "resource": resource, "code": "custom", "message": message });
        Self { errors: vec![error], ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed") }
    }

    pub(super) fn too_long(resource: &str) -> Self {
        let error = json!({
            "resource": resource, "code": "unprocessable", "field": "data",
            "message": "Body is too long (maximum is 65536 characters)",
        });
        Self { errors: vec![error], ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed") }
    }
}

impl IntoResponse for ErrorResponse {
    fn into_response(self) -> Response {
        let mut body = BTreeMap::from([
            ("message", json!(self.message)),
            ("documentation_url", json!("https://docs.github.com/rest")),
            ("status", json!(self.status.as_u16().to_string())),
        ]);
        if !self.errors.is_empty() {
            body.insert("errors", Value::Array(self.errors));
        }
        let mut headers = HeaderMap::new();
        if let Some(location) = self.location {
            body.insert("url", json!(location));
            headers.extend(HeaderValue::from_str(&location).ok().map(|value| (header::LOCATION, value)));
        }
        let rights = self.rights.and_then(|rights| HeaderValue::from_str(&rights).ok());
        headers
            .extend(rights.map(|rights| (HeaderName::from_static("x-accepted-github-permissions"), rights)));
        (self.status, headers, Json(body)).into_response()
    }
}

pub(super) fn ok(body: Value) -> ApiResult {
    Ok(Json(body).into_response())
}

pub(super) fn created(body: Value) -> ApiResult {
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

pub(super) fn accepted() -> ApiResult {
    Ok((StatusCode::ACCEPTED, Json(json!({}))).into_response())
}
