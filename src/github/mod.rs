//! GitHub, and GitHub Enterprise, as a [`Forge`](crate::ports::Forge); octocrab is named only here.
//!
//! - `forge`: what each call of the port means on GitHub.
//! - `wire`: how a request is sent, and how lists are read page by page.
//! - `pace`: one writer, not too fast.
//! - `refusal`: errors, sorted by what can be done next.
//! - `payload`: the objects that GitHub sends, over the API and to the webhook.

mod forge;
mod pace;
pub(crate) mod payload;
mod refusal;
mod wire;

pub use pace::Pace;

use crate::core::redact::Redactor;
use crate::core::ticket::Repo;
use http::{HeaderName, Uri};
use octocrab::Octocrab;
use pace::Writer;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::OnceCell;
use wire::Wire;

/// GitHub's own API. GitHub Enterprise has it at `https://<host>/api/v3`.
pub const PUBLIC_API: &str = "https://api.github.com";

/// How to reach GitHub, and as whom.
#[derive(Debug, Clone)]
pub struct Options {
    pub base_url: String,
    pub token: SecretString,
    /// What the text of tickets passes before anyone sees it.
    pub redactor: Redactor,
    pub pace: Pace,
    /// Until the connection stands.
    pub connect: Duration,
    /// Until the answer is there, connecting included.
    pub answer: Duration,
}

impl Options {
    /// GitHub's own API, at its pace.
    pub fn new(token: SecretString, redactor: Redactor) -> Self {
        Self {
            base_url: PUBLIC_API.to_owned(),
            token,
            redactor,
            pace: Pace::default(),
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(30),
        }
    }
}

/// Why there is no client to begin with: the configuration has to be mended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadOptions {
    #[error("`{0}` is not the address of an API: write https://api.github.com or https://<host>/api/v3")]
    Address(String),
    #[error("`{0}` would carry the token in the clear: write https")]
    Insecure(String),
    #[error("the token is empty, or holds characters that no token has")]
    Token,
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
}

/// The tickets on GitHub.
#[derive(Debug)]
pub struct GitHub {
    wire: Wire,
    writer: Writer,
    redactor: Redactor,
    login: OnceCell<String>,
    /// Labels that are known to exist, so that they are looked for once.
    labels: Mutex<BTreeSet<(Repo, String)>>,
}

impl GitHub {
    /// Makes the client; nothing is sent yet. It must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// [`BadOptions`] if the address or the token cannot be right.
    pub fn new(options: Options) -> Result<Self, BadOptions> {
        let client = Octocrab::builder()
            .base_uri(base_uri(&options.base_url)?)
            .map_err(|_| BadOptions::Address(options.base_url.clone()))?
            .personal_token(clean_token(&options.token)?)
            .add_header(HeaderName::from_static("x-github-api-version"), "2022-11-28".to_owned())
            .set_connect_timeout(Some(options.connect))
            .set_read_timeout(Some(options.answer))
            .set_write_timeout(Some(options.answer))
            .build()
            .map_err(|error| BadOptions::Client(error.to_string()))?;
        Ok(Self {
            wire: Wire::new(client, options.answer),
            writer: Writer::new(options.pace),
            redactor: options.redactor,
            login: OnceCell::new(),
            labels: Mutex::default(),
        })
    }
}

fn base_uri(address: &str) -> Result<Uri, BadOptions> {
    let bad = || BadOptions::Address(address.to_owned());
    let uri: Uri = address.trim().trim_end_matches('/').parse().map_err(|_| bad())?;
    let host = uri.host().ok_or_else(bad)?;
    match uri.scheme_str() {
        _ if uri.query().is_some() => Err(bad()),
        Some("https") => Ok(uri),
        // A GitHub on this very machine: the one in a box.
        Some("http") if is_loopback(host) => Ok(uri),
        Some("http") => Err(BadOptions::Insecure(address.to_owned())),
        _ => Err(bad()),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Without the line end that a file or a variable often has. octocrab panics over a token that cannot
/// stand in a header, so that is found out here.
fn clean_token(token: &SecretString) -> Result<SecretString, BadOptions> {
    let text = token.expose_secret().trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(BadOptions::Token);
    }
    Ok(text.to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_tokens() {
        for (address, expect) in [
            ("https://api.github.com", Ok("https://api.github.com/")),
            ("https://ghe.example.org/api/v3/", Ok("https://ghe.example.org/api/v3")),
            ("http://127.0.0.1:8080", Ok("http://127.0.0.1:8080/")),
            ("http://[::1]:8080", Ok("http://[::1]:8080/")),
            ("http://ghe.example.org", Err(BadOptions::Insecure("http://ghe.example.org".into()))),
            ("api.github.com", Err(BadOptions::Address("api.github.com".into()))),
            ("", Err(BadOptions::Address("".into()))),
        ] {
            assert_eq!(base_uri(address).map(|uri| uri.to_string()), expect.map(str::to_owned));
        }
        let clean = |token: &str| clean_token(&token.to_owned().into()).map(|t| t.expose_secret().to_owned());
        assert_eq!(clean("ghp_x\n"), Ok("ghp_x".to_owned()));
        assert_eq!(clean(" \n"), Err(BadOptions::Token));
        assert_eq!(clean("a\nb"), Err(BadOptions::Token));
    }
}
