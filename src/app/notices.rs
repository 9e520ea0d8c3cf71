//! The channels of a configuration, and what `serve` does for them: it looks for notices, and sends them.

use crate::app::reachability::Reachability;
use crate::app::secrets::secret;
use crate::clock::SystemClock;
use crate::config::{ChannelKind, Config, MailTlsEntry, NoticeEntry, is_web_address};
use crate::core::ids::ChannelName;
use crate::core::notice::routing::ChannelRules;
use crate::core::notice::watch::{Standing, Subject};
use crate::engine::{Context, Courier, NoticeCollector, Shutdown};
use crate::http_client::{HttpClient, HttpError};
use crate::notices::{Email, EmailOptions, MailTls, Matrix, Ntfy, Post, Slack, Teams, Telegram, Webhook};
use crate::ports::{NoticeChannel, SendError};
use crate::web::{CheckResult, ReadinessCheck};
use miette::Diagnostic;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use url::Url;

/// How often the journal is looked through for notices.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How often it is asked whether the daemon is ready.
const READINESS_EVERY: Duration = Duration::from_secs(60);

const PUBLIC_NTFY: &str = "https://ntfy.sh";
const PUBLIC_TELEGRAM: &str = "https://api.telegram.org";

/// Why a channel cannot be used.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ChannelError {
    /// A variable with a secret is not set or is blank.
    #[error("a secret of [notices.{channel}] is missing: environment variable {variable} is not set")]
    #[diagnostic(help("set {variable}, or remove the section if nobody is to be told there"))]
    NoSecret {
        /// The channel.
        channel: ChannelName,
        /// The name of the variable.
        variable: String,
    },
    /// The value of a variable is not the address of a web server. It is not shown, because it may be a secret.
    #[error("the address of [notices.{channel}] in {variable} is not one of a web server")]
    #[diagnostic(help("it begins with https://; copy it again from where the channel was made"))]
    BadAddress {
        /// The channel.
        channel: ChannelName,
        /// The name of the variable.
        variable: String,
    },
    /// A key is missing, which the check of the configuration has told.
    #[error("[notices.{channel}] is not complete")]
    Incomplete {
        /// The channel.
        channel: ChannelName,
    },
    /// What the channel needs of this machine is not there.
    #[error("[notices.{channel}]: {error}")]
    Setup {
        /// The channel.
        channel: ChannelName,
        /// What is wrong.
        error: SendError,
    },
    /// No client for HTTP can be made.
    #[error("notices cannot be sent: {0}")]
    #[diagnostic(help(
        "install the certificates of the authorities, such as Debian's package ca-certificates"
    ))]
    Client(#[from] HttpError),
}

/// The channels of a configuration. Nobody is asked yet. It must be called inside a Tokio runtime.
///
/// # Errors
/// [`ChannelError`] of the first channel that cannot be used.
pub fn notice_channels(
    config: &Config,
) -> Result<BTreeMap<ChannelName, Arc<dyn NoticeChannel>>, ChannelError> {
    if config.notices.is_empty() {
        return Ok(BTreeMap::new());
    }
    let post = Post::new(HttpClient::new()?, Arc::new(SystemClock));
    let mut channels = BTreeMap::new();
    for (name, entry) in &config.notices {
        channels.insert(name.clone(), Setup { name, entry }.channel(post.clone())?);
    }
    Ok(channels)
}

/// One section, being turned into a channel.
struct Setup<'a> {
    name: &'a ChannelName,
    entry: &'a NoticeEntry,
}

