//! How to reach GitHub, and as whom.

use crate::core::text::redact::Redactor;
use crate::github::auth::Identity;
use crate::github::write_limiter::Pace;
use secrecy::SecretString;
use std::time::Duration;

/// GitHub's own API. GitHub Enterprise has it at `https://<host>/api/v3`.
pub const PUBLIC_API: &str = "https://api.github.com";

/// How to reach GitHub, and as whom.
#[derive(Debug, Clone)]
pub struct Options {
    /// The URL of the API, such as [`PUBLIC_API`]. HTTP without TLS is accepted for this machine only.
    pub base_url: String,
    /// As whom GitHub is asked.
    pub identity: Identity,
    /// What the text of tickets passes before anyone sees it.
    pub redactor: Redactor,
    /// How fast the agent may write.
    pub pace: Pace,
    /// Until the connection stands.
    pub connect: Duration,
    /// Until the answer is there, connecting included.
    pub answer: Duration,
}

impl Options {
    /// GitHub's own API, at its pace.
    pub fn new(token: SecretString, redactor: Redactor) -> Self {
        Self::asking_as(Identity::Token(token), redactor)
    }

    /// The same, as a token or as an App.
    pub fn asking_as(identity: Identity, redactor: Redactor) -> Self {
        Self {
            base_url: PUBLIC_API.to_owned(),
            identity,
            redactor,
            pace: Pace::default(),
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(30),
        }
    }
}
