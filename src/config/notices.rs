//! `[notices.*]`: channels that tell people what happened, outside of tickets.

use crate::config::value::{is_web_address, optional_duration};
use crate::core::ids::{ChannelName, SystemName};
use crate::core::notice::NoticeEvent;
use crate::core::notice::quiet::QuietHours;
use crate::core::notice::routing::ChannelRules;
use crate::library::schema::DurationText;
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;
use std::time::Duration;
use url::Url;

/// One channel. Which keys it needs depends on its kind.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoticeEntry {
    /// What it is.
    pub kind: ChannelKind,
    /// The events that it is told; what needs a person, by default.
    #[serde(default)]
    pub events: Option<Vec<NoticeEvent>>,
    /// Of these, those that wait neither for the end of quiet hours nor for a digest.
    #[serde(default)]
    pub urgent: Vec<NoticeEvent>,
    /// The systems that it is for; all, by default.
    #[serde(default)]
    pub systems: Vec<SystemName>,
    /// Hours without notices, such as `22:00-07:00 Europe/Berlin`; the zone of `[sweep]` by default.
    #[serde(default)]
    pub quiet: Option<String>,
    /// Notices are collected for so long, and sent as one message.
    #[serde(default, deserialize_with = "optional_duration")]
    #[schemars(with = "Option<DurationText>")]
    pub digest: Option<Duration>,
    /// The server's address: the home server of Matrix; that of ntfy or Telegram, if it is another than the public one.
    #[serde(default)]
    pub url: Option<Url>,
    /// The variable with the address, where the address is a secret.
    #[serde(default)]
    pub url_env: Option<String>,
    /// The variable with a token.
    #[serde(default)]
    pub token_env: Option<String>,
    /// The variable with the secret that signs.
    #[serde(default)]
    pub secret_env: Option<String>,
    /// The id of a Matrix room.
    #[serde(default)]
    pub room: Option<String>,
    /// The topic of ntfy.
    #[serde(default)]
    pub topic: Option<String>,
    /// The variable with the topic of ntfy, where whoever knows it can read it.
    #[serde(default)]
    pub topic_env: Option<String>,
    /// The number of a Telegram chat, or `@name`.
    #[serde(default)]
    pub chat: Option<String>,
    /// The mail server, such as `mail.example.org:587`.
    #[serde(default)]
    pub server: Option<String>,
    /// How the connection to the mail server is protected; `starttls` by default.
    #[serde(default)]
    pub tls: Option<MailTlsEntry>,
    /// The user of the mail server; no login by default.
    #[serde(default)]
    pub user: Option<String>,
    /// The variable with the user's password.
    #[serde(default)]
    pub password_env: Option<String>,
    /// The sender of mails.
    #[serde(default)]
    pub from: Option<String>,
    /// The recipients of mails.
    #[serde(default)]
    pub to: Vec<String>,
}

/// The kinds of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    /// A webhook of Slack, or one that takes the same.
    Slack,
    /// A workflow of Microsoft Teams.
    Teams,
    /// A room of Matrix.
    Matrix,
    /// A topic of ntfy.
    Ntfy,
    /// A chat of Telegram.
    Telegram,
    /// E-mail.
    Email,
    /// A signed webhook.
    Webhook,
}

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailTlsEntry {
    /// From the beginning.
    Tls,
    /// By STARTTLS, and not without it.
    #[default]
    StartTls,
    /// Not at all; on this machine only.
    None,
}

impl fmt::Display for ChannelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChannelKind::Slack => "slack",
            ChannelKind::Teams => "teams",
            ChannelKind::Matrix => "matrix",
            ChannelKind::Ntfy => "ntfy",
            ChannelKind::Telegram => "telegram",
            ChannelKind::Email => "email",
            ChannelKind::Webhook => "webhook",
        })
    }
}

impl ChannelKind {
    /// The keys that it needs, and those that it may have. Of keys with a `|` between them, one.
    fn keys(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            ChannelKind::Slack | ChannelKind::Teams => (&["url_env"], &[]),
            ChannelKind::Matrix => (&["url", "room", "token_env"], &[]),
            ChannelKind::Ntfy => (&["topic|topic_env"], &["url", "token_env"]),
            ChannelKind::Telegram => (&["chat", "token_env"], &["url"]),
            ChannelKind::Email => (&["server", "from", "to"], &["tls", "user", "password_env"]),
            ChannelKind::Webhook => (&["url|url_env", "secret_env"], &[]),
        }
    }
}

