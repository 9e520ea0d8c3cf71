//! The configuration: one TOML file, checked as a whole before anything starts.

#![expect(clippy::disallowed_methods, reason = "finds and reads the configuration file")]

pub mod migrate;
mod policy;
mod roles;

pub use crate::config::policy::{BreakerEntry, ChangeFreezeEntry, GroupEntry, LimitsEntry, PolicyEntry};
pub use crate::config::roles::{RolesEntry, Who};

use crate::core::chatops::access::AccessPolicy;
use crate::core::ids::{HostName, ParamName, Role, SystemName, SystemTypeName};
use crate::core::playbook::Library;
use crate::core::playbook::inventory::{Group, Inventory, System};
use crate::core::policy::permit::{Mode, Policy};
use crate::core::policy::schedule;
use crate::core::policy::schedule::{Schedule, ScheduleError};
use crate::core::ticket::Repo;
use crate::store::Address;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything that `fieldmedic.toml` may say. `fieldmedic.example.toml` explains each entry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub github: GitHubEntry,
    #[serde(default)]
    pub webhook: Option<WebhookEntry>,
    #[serde(default)]
    pub sweep: SweepEntry,
    #[serde(default)]
    pub escalation: EscalationEntry,
    #[serde(default)]
    pub store: StoreEntry,
    #[serde(default)]
    pub policy: PolicyEntry,
    #[serde(default)]
    pub roles: RolesEntry,
    #[serde(default)]
    pub redact: RedactEntry,
    #[serde(default)]
    pub hosts: BTreeMap<HostName, HostEntry>,
    #[serde(default)]
    pub groups: BTreeMap<HostName, GroupEntry>,
    #[serde(default)]
    pub systems: BTreeMap<SystemName, SystemEntry>,
    /// A folder of playbooks in place of the built-in ones.
    #[serde(default)]
    pub playbooks: Option<PathBuf>,
    /// A folder of prompts that take the place of the built-in ones of the same name.
    #[serde(default)]
    pub prompts: Option<PathBuf>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitHubEntry {
    pub repos: Vec<Repo>,
    #[serde(default = "default_label")]
    pub label: String,
    #[serde(default = "default_command")]
    pub command: String,
    #[serde(default)]
    pub on_call: Vec<String>,
    #[serde(default = "default_base_url")]
    pub base_url: String,
    /// The environment variable that holds the token.
    #[serde(default = "default_token_env")]
    pub token_env: String,
    /// A GitHub App in place of a token: its number, and where its private key is.
    #[serde(default)]
    pub app_id: Option<u64>,
    #[serde(default)]
    pub private_key: Option<PathBuf>,
    /// The environment variable that holds the private key.
    #[serde(default)]
    pub private_key_env: Option<String>,
    /// How often `serve` asks for what a webhook may have missed.
    #[serde(default = "default_poll_interval", deserialize_with = "duration")]
    pub poll_interval: Duration,
    /// The time between two writes, after a few that may go at once.
    #[serde(default = "default_write_interval", deserialize_with = "duration")]
    pub write_interval: Duration,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookEntry {
    pub listen: SocketAddr,
    /// The environment variable that holds the secret.
    #[serde(default = "default_secret_env")]
    pub secret_env: String,
    /// The one that holds the secret before it, until GitHub signs with the new one only.
    #[serde(default)]
    pub previous_secret_env: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SweepEntry {
    /// A time, or a cron expression.
    pub tickets: String,
    pub systems: String,
    /// By whose clocks the expressions go.
    pub timezone: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EscalationEntry {
    /// When people are reminded of a ticket that nobody has taken; `None` reminds nobody.
    #[serde(deserialize_with = "duration_or_never")]
    pub remind_after: Option<Duration>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreEntry {
    /// An SQLite file.
    pub path: Option<PathBuf>,
    /// A PostgreSQL database, by a URL without a password.
    pub url: Option<String>,
    /// The environment variable that holds such a URL, with its password.
    pub url_env: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RedactEntry {
    pub patterns: Vec<String>,
}

/// How a host is reached: `local = true`, or an address.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostEntry {
    #[serde(default)]
    pub local: bool,
    #[serde(default)]
    pub address: Option<String>,
    #[serde(default = "default_port")]
    pub port: u16,
    #[serde(default)]
    pub user: Option<String>,
    /// Without a key, the SSH agent is asked.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// Another key for changes, so that the host itself can tell them from probes.
    #[serde(default)]
    pub change_key: Option<PathBuf>,
    #[serde(default = "default_known_hosts")]
    pub known_hosts: PathBuf,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemEntry {
    /// The kind, as the playbooks name it; the system's own name where it is missing.
    #[serde(default)]
    pub system_type: Option<SystemTypeName>,
    pub hosts: BTreeMap<Role, HostName>,
    #[serde(default)]
    pub params: BTreeMap<ParamName, Value>,
    #[serde(default)]
    pub aliases: Vec<String>,
    #[serde(default)]
    pub mode: Option<Mode>,
}

impl Default for SweepEntry {
    fn default() -> Self {
        Self { tickets: "5m".into(), systems: "15m".into(), timezone: "UTC".into() }
    }
}

impl SweepEntry {
    /// # Errors
    /// [`BadRhythm`] if an entry cannot be read.
    pub fn tickets(&self) -> Result<Schedule, ScheduleError> {
        Schedule::parse(&self.tickets, &self.timezone)
    }

    /// # Errors
    /// [`BadRhythm`] if an entry cannot be read.
    pub fn systems(&self) -> Result<Schedule, ScheduleError> {
        Schedule::parse(&self.systems, &self.timezone)
    }
}

impl Default for EscalationEntry {
    fn default() -> Self {
        Self { remind_after: Some(Duration::from_secs(4 * 3600)) }
    }
}

fn default_label() -> String {
    "support".into()
}
fn default_command() -> String {
    "/qfield:support".into()
}
fn default_base_url() -> String {
    "https://api.github.com".into()
}
fn default_token_env() -> String {
    "FIELDMEDIC_GITHUB_TOKEN".into()
}
fn default_secret_env() -> String {
    "FIELDMEDIC_WEBHOOK_SECRET".into()
}
fn default_poll_interval() -> Duration {
    Duration::from_secs(60)
}
fn default_write_interval() -> Duration {
    Duration::from_secs(1)
}
fn default_port() -> u16 {
    22
}
fn default_known_hosts() -> PathBuf {
    "~/.ssh/known_hosts".into()
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map_err(|_| serde::de::Error::custom(format!("`{text}` is not a time; write 30s, 5m or 1h")))
}

fn duration_or_never<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == "never" {
        return Ok(None);
    }
    let wrong = |_| serde::de::Error::custom(format!("`{text}` is not a time; write 30m, 4h or never"));
    humantime::parse_duration(&text).map(Some).map_err(wrong)
}

fn optional_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

/// Why there is no configuration to work with; every problem at once.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ConfigError {
    #[error("there is no configuration at {}", path.display())]
    #[diagnostic(help(
        "copy fieldmedic.example.toml there and fill it in, or name another file with --config"
    ))]
    Missing { path: PathBuf },
    #[error("cannot read {}: {error}", path.display())]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("{} is not a valid configuration\n\n{problem}", path.display())]
    #[diagnostic(help("fieldmedic.example.toml shows every entry"))]
    Malformed { path: PathBuf, problem: String },
    #[error("{}: {problems}", path.display())]
    Wrong { path: PathBuf, problems: ConfigProblems },
}

