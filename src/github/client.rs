//! The HTTP client beneath: who it asks, and as whom.
//!
//! It follows no redirect. GitHub leads on from an issue that was transferred, or whose repository was
//! renamed; but that is another ticket, and what was allowed here need not be allowed there.

use crate::github::error::OptionsError;
use crate::github::options::Options;
use http::{HeaderName, HeaderValue, Request, Response, Uri, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::service::middleware::extra_headers::ExtraHeadersLayer;
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder};
use std::error::Error;
use std::sync::Arc;
use tower_service::Service;

const VERSION: (HeaderName, &str) = (HeaderName::from_static("x-github-api-version"), "2022-11-28");

/// # Errors
/// [`OptionsError`] if the address or the token cannot be right, or TLS cannot be had.
pub(super) fn build(options: &Options) -> Result<Octocrab, OptionsError> {
    let uri = base_uri(&options.base_url)?;
    let auth = options.identity.auth()?;
    if uri.scheme_str() == Some("http") {
        return Ok(build_plain(uri, auth, options));
    }
    let builder =
        Octocrab::builder().base_uri(uri).map_err(|_| OptionsError::Address(options.base_url.clone()))?;
    let builder = match auth {
        AuthState::App(app) => builder.app(app.app_id, app.key),
        AuthState::AccessToken { token } => builder.personal_token(token),
        _ => builder,
    };
    builder
        .add_header(VERSION.0, VERSION.1.to_owned())
        .set_connect_timeout(Some(options.connect))
        .set_read_timeout(Some(options.answer))
        .set_write_timeout(Some(options.answer))
        .build()
        .map_err(|error| OptionsError::Client(error.to_string()))
}

/// For a GitHub on this machine. octocrab's own client insists on the system's certificates even where
/// nothing is encrypted, and a bare machine, which the demo is meant for, may have none.
fn build_plain(uri: Uri, auth: AuthState, options: &Options) -> Octocrab {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(options.connect));
    let client = Client::builder(TokioExecutor::new()).build::<_, OctoBody>(connector);
    let built = OctocrabBuilder::new_empty()
        .with_service(client)
        .with_layer(&headers())
        .with_layer(&BaseUriLayer::new(uri))
        .with_auth(auth)
        .build();
    match built {
        Ok(client) => client,
        Err(never) => match never {},
    }
}

/// For a GitHub in this process: the same requests, and no network between.
pub(super) fn build_over<S>(options: &Options, service: S) -> Result<Octocrab, OptionsError>
where
    S: Service<Request<OctoBody>, Response = Response<String>> + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let built = OctocrabBuilder::new_empty()
        .with_service(service)
        .with_layer(&headers())
        .with_layer(&BaseUriLayer::new(base_uri(&options.base_url)?))
        .with_auth(options.identity.auth()?)
        .build();
    match built {
        Ok(client) => Ok(client),
        Err(never) => match never {},
    }
}

/// What octocrab's own client would add.
fn headers() -> ExtraHeadersLayer {
    ExtraHeadersLayer::new(Arc::new(vec![
        (header::USER_AGENT, HeaderValue::from_static("octocrab")),
        (VERSION.0, HeaderValue::from_static(VERSION.1)),
    ]))
}

fn base_uri(address: &str) -> Result<Uri, OptionsError> {
    let bad = || OptionsError::Address(address.to_owned());
    let uri: Uri = address.trim().trim_end_matches('/').parse().map_err(|_| bad())?;
    let host = uri.host().ok_or_else(bad)?;
    match uri.scheme_str() {
        _ if uri.query().is_some() => Err(bad()),
        Some("https") => Ok(uri),
        // A GitHub on this very machine: the one in a box.
        Some("http") if is_loopback(host) => Ok(uri),
        Some("http") => Err(OptionsError::Insecure(address.to_owned())),
        _ => Err(bad()),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (address, expect) in [
            ("https://api.github.com", Ok("https://api.github.com/")),
            ("https://ghe.example.org/api/v3/", Ok("https://ghe.example.org/api/v3")),
            ("http://127.0.0.1:8080", Ok("http://127.0.0.1:8080/")),
            ("http://[::1]:8080", Ok("http://[::1]:8080/")),
            ("http://ghe.example.org", Err(OptionsError::Insecure("http://ghe.example.org".into()))),
            ("api.github.com", Err(OptionsError::Address("api.github.com".into()))),
            ("", Err(OptionsError::Address("".into()))),
        ] {
            assert_eq!(base_uri(address).map(|uri| uri.to_string()), expect.map(str::to_owned));
        }
    }
}