impl NoticeEntry {
    /// The variables that hold secrets.
    pub fn variables(&self) -> impl Iterator<Item = &String> {
        let all = [&self.url_env, &self.token_env, &self.secret_env, &self.topic_env, &self.password_env];
        all.into_iter().flatten()
    }

    /// What it takes, and when. `zone` holds where `quiet` names none. A value that cannot be read counts as missing; it
    /// is one of the problems of the configuration.
    pub fn rules(&self, zone: &str) -> ChannelRules {
        let events: &[NoticeEvent] = self.events.as_deref().unwrap_or(NoticeEvent::USUAL);
        ChannelRules {
            events: events.iter().copied().collect(),
            urgent: self.urgent.iter().copied().collect(),
            systems: self.systems.iter().cloned().collect(),
            quiet: self.quiet.as_ref().and_then(|quiet| QuietHours::parse(quiet, zone).ok()),
            digest: self.digest.and_then(|digest| TimeDelta::from_std(digest).ok()),
        }
    }

    /// The host and the port of the mail server.
    pub fn mail_server(&self) -> Option<(String, u16)> {
        let server = self.server.as_deref()?;
        let usual = match self.tls.unwrap_or_default() {
            MailTlsEntry::Tls => 465,
            MailTlsEntry::StartTls => 587,
            MailTlsEntry::None => 25,
        };
        let (host, port) = match server.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (server, usual),
        };
        let is_host =
            !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
        is_host.then(|| (host.to_owned(), port))
    }

    /// The keys that only some kinds take, and whether they are set.
    fn keys(&self) -> [(&'static str, bool); 14] {
        [
            ("url", self.url.is_some()),
            ("url_env", self.url_env.is_some()),
            ("token_env", self.token_env.is_some()),
            ("secret_env", self.secret_env.is_some()),
            ("room", self.room.is_some()),
            ("topic", self.topic.is_some()),
            ("topic_env", self.topic_env.is_some()),
            ("chat", self.chat.is_some()),
            ("server", self.server.is_some()),
            ("tls", self.tls.is_some()),
            ("user", self.user.is_some()),
            ("password_env", self.password_env.is_some()),
            ("from", self.from.is_some()),
            ("to", !self.to.is_empty()),
        ]
    }

    pub(super) fn problems(&self, name: &ChannelName, zone: &str) -> Vec<String> {
        let set: Vec<&str> =
            self.keys().into_iter().filter_map(|(key, is_set)| is_set.then_some(key)).collect();
        let section = format!("[notices.{name}]");
        let mut problems = Vec::new();
        let (needed, allowed) = self.kind.keys();
        for keys in needed {
            match keys.split('|').filter(|key| set.contains(key)).count() {
                0 => problems.push(format!(
                    "{section} needs {}, because its kind is {}",
                    keys.replace('|', " or "),
                    self.kind
                )),
                1 => {}
                _ => problems.push(format!("{section} has {}: leave one out", keys.replace('|', " and "))),
            }
        }
        let is_known = |key: &str| {
            allowed.contains(&key) || needed.iter().any(|keys| keys.split('|').any(|known| known == key))
        };
        for key in set.iter().filter(|key| !is_known(key)) {
            problems.push(format!("{section} {key} means nothing to the kind {}", self.kind));
        }
        if let Some(url) = &self.url {
            if !is_web_address(url) {
                problems.push(format!("{section} url is not the address of a web server"));
            }
            if !url.username().is_empty() || url.password().is_some() {
                problems.push(format!("{section} url contains a login, which does not belong in this file"));
            }
        }
        if self.user.is_some() != self.password_env.is_some() {
            problems.push(format!("{section} user and password_env belong together"));
        }
        if self.server.is_some() && self.mail_server().is_none() {
            problems.push(format!("{section} server is no name of a server; write mail.example.org:587"));
        }
        for address in self.from.iter().chain(&self.to).filter(|address| !address.contains('@')) {
            problems.push(format!("{section}: `{address}` is not an e-mail address"));
        }
        if let Some(Err(error)) = self.quiet.as_ref().map(|quiet| QuietHours::parse(quiet, zone)) {
            problems.push(format!("{section} quiet: {error}"));
        }
        let is_digest = |digest: &Duration| (60..=7 * 24 * 3600).contains(&digest.as_secs());
        if self.digest.is_some_and(|digest| !is_digest(&digest)) {
            problems.push(format!("{section} digest must be 1m to 7d"));
        }
        let events = self.events.as_deref().unwrap_or(NoticeEvent::USUAL);
        if events.is_empty() {
            problems.push(format!("{section} events is empty: it would be told nothing"));
        }
        for event in self.urgent.iter().filter(|event| !events.contains(event)) {
            problems.push(format!("{section} urgent: {event} is not among its events"));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> NoticeEntry {
        toml::from_str(text).unwrap()
    }

    fn problems(text: &str) -> Vec<String> {
        entry(text).problems(&ChannelName::new("ops").unwrap(), "UTC")
    }

    #[test]
    fn each_kind_has_its_keys() {
        for good in [
            "kind = \"slack\"\nurl_env = \"A\"",
            "kind = \"teams\"\nurl_env = \"A\"",
            "kind = \"matrix\"\nurl = \"https://matrix.example.org\"\nroom = \"!a:example.org\"\ntoken_env = \"A\"",
            "kind = \"ntfy\"\ntopic = \"ops\"",
            "kind = \"ntfy\"\ntopic_env = \"A\"\nurl = \"https://ntfy.example.org\"\ntoken_env = \"B\"",
            "kind = \"telegram\"\nchat = \"-100\"\ntoken_env = \"A\"",
            "kind = \"webhook\"\nurl = \"https://example.org/in\"\nsecret_env = \"A\"",
            "kind = \"email\"\nserver = \"mail.example.org\"\nfrom = \"a@example.org\"\nto = [\"b@example.org\"]",
        ] {
            assert_eq!(problems(good), [] as [String; 0], "{good}");
        }
        for (bad, expect) in [
            ("kind = \"slack\"", "needs url_env, because its kind is slack"),
            ("kind = \"ntfy\"", "needs topic or topic_env"),
            ("kind = \"ntfy\"\ntopic = \"a\"\ntopic_env = \"B\"", "has topic and topic_env: leave one out"),
            ("kind = \"slack\"\nurl_env = \"A\"\nroom = \"r\"", "room means nothing to the kind slack"),
            (
                "kind = \"ntfy\"\ntopic = \"a\"\nurl = \"ftp://example.org\"",
                "not the address of a web server",
            ),
            ("kind = \"ntfy\"\ntopic = \"a\"\nurl = \"https://u:p@example.org\"", "contains a login"),
            ("kind = \"ntfy\"\ntopic = \"a\"\nquiet = \"night\"", "no time of quiet"),
            ("kind = \"ntfy\"\ntopic = \"a\"\nquiet = \"22:00-07:00 Moon\"", "no time zone `Moon`"),
            ("kind = \"ntfy\"\ntopic = \"a\"\ndigest = \"5s\"", "digest must be 1m to 7d"),
            ("kind = \"ntfy\"\ntopic = \"a\"\nevents = []", "events is empty"),
            ("kind = \"ntfy\"\ntopic = \"a\"\nurgent = [\"resolved\"]", "resolved is not among its events"),
            (
                "kind = \"email\"\nserver = \"mail example\"\nfrom = \"a@example.org\"\nto = [\"b@example.org\"]",
                "no name of a server",
            ),
            (
                "kind = \"email\"\nserver = \"mail\"\nfrom = \"a\"\nto = [\"b@example.org\"]\nuser = \"u\"",
                "belong together",
            ),
        ] {
            let found = problems(bad).join("\n");
            assert!(found.contains(expect), "{bad}: {expect:?} is not in {found:?}");
        }
        let unknown = toml::from_str::<NoticeEntry>("kind = \"ntfy\"\ntopic = \"a\"\nevents = [\"all\"]");
        assert!(unknown.unwrap_err().to_string().contains("unknown variant `all`"));
    }

    #[test]
    fn the_port_of_a_mail_server_follows_from_its_protection() {
        let base = "kind = \"email\"\nfrom = \"a@example.org\"\nto = [\"b@example.org\"]\nserver = ";
        for (rest, expect) in [
            ("\"mail.example.org\"", Some(("mail.example.org", 587))),
            ("\"mail.example.org\"\ntls = \"tls\"", Some(("mail.example.org", 465))),
            ("\"127.0.0.1\"\ntls = \"none\"", Some(("127.0.0.1", 25))),
            ("\"mail.example.org:2525\"", Some(("mail.example.org", 2525))),
            ("\"mail.example.org:x\"", None),
        ] {
            let server = entry(&format!("{base}{rest}")).mail_server();
            assert_eq!(server, expect.map(|(host, port)| (host.to_owned(), port)), "{rest}");
        }
    }
}