/// Entries that are well-formed and wrong.
#[derive(Debug)]
pub struct ConfigProblems(Vec<String>);

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for wrong in &self.0 {
            write!(f, "\n  - {wrong}")?;
        }
        Ok(())
    }
}

/// What the names begin with under which whole groups are held, beside those of hosts.
const GROUP: &str = "group.";

/// Where a configuration is looked for when nobody names one, first to last.
pub fn search_paths() -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let in_home = home.map(|home| home.join(".config/fieldmedic/fieldmedic.toml"));
    let local = PathBuf::from("fieldmedic.toml");
    [Some(local), in_home, Some(PathBuf::from("/etc/fieldmedic/fieldmedic.toml"))]
        .into_iter()
        .flatten()
        .collect()
}

impl Config {
    /// Reads and checks a file. Relative paths in it are relative to the file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ConfigError::Missing { path: path.to_owned() });
            }
            Err(error) => return Err(ConfigError::Unreadable { path: path.to_owned(), error }),
        };
        let mut config: Config = toml::from_str(&text)
            .map_err(|error| ConfigError::Malformed { path: path.to_owned(), problem: error.to_string() })?;
        let base = path.parent().unwrap_or(Path::new(""));
        config.place_paths(base);
        let wrong = config.wrongs();
        if wrong.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Wrong { path: path.to_owned(), problems: ConfigProblems(wrong) })
        }
    }

    fn place_paths(&mut self, base: &Path) {
        let StoreEntry { path, url, url_env } = &mut self.store;
        if url.is_none() && url_env.is_none() {
            path.get_or_insert_with(|| PathBuf::from("fieldmedic.db"));
        }
        let hosts = self
            .hosts
            .values_mut()
            .flat_map(|host| [host.key.as_mut(), host.change_key.as_mut(), Some(&mut host.known_hosts)]);
        let own = [
            self.playbooks.as_mut(),
            self.prompts.as_mut(),
            self.store.path.as_mut(),
            self.github.private_key.as_mut(),
        ];
        for path in hosts.chain(own).flatten() {
            *path = placed(path, base);
        }
    }

    /// What can be told without the playbooks.
    fn wrongs(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.github.repos.is_empty() {
            wrong.push("[github] repos is empty: name the repository that people file tickets in".into());
        }
        if !self.github.command.starts_with('/') {
            wrong.push(format!(
                "[github] command is `{}`: a slash command begins with `/`",
                self.github.command
            ));
        }
        wrong.extend(self.github.wrongs());
        wrong.extend(self.store.wrongs());
        let remind_after = self.escalation.remind_after.unwrap_or(schedule::SHORTEST);
        for (entry, every) in
            [("[github] poll", self.github.poll_interval), ("[escalation] remind_after", remind_after)]
        {
            if every < schedule::SHORTEST {
                wrong.push(format!("{entry}: {}", ScheduleError::TooShort));
            }
        }
        for (entry, rhythm) in
            [("[sweep] tickets", self.sweep.tickets()), ("[sweep] systems", self.sweep.systems())]
        {
            wrong.extend(rhythm.err().map(|error| format!("{entry}: {error}")));
        }
        for (name, host) in &self.hosts {
            if name.as_str().starts_with(GROUP) {
                wrong.push(format!(
                    "[hosts.{name}] begins with `{GROUP}`, which is kept for groups: rename it"
                ));
            }
            match (&host.local, &host.address) {
                (true, Some(_)) => {
                    wrong.push(format!("[hosts.{name}] is local and has an address: keep one of them"))
                }
                (false, None) => wrong.push(format!("[hosts.{name}] needs an address, or local = true")),
                (false, Some(_)) if host.user.is_none() => {
                    wrong.push(format!("[hosts.{name}] needs a user to log in as"))
                }
                _ => {}
            }
        }
        for (name, group) in &self.groups {
            for host in group.hosts.iter().filter(|host| !self.hosts.contains_key(*host)) {
                wrong.push(format!("[groups.{name}] hosts: there is no [hosts.{host}]"));
            }
            if !(1..=100).contains(&group.max_percent) {
                wrong.push(format!("[groups.{name}] share is {}: it is 1 to 100 percent", group.max_percent));
            }
        }
        wrong.extend(self.roles.wrongs());
        for freeze in &self.policy.change_freeze {
            if let Err(why) = freeze.read() {
                wrong.push(format!("[[policy.freeze]] \"{}\": {why}", freeze.reason));
            }
        }
        for (name, system) in &self.systems {
            for (role, host) in &system.hosts {
                if !self.hosts.contains_key(host) {
                    wrong.push(format!("[systems.{name}] {role} = \"{host}\": there is no [hosts.{host}]"));
                }
            }
        }
        for pattern in &self.redact.patterns {
            if let Err(error) = regex::Regex::new(pattern) {
                wrong.push(format!("[redact] patterns: {error}"));
            }
        }
        wrong
    }

    /// The systems and hosts, checked against the playbooks.
    ///
    /// # Errors
    /// Every kind that has no playbooks, and every parameter that is unknown or of a wrong type.
    pub fn inventory(&self, library: &Library, path: &Path) -> Result<Inventory, ConfigError> {
        let mut wrong = Vec::new();
        let mut systems = BTreeMap::new();
        for (name, entry) in &self.systems {
            let kind = entry.system_type.clone().or_else(|| SystemTypeName::new(name.as_str()).ok());
            let Some((kind, system)) = kind.as_ref().and_then(|kind| library.systems.get_key_value(kind))
            else {
                let known: Vec<&str> = library.systems.keys().map(SystemTypeName::as_str).collect();
                let kind = kind.map_or_else(|| name.to_string(), |kind| kind.to_string());
                wrong.push(format!(
                    "[systems.{name}] there are no playbooks for `{kind}`; there are for: {}",
                    known.join(", ")
                ));
                continue;
            };
            let mut params = BTreeMap::new();
            for (param, value) in &entry.params {
                match system.params.get(param) {
                    Some(known) => match known.check(value) {
                        Ok(value) => {
                            params.insert(param.clone(), value);
                        }
                        Err(bad) => wrong.push(format!("[systems.{name}.params] {param}: {bad}")),
                    },
                    None => {
                        let known: Vec<&str> = system.params.keys().map(ParamName::as_str).collect();
                        wrong.push(format!(
                            "[systems.{name}.params] `{param}` is unknown; there is: {}",
                            known.join(", ")
                        ));
                    }
                }
            }
            for (param, known) in &system.params {
                if known.default.is_none() && !params.contains_key(param) {
                    wrong.push(format!("[systems.{name}.params] `{param}` is missing: {}", known.help));
                }
            }
            let mut hosts = entry.hosts.clone();
            if let Some(agent) = self.agent_host() {
                hosts.entry(Role::agent()).or_insert(agent);
            }
            let site = System {
                name: name.clone(),
                system_type: kind.clone(),
                hosts,
                params,
                aliases: entry.aliases.clone(),
                mode: entry.mode,
            };
            systems.insert(name.clone(), site);
        }
        if !wrong.is_empty() {
            return Err(ConfigError::Wrong { path: path.to_owned(), problems: ConfigProblems(wrong) });
        }
        let hosts: BTreeSet<HostName> = self.hosts.keys().cloned().collect();
        let groups = self.groups.iter().filter_map(|(name, group)| {
            let GroupEntry { hosts, max_percent: share, window } = group.clone();
            // A name that is too long with it was refused above.
            Some((HostName::new(format!("{GROUP}{name}")).ok()?, Group { hosts, max_percent: share, window }))
        });
        Ok(Inventory { systems, hosts, groups: groups.collect() })
    }

    /// The host that is the agent's own machine, for the role `agent`.
    fn agent_host(&self) -> Option<HostName> {
        self.hosts.iter().find(|(_, host)| host.local).map(|(name, _)| name.clone())
    }

    pub fn policy(&self) -> Policy {
        self.policy.read()
    }

    pub fn roles(&self) -> AccessPolicy {
        self.roles.read(&self.policy.approvers)
    }
}