impl Setup<'_> {
    fn channel(&self, post: Post) -> Result<Arc<dyn NoticeChannel>, ChannelError> {
        let entry = self.entry;
        Ok(match entry.kind {
            ChannelKind::Slack => Arc::new(Slack::new(post, self.url("")?)),
            ChannelKind::Teams => Arc::new(Teams::new(post, self.url("")?)),
            ChannelKind::Matrix => {
                let token = self.secret(entry.token_env.as_ref())?;
                Arc::new(Matrix::new(post, self.url("")?, self.required(entry.room.as_ref())?, token))
            }
            ChannelKind::Ntfy => {
                let topic = match &entry.topic {
                    Some(topic) => topic.as_str().into(),
                    None => self.secret(entry.topic_env.as_ref())?,
                };
                let token = entry.token_env.as_ref().map(|variable| self.secret(Some(variable)));
                Arc::new(Ntfy::new(post, self.url(PUBLIC_NTFY)?, topic, token.transpose()?))
            }
            ChannelKind::Telegram => {
                let token = self.secret(entry.token_env.as_ref())?;
                let chat = self.required(entry.chat.as_ref())?;
                Arc::new(Telegram::new(post, self.url(PUBLIC_TELEGRAM)?, chat, token))
            }
            ChannelKind::Webhook => {
                Arc::new(Webhook::new(post, self.url("")?, self.secret(entry.secret_env.as_ref())?))
            }
            ChannelKind::Email => {
                let email = Email::new(&self.mail()?);
                Arc::new(email.map_err(|error| ChannelError::Setup { channel: self.name.clone(), error })?)
            }
        })
    }

    fn mail(&self) -> Result<EmailOptions, ChannelError> {
        let entry = self.entry;
        let (host, port) = entry.mail_server().ok_or_else(|| self.incomplete())?;
        let login = match &entry.user {
            Some(user) => Some((user.clone(), self.secret(entry.password_env.as_ref())?)),
            None => None,
        };
        let tls = match entry.tls.unwrap_or_default() {
            MailTlsEntry::Tls => MailTls::Implicit,
            MailTlsEntry::StartTls => MailTls::StartTls,
            MailTlsEntry::None => MailTls::Off,
        };
        let from = self.required(entry.from.as_ref())?;
        Ok(EmailOptions { host, port, tls, login, from, to: entry.to.clone() })
    }

    /// The address in the section or in its variable, or this one.
    fn url(&self, usual: &str) -> Result<Url, ChannelError> {
        if let Some(url) = &self.entry.url {
            return Ok(url.clone());
        }
        let Some(variable) = &self.entry.url_env else {
            return Url::parse(usual).map_err(|_| self.incomplete());
        };
        let url = Url::parse(self.secret(Some(variable))?.expose_secret()).ok();
        let url = url.filter(is_web_address);
        let bad = || ChannelError::BadAddress { channel: self.name.clone(), variable: variable.clone() };
        url.ok_or_else(bad)
    }

    fn secret(&self, variable: Option<&String>) -> Result<SecretString, ChannelError> {
        let variable = variable.ok_or_else(|| self.incomplete())?;
        secret(variable)
            .ok_or_else(|| ChannelError::NoSecret { channel: self.name.clone(), variable: variable.clone() })
    }

    fn required(&self, value: Option<&String>) -> Result<String, ChannelError> {
        value.cloned().ok_or_else(|| self.incomplete())
    }

    fn incomplete(&self) -> ChannelError {
        ChannelError::Incomplete { channel: self.name.clone() }
    }
}

/// What each channel takes, and when.
pub fn notice_rules(config: &Config) -> BTreeMap<ChannelName, ChannelRules> {
    let zone = &config.sweep.timezone;
    config.notices.iter().map(|(name, entry)| (name.clone(), entry.rules(zone))).collect()
}

/// Everything that works for the notices of a process.
pub(super) struct Telling {
    pub context: Context,
    pub rules: BTreeMap<ChannelName, ChannelRules>,
    pub channels: BTreeMap<ChannelName, Arc<dyn NoticeChannel>>,
    pub reachability: Arc<Reachability>,
    pub readiness: Arc<dyn ReadinessCheck>,
}

impl Telling {
    /// Starts a task for each channel, and one that looks for notices. Without a channel nothing is started.
    pub(super) fn start(self, tasks: &mut JoinSet<()>, stop: &Shutdown) {
        if self.channels.is_empty() {
            return;
        }
        for (name, channel) in self.channels {
            let courier = Courier::new(self.context.clone(), name, channel);
            tasks.spawn(courier.run(stop.clone()));
        }
        let collector = NoticeCollector::new(self.context, Arc::new(self.rules));
        tasks.spawn(look(collector, self.reachability, self.readiness, stop.clone()));
    }
}

/// Looks again and again, until the shutdown is requested.
async fn look(
    mut collector: NoticeCollector,
    reachability: Arc<Reachability>,
    readiness: Arc<dyn ReadinessCheck>,
    stop: Shutdown,
) {
    let mut next_check = Instant::now() + READINESS_EVERY;
    let mut is_failing = false;
    while !stop.is_requested() {
        let mut standings = reachability.standings();
        if next_check <= Instant::now() {
            next_check = Instant::now() + READINESS_EVERY;
            standings.insert(Subject::Daemon, of_daemon(&readiness.run().await));
        }
        let looked = async {
            collector.look_at_cases().await?;
            collector.look_at(&standings).await
        };
        match looked.await {
            Ok(()) => is_failing = false,
            Err(error) if !is_failing => {
                is_failing = true;
                tracing::warn!(%error, "the journal cannot be looked through for notices; trying again");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.requested() => {}
        }
    }
}

fn of_daemon(checks: &[CheckResult]) -> Standing {
    let failed: Vec<&CheckResult> = checks.iter().filter(|check| !check.ok).collect();
    Standing { is_troubled: !failed.is_empty(), systems: Vec::new(), about: json!({ "checks": failed }) }
}
