//! E-mail by SMTP.

use crate::core::text::format::with_causes;
use crate::notices::layout::{Plain, body, line};
use crate::ports::{ChannelCheck, Message, NoticeChannel, SendError};
use async_trait::async_trait;
use lettre::address::AddressError;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use std::error::Error;
use std::time::{Duration, SystemTime};

/// The longest body, in bytes.
const LIMIT: usize = 100_000;

/// For each answer of the server.
const TIMEOUT: Duration = Duration::from_secs(15);

/// For a whole message.
const WHOLE_TIMEOUT: Duration = Duration::from_secs(45);

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// From the beginning, usually on port 465.
    Implicit,
    /// It begins in plain text and must change to TLS, usually on port 587.
    StartTls,
    /// Not at all: for a relay on this machine.
    Off,
}

/// A mail server, and who writes to whom.
#[derive(Debug, Clone)]
pub struct EmailOptions {
    /// The name of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The protection.
    pub tls: MailTls,
    /// User and password, if the server wants a login.
    pub login: Option<(String, SecretString)>,
    /// The sender.
    pub from: String,
    /// The recipients; at least one.
    pub to: Vec<String>,
}

/// A mail server.
pub struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

/// Programs do not answer it, and leave it alone.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Email {
    /// A server. It is not asked yet. It must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// [`SendError::Misconfigured`]: an address is none, or no certificates can be read.
    pub fn new(options: &EmailOptions) -> Result<Self, SendError> {
        let mailbox = |address: &String| {
            address.parse().map_err(|error: AddressError| {
                SendError::Misconfigured(format!("`{address}` is not an e-mail address: {error}"))
            })
        };
        let tls = || {
            TlsParameters::new(options.host.clone())
                .map_err(|error| SendError::Misconfigured(with_causes(&error)))
        };
        let tls = match options.tls {
            MailTls::Implicit => Tls::Wrapper(tls()?),
            MailTls::StartTls => Tls::Required(tls()?),
            MailTls::Off => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&options.host)
            .port(options.port)
            .tls(tls)
            .timeout(Some(TIMEOUT));
        if let Some((user, password)) = &options.login {
            let password = password.expose_secret().to_owned();
            transport = transport.credentials(Credentials::new(user.clone(), password));
        }
        let to: Result<Vec<Mailbox>, SendError> = options.to.iter().map(mailbox).collect();
        Ok(Self { transport: transport.build(), from: mailbox(&options.from)?, to: to? })
    }

    /// A mail as it is sent. Its id is that of the message, so that a copy can be told.
    pub(super) fn mail(&self, message: &Message) -> Result<lettre::Message, SendError> {
        let domain = self.from.email.domain();
        let mut mail: MessageBuilder = lettre::Message::builder()
            .from(self.from.clone())
            .subject(line(&message.title))
            .date(SystemTime::from(message.at))
            .message_id(Some(format!("<{}@{domain}>", message.id)))
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            mail = mail.to(to.clone());
        }
        let text = format!("{}\n\n{}\n", line(&message.title), body(message, &Plain, LIMIT));
        mail.body(text).map_err(|error| SendError::Refused(error.to_string()))
    }
}

fn sorted(error: &lettre::transport::smtp::Error) -> SendError {
    let Some(code) = error.status() else {
        return SendError::Unavailable {
            why: format!("it cannot be reached: {}", with_causes(error)),
            retry_after: None,
        };
    };
    let why = format!("it answered with the code {code}");
    match u16::from(code) {
        // No login, or a wrong one; relaying is denied to this one.
        530 | 534 | 535 | 538 | 454 => {
            SendError::Misconfigured(format!("{why}; check user, password and tls"))
        }
        500.. => SendError::Refused(why),
        _ => SendError::Unavailable { why, retry_after: None },
    }
}

/// A server that answers each line just in time could hold a message for ever.
async fn within<T>(
    what: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
) -> Result<T, SendError> {
    match tokio::time::timeout(WHOLE_TIMEOUT, what).await {
        Ok(done) => done.map_err(|error| sorted(&error)),
        Err(_) => Err(SendError::Unavailable {
            why: format!("it did not take the mail within {} s", WHOLE_TIMEOUT.as_secs()),
            retry_after: None,
        }),
    }
}

#[async_trait]
impl NoticeChannel for Email {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let mail = self.mail(message)?;
        within(self.transport.send(mail)).await.map(|_| ())
    }

    async fn check(&self) -> Result<ChannelCheck, SendError> {
        match within(self.transport.test_connection()).await? {
            true => Ok(ChannelCheck::Answered),
            false => Err(SendError::Unavailable {
                why: "it broke the connection off".to_owned(),
                retry_after: None,
            }),
        }
    }
}