impl GitHubEntry {
    fn wrongs(&self) -> Vec<String> {
        let wrong = match (self.app_id, &self.private_key, &self.private_key_env) {
            (Some(_), None, None) => {
                "[github] app_id needs the App's key: name its file by private_key, or a variable by private_key_env"
            }
            (None, Some(_), _) | (None, _, Some(_)) => {
                "[github] has a private key and no app_id: GitHub shows it on the App's settings page"
            }
            (_, Some(_), Some(_)) => "[github] has private_key and private_key_env: keep one of them",
            _ => return Vec::new(),
        };
        vec![wrong.to_owned()]
    }
}

impl StoreEntry {
    fn wrongs(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let named =
            [self.path.is_some(), self.url.is_some(), self.url_env.is_some()].into_iter().filter(|is| *is);
        if named.count() > 1 {
            wrong.push("[store] has several of path, url and url_env: keep one of them".into());
        }
        match self.url.as_deref().map(Address::parse) {
            Some(Err(error)) => wrong.push(format!("[store] url: {error}")),
            Some(Ok(address)) if !address.passwords().is_empty() => wrong.push(
                "[store] url holds a password, which is never written here: name an environment variable \
                 by url_env, or use PGPASSWORD or ~/.pgpass"
                    .into(),
            ),
            _ => {}
        }
        wrong
    }
}

/// `~/` is the home directory; other relative paths are relative to `base`.
fn placed(path: &Path, base: &Path) -> PathBuf {
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => base.join(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fieldmedic.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(&path)
    }

    #[test]
    fn problems_come_all_at_once_and_say_what_to_do() {
        let error = read(
            "[github]\nrepos = []\ncommand = \"support\"\n[hosts.a]\n[hosts.b]\naddress = \"203.0.113.5\"\n\
             [systems.qfieldcloud]\nhosts = { main = \"c\" }\n",
        )
        .unwrap_err()
        .to_string();
        for expect in [
            "repos is empty",
            "begins with `/`",
            "[hosts.a] needs an address",
            "[hosts.b] needs a user",
            "no [hosts.c]",
        ] {
            assert!(error.contains(expect), "{expect:?} is not in {error}");
        }
    }

    #[test]
    fn unknown_entries_are_refused_with_their_place() {
        let error = read("[github]\nrepos = [\"example/tickets\"]\nlable = \"x\"\n").unwrap_err().to_string();
        assert!(error.contains("lable") && error.contains("line 3"), "{error}");
    }

    #[test]
    fn an_app_has_a_number_and_one_key() {
        let github = |entries: &str| read(&format!("[github]\nrepos = [\"e/t\"]\n{entries}"));
        let key = github("app_id = 7\nprivate_key = \"app.pem\"").unwrap().github.private_key.unwrap();
        assert!(key.is_absolute() && key.ends_with("app.pem"));
        assert!(github("app_id = 7\nprivate_key_env = \"X\"").is_ok());
        for (entries, expect) in [
            ("app_id = 7", "needs the App's key"),
            ("private_key = \"app.pem\"", "no app_id"),
            ("private_key_env = \"X\"", "no app_id"),
            ("app_id = 7\nprivate_key = \"app.pem\"\nprivate_key_env = \"X\"", "keep one of them"),
        ] {
            let error = github(entries).unwrap_err().to_string();
            assert!(error.contains(expect), "{entries}: {error}");
        }
    }

    #[test]
    fn a_journal_has_one_place_and_no_password_in_the_file() {
        let store = |entries: &str| read(&format!("[github]\nrepos = [\"e/t\"]\n[store]\n{entries}"));
        let place = |entries: &str| {
            let StoreEntry { path, url, url_env } = store(entries).unwrap().store;
            (path.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned())), url, url_env)
        };
        assert_eq!(place(""), (Some("fieldmedic.db".into()), None, None));
        assert_eq!(place("path = \"x.db\""), (Some("x.db".into()), None, None));
        let url = "postgres://medic@db.example.org/fm?sslmode=verify-full";
        assert_eq!(place(&format!("url = \"{url}\"")), (None, Some(url.into()), None));
        assert_eq!(place("url_env = \"X\""), (None, None, Some("X".into())));
        for (entries, expect) in [
            ("path = \"x.db\"\nurl_env = \"X\"", "keep one of them"),
            ("url = \"postgres://medic:hunter2@db/fm\"", "url_env"),
            ("url = \"postgres:///fm?password=hunter2\"", "url_env"),
            ("url = \"medic:hunter2@db\"", "postgres://"),
        ] {
            let error = store(entries).unwrap_err().to_string();
            assert!(error.contains(expect) && !error.contains("hunter2"), "{entries}: {error}");
        }
    }

    #[test]
    fn people_are_reminded_unless_somebody_says_never() {
        let after = |entry: &str| {
            let config = read(&format!("[github]\nrepos = [\"e/t\"]\n{entry}")).unwrap();
            config.escalation.remind_after.map(|after| after.as_secs())
        };
        assert_eq!(after(""), Some(4 * 3600));
        assert_eq!(after("[escalation]\nremind_after = \"30m\""), Some(1800));
        assert_eq!(after("[escalation]\nremind_after = \"never\""), None);
    }

    #[test]
    fn a_small_configuration_is_careful() {
        let config = read("[github]\nrepos = [\"example/tickets\"]\n").unwrap();
        assert_eq!(config.policy().mode, Mode::Observe, "nothing is changed until the operator says `act`");
    }
}
