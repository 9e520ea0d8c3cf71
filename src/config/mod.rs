//! The configuration: one TOML file, checked as a whole before anything starts.
//!
//! ```text
//! load.rs       from a file to a [`Config`]: old names, unknown keys
//! problem.rs    errors
//! github.rs, webhook.rs, monitor.rs, dashboard.rs, sweep.rs, reader.rs, store.rs, policy.rs, roles.rs, redact.rs, report.rs,
//! hosts.rs, systems.rs, schedules.rs, alerts.rs, notices.rs, heartbeat.rs, measurements.rs, operations_log.rs
//!               the sections with their defaults and checks
//! params.rs     values of parameters, against what playbooks accept
//! value.rs      values of several sections
//! migrate.rs    the table of renamed keys; rewrites a file
//! ```

#![expect(clippy::disallowed_methods, reason = "finds and reads the configuration file")]

mod alerts;
mod dashboard;
mod github;
mod heartbeat;
mod hosts;
mod load;
mod measurements;
pub mod migrate;
mod monitor;
mod notices;
mod operations_log;
mod params;
mod policy;
mod problem;
mod reader;
mod redact;
mod report;
mod roles;
mod schedules;
mod store;
mod sweep;
mod systems;
mod traces;
mod value;
mod webhook;

pub use crate::config::alerts::AlertEntry;
pub use crate::config::dashboard::DashboardEntry;
pub use crate::config::github::GitHubEntry;
pub use crate::config::heartbeat::HeartbeatEntry;
pub use crate::config::hosts::{HostEntry, SshConfigEntry};
pub use crate::config::measurements::MeasurementsEntry;
pub use crate::config::monitor::MonitorEntry;
pub use crate::config::notices::{ChannelKind, MailTlsEntry, NoticeEntry};
pub use crate::config::operations_log::OperationsLogEntry;
pub use crate::config::policy::{BreakerEntry, ChangeFreezeEntry, LimitsEntry, PolicyEntry};
pub use crate::config::problem::{ConfigError, ConfigProblems};
pub use crate::config::reader::ReaderEntry;
pub use crate::config::redact::RedactEntry;
pub use crate::config::report::ReportEntry;
pub use crate::config::roles::{RolesEntry, Who};
pub use crate::config::schedules::ScheduleEntry;
pub use crate::config::store::StoreEntry;
pub use crate::config::sweep::{ConfirmationEntry, EscalationEntry, SweepEntry};
pub use crate::config::systems::{GroupEntry, SystemEntry};
pub use crate::config::traces::TracesEntry;
pub use crate::config::value::is_web_address;
pub use crate::config::webhook::WebhookEntry;

use crate::config::load::Decoded;
use crate::config::migrate::Renamed;
use crate::config::store::MACHINE_FOLDER;
use crate::config::systems::GROUP_PREFIX;
use crate::config::value::resolve;
use crate::core::case::scheduled_run::ScheduledRun;
use crate::core::chatops::access::AccessPolicy;
use crate::core::ids::{AlertSourceName, ChannelName, HostName, ScheduleName, SystemName};
use crate::core::playbook::Library;
use crate::core::playbook::inventory::Inventory;
use crate::core::policy::confirmation::ConfirmationPolicy;
use crate::core::policy::permit::Policy;
use crate::core::policy::schedule;
use crate::core::policy::schedule::ScheduleError;
use crate::library::schema::schema_of;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The whole of `fieldmedic.toml`. `fieldmedic.example.toml` explains each key.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The section `[github]`, the only one that is required.
    pub github: GitHubEntry,
    /// The section `[webhook]`. Without it, `serve` only polls.
    #[serde(default)]
    pub webhook: Option<WebhookEntry>,
    /// The section `[monitor]`. Without it, there are no health checks.
    #[serde(default)]
    pub monitor: Option<MonitorEntry>,
    /// The section `[dashboard]`: pages for operators.
    #[serde(default)]
    pub dashboard: DashboardEntry,
    /// The section `[sweep]`: how often tickets and systems are swept.
    #[serde(default)]
    pub sweep: SweepEntry,
    /// The section `[escalation]`: when people are reminded.
    #[serde(default)]
    pub escalation: EscalationEntry,
    /// The section `[confirmation]`: how the reporter of a ticket is asked.
    #[serde(default)]
    pub confirmation: ConfirmationEntry,
    /// The section `[reader]`. Without it, the built-in reader reads alone.
    #[serde(default)]
    pub reader: Option<ReaderEntry>,
    /// The section `[store]`: where the journal is.
    #[serde(default)]
    pub store: StoreEntry,
    /// The section `[policy]`: what Fieldmedic may do.
    #[serde(default)]
    pub policy: PolicyEntry,
    /// The section `[roles]`: who may use which commands.
    #[serde(default)]
    pub roles: RolesEntry,
    /// The section `[redact]`: secrets that must never be published.
    #[serde(default)]
    pub redact: RedactEntry,
    /// The section `[report]`: what the figures of a month need.
    #[serde(default)]
    pub report: ReportEntry,
    /// The section `[measurements]`: how long what sweeps measure is kept.
    #[serde(default)]
    pub measurements: MeasurementsEntry,
    /// The section `[operations_log]`. Without it, no log is written.
    #[serde(default)]
    pub operations_log: Option<OperationsLogEntry>,
    /// The sections `[hosts.*]`, by the name of the host.
    #[serde(default)]
    pub hosts: BTreeMap<HostName, HostEntry>,
    /// The sections `[groups.*]`, by the name of the group.
    #[serde(default)]
    pub groups: BTreeMap<HostName, GroupEntry>,
    /// The sections `[systems.*]`, by the name of the system.
    #[serde(default)]
    pub systems: BTreeMap<SystemName, SystemEntry>,
    /// The sections `[schedules.*]`, by the name of the schedule.
    #[serde(default)]
    pub schedules: BTreeMap<ScheduleName, ScheduleEntry>,
    /// The sections `[alerts.*]`, by the name of the monitor.
    #[serde(default)]
    pub alerts: BTreeMap<AlertSourceName, AlertEntry>,
    /// The sections `[notices.*]`, by the name of the channel.
    #[serde(default)]
    pub notices: BTreeMap<ChannelName, NoticeEntry>,
    /// The section `[heartbeat]`. Without it, nobody is told that the daemon is ready.
    #[serde(default)]
    pub heartbeat: Option<HeartbeatEntry>,
    /// The section `[traces]`. Without it, nothing is exported.
    #[serde(default)]
    pub traces: Option<TracesEntry>,
    /// Folders of playbooks beside the built-in ones, or in their place.
    #[serde(default)]
    pub playbooks: PlaybooksEntry,
    /// A folder of prompts that replace the built-in ones of the same name.
    #[serde(default)]
    pub prompts: Option<PathBuf>,
    /// The old keys in the file, each of which deserves a warning.
    #[serde(skip)]
    pub renamed: Vec<Renamed>,
}

/// `playbooks`: where they come from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a list of folders, which are added to the built-in playbooks, or one folder, which replaces them"
)]
pub enum PlaybooksEntry {
    /// Folders whose playbooks are added to the built-in ones. A file replaces one with the same path.
    Added(Vec<PathBuf>),
    /// A folder that replaces the built-in playbooks.
    Alone(PathBuf),
}

impl Default for PlaybooksEntry {
    fn default() -> Self {
        Self::Added(Vec::new())
    }
}

/// Where a configuration is searched if no file is named, in order.
pub fn search_paths() -> Vec<PathBuf> {
    let folder = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    // The XDG base directories: a relative path is not valid, and is ignored.
    let personal = folder("XDG_CONFIG_HOME").filter(|folder| folder.is_absolute());
    let personal = personal.or_else(|| folder("HOME").map(|home| home.join(".config")));
    let folders =
        [Some(PathBuf::new()), personal.map(|folder| folder.join("fieldmedic")), Some(MACHINE_FOLDER.into())];
    folders.into_iter().flatten().map(|folder| folder.join("fieldmedic.toml")).collect()
}

/// The JSON Schema of `fieldmedic.toml`, for editors.
pub fn schema() -> Value {
    schema_of::<Config>("The configuration of Fieldmedic: fieldmedic.toml")
}

impl Config {
    /// Reads and checks a file. Relative paths in it become relative to the file.
    ///
    /// # Errors
    /// [`ConfigError`] with every problem.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let Decoded { mut config, renamed } = load::read::<Self>(path)?;
        config.renamed = renamed;
        config.resolve_paths(path.parent().unwrap_or(Path::new("")));
        let problems = config.problems();
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Wrong { path: path.to_owned(), problems: ConfigProblems(problems) })
        }
    }

    fn resolve_paths(&mut self, base: &Path) {
        let of_hosts = self.hosts.values_mut().flat_map(HostEntry::paths_mut);
        let log = self.operations_log.as_mut().map(|entry| &mut entry.path);
        let own = [self.prompts.as_mut(), self.store.path.as_mut(), self.github.private_key.as_mut(), log];
        let playbooks = match &mut self.playbooks {
            PlaybooksEntry::Added(dirs) => dirs.iter_mut().collect(),
            PlaybooksEntry::Alone(dir) => vec![dir],
        };
        for path in of_hosts.chain(own.into_iter().flatten()).chain(playbooks) {
            *path = resolve(path, base);
        }
        // What it fills in is relative to `base` already.
        self.store.choose_journal(base);
    }

    /// Every problem that the file alone shows, without the playbooks.
    fn problems(&self) -> Vec<String> {
        let mut problems = self.github.problems();
        problems.extend(self.dashboard.problems());
        problems.extend(self.store.problems());
        problems.extend(self.reader.iter().flat_map(ReaderEntry::problems));
        let remind_after = self.escalation.remind_after.unwrap_or(schedule::SHORTEST);
        for (key, interval) in [
            ("[github] poll_interval", self.github.poll_interval),
            ("[escalation] remind_after", remind_after),
        ] {
            if interval < schedule::SHORTEST {
                problems.push(format!("{key}: {}", ScheduleError::TooShort));
            }
        }
        problems.extend(self.sweep.problems());
        for (name, host) in &self.hosts {
            if name.as_str().starts_with(GROUP_PREFIX) {
                problems.push(format!(
                    "[hosts.{name}] begins with `{GROUP_PREFIX}`, which is reserved for groups: rename it"
                ));
            }
            problems.extend(host.problem(name));
        }
        for (name, group) in &self.groups {
            for host in group.hosts.iter().filter(|host| !self.hosts.contains_key(*host)) {
                problems.push(format!("[groups.{name}] hosts: there is no [hosts.{host}]"));
            }
            if !(1..=100).contains(&group.max_percent) {
                let percent = group.max_percent;
                problems.push(format!("[groups.{name}] max_percent is {percent}: it must be 1 to 100"));
            }
        }
        problems.extend(self.roles.problems());
        problems.extend(self.policy.problems());
        for (name, system) in &self.systems {
            for (role, host) in &system.hosts {
                if !self.hosts.contains_key(host) {
                    problems
                        .push(format!("[systems.{name}] {role} = \"{host}\": there is no [hosts.{host}]"));
                }
            }
            for repo in system.repos.iter().filter(|repo| !self.github.repos.contains(repo)) {
                problems.push(format!("[systems.{name}] repos: {repo} is not in [github] repos"));
            }
        }
        for (name, entry) in &self.alerts {
            problems.extend(entry.problems(name, self.systems.keys()));
        }
        if !self.alerts.is_empty() && self.webhook.is_none() {
            problems.push("[alerts.*] needs [webhook], on whose address alerts are received".into());
        }
        for (name, entry) in &self.notices {
            problems.extend(entry.problems(name, &self.sweep.timezone));
            for system in entry.systems.iter().filter(|system| !self.systems.contains_key(*system)) {
                problems.push(format!("[notices.{name}] systems: there is no [systems.{system}]"));
            }
        }
        problems.extend(self.heartbeat.iter().flat_map(HeartbeatEntry::problems));
        problems.extend(self.traces.iter().flat_map(TracesEntry::problems));
        problems.extend(self.redact.problems());
        problems.extend(self.measurements.problems());
        problems.extend(self.operations_log.iter().flat_map(OperationsLogEntry::problems));
        problems
    }

    /// The systems and hosts, checked against the playbooks.
    ///
    /// # Errors
    /// Every system type without playbooks, and every parameter that is unknown, missing or of a wrong type.
    pub fn inventory(&self, library: &Library, path: &Path) -> Result<Inventory, ConfigError> {
        let agent = self.hosts.iter().find(|(_, host)| host.local).map(|(name, _)| name);
        let mut problems = Vec::new();
        let mut systems = BTreeMap::new();
        for (name, entry) in &self.systems {
            match entry.system(name, library, agent) {
                Ok(system) => {
                    systems.insert(name.clone(), system);
                }
                Err(found) => problems.extend(found),
            }
        }
        let mut defaults = self.systems.iter().filter(|(_, entry)| entry.default).map(|(name, _)| name);
        let default_system = defaults.next().cloned();
        problems.extend(defaults.map(|name| {
            format!(
                "[systems.{name}] `default = true` stands in another section too; only one system can have it"
            )
        }));
        if !problems.is_empty() {
            return Err(ConfigError::Wrong { path: path.to_owned(), problems: ConfigProblems(problems) });
        }
        let groups = self.groups.iter().filter_map(|(name, group)| group.group(name)).collect();
        let repos = self.systems.iter().filter(|(_, entry)| !entry.repos.is_empty());
        let repos = repos.map(|(name, entry)| (name.clone(), entry.repos.clone())).collect();
        let hosts = self.hosts.keys().cloned().collect();
        Ok(Inventory { systems, hosts, groups, repos, default_system })
    }

    /// The playbooks that are run on a schedule, checked against the library.
    ///
    /// # Errors
    /// Every problem of every section.
    pub fn schedules(
        &self,
        library: &Library,
        inventory: &Inventory,
        path: &Path,
    ) -> Result<Vec<ScheduledRun>, ConfigError> {
        let (mut runs, mut problems) = (Vec::new(), Vec::new());
        for (name, entry) in &self.schedules {
            match entry.scheduled_run(name, library, inventory, &self.sweep.timezone) {
                Ok(run) => runs.push(run),
                Err(found) => problems.extend(found),
            }
        }
        match problems.is_empty() {
            true => Ok(runs),
            false => Err(ConfigError::Wrong { path: path.to_owned(), problems: ConfigProblems(problems) }),
        }
    }

    /// What Fieldmedic may do.
    pub fn policy(&self) -> Policy {
        Policy {
            confirmation: ConfirmationPolicy {
                remind_after: self.confirmation.remind_after,
                wait: self.confirmation.wait,
                on_silence: self.confirmation.silence,
                ask_first: self.escalation.ask_first,
                details_wait: self.escalation.ask_wait,
            },
            ..self.policy.policy()
        }
    }

    /// Who may use which commands.
    pub fn roles(&self) -> AccessPolicy {
        self.roles.access(&self.policy.approvers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::policy::permit::Mode;

    fn read(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fieldmedic.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(&path)
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let error = read(
            "[github]\nrepos = []\ncommand = \"support\"\n[hosts.a]\n[hosts.b]\naddress = \"203.0.113.5\"\nssh_config = false\n\
             [systems.qfieldcloud]\nhosts = { main = \"c\" }\nrepos = [\"example/other\"]\n",
        )
        .unwrap_err()
        .to_string();
        for expect in [
            "repos is empty",
            "must begin with `/`",
            "[hosts.a] needs an address",
            "[hosts.b] needs a user",
            "no [hosts.c]",
            "example/other is not in [github] repos",
        ] {
            assert!(error.contains(expect), "{expect:?} is not in {error}");
        }
    }

    #[test]
    fn a_relative_configuration_has_its_journal_beside_it() {
        let mut config: Config = toml::from_str("github = { repos = [\"e/t\"] }").unwrap();
        config.resolve_paths(Path::new("conf"));
        assert_eq!(config.store.path.as_deref(), Some(Path::new("conf/fieldmedic.db")));
    }

    #[test]
    fn folders_of_playbooks_are_added_or_stand_alone() {
        let playbooks = |entry: &str| {
            read(&format!("playbooks = {entry}\n[github]\nrepos = [\"e/t\"]\n")).map(|c| c.playbooks)
        };
        let PlaybooksEntry::Added(dirs) = playbooks("[\"one\", \"/two\"]").unwrap() else { panic!("alone") };
        assert!(
            dirs[0].is_absolute() && dirs[0].ends_with("one") && dirs[1] == Path::new("/two"),
            "{dirs:?}"
        );
        let alone = playbooks("\"one\"").unwrap();
        assert!(matches!(&alone, PlaybooksEntry::Alone(dir) if dir.ends_with("one")), "{alone:?}");
        let error = playbooks("5").unwrap_err().to_string();
        assert!(error.contains("a list of folders"), "{error}");
    }

    #[test]
    fn a_host_may_be_an_alias_and_its_paths_are_resolved() {
        let text = "[github]\nrepos = [\"example/tickets\"]\n[hosts.a]\naddress = \"gis-north\"\n\
                    [hosts.b]\naddress = \"b\"\nssh_config = \"ssh/config\"\nknown_hosts = \"known\"\n\
                    [hosts.c]\naddress = \"c\"\nuser = \"ada\"\nssh_config = false\n";
        let config = read(text).unwrap();
        let host = |name: &str| &config.hosts[&HostName::new(name).unwrap()];
        assert_eq!(host("a").ssh_config, SshConfigEntry::Switch(true));
        assert!(host("a").usual.iter().all(|path| !path.starts_with("~")), "{:?}", host("a").usual);
        let SshConfigEntry::File(file) = &host("b").ssh_config else { panic!("{:?}", host("b")) };
        let known = host("b").known_hosts.as_ref().unwrap();
        assert!(file.is_absolute() && file.ends_with("ssh/config") && known.is_absolute());
        assert_eq!(host("c").ssh_config, SshConfigEntry::Switch(false));
        let error = read(&text.replace("ssh_config = false", "ssh_config = 1")).unwrap_err().to_string();
        assert!(error.contains("true, false, or the path of a file"), "{error}");
    }

    #[test]
    fn tickets_are_sent_by_https_or_to_this_machine() {
        let with =
            |lines: &str| read(&format!("[github]\nrepos = [\"e/t\"]\n[reader]\nmodel = \"m\"\n{lines}\n"));
        for url in [
            "https://api.example.org/v1",
            "http://127.0.0.1:8000/v1",
            "http://[::1]/v1",
            "http://localhost/v1",
        ] {
            assert!(with(&format!("url = \"{url}\"")).is_ok(), "{url}");
        }
        for (lines, expect) in [
            ("url = \"http://api.example.org/v1\"", "https only"),
            ("url = \"http://localhost.example.org/v1\"", "https only"),
            ("url = \"file:///etc/passwd\"", "https only"),
            ("url = \"https://ada:secret@api.example.org/v1\"", "use key_env"),
            ("url = \"https://api.example.org\"\ntimeout = \"0s\"", "at most 60s"),
            ("url = \"https://api.example.org\"\ntimeout = \"1h\"", "at most 60s"),
            ("url = \"https://api.example.org/v1?key=secret\"", "the address of the API alone"),
            ("url = \"https://api.example.org\"\ncharacters_per_day = 0", "remove the section"),
            ("url = \"https://api.example.org\"\nexamples = 0", "at least 1"),
        ] {
            let error = with(lines).unwrap_err().to_string();
            assert!(error.contains(expect) && !error.contains("secret"), "{lines}: {error}");
        }
    }

    #[test]
    fn every_unknown_key_is_reported_with_its_line_and_a_hint() {
        let text = "[github]\nrepos = [\"example/tickets\"]\nlable = \"x\"\npolicy = 1\n\n[policy]\nbudgets = { cool = \"1m\" }\n\
                    [[policy.freeze]]\nwhy = \"a\"\nbegin = \"0 22 * * FRI\"\n[sistems.x]\n[hosts.a]\nadress = \"b\"\n";
        let error = read(text).unwrap_err().to_string();
        let lines: Vec<&str> = error.lines().skip(1).collect();
        assert_eq!(
            lines.iter().map(|line| line.split("; ").next().unwrap()).collect::<Vec<_>>(),
            [
                "  - line 3: unknown key `lable` in [github]",
                "  - line 4: unknown key `policy` in [github]",
                "  - line 7: unknown key `cool` in [policy.limits]",
                "  - line 10: unknown key `begin` in [policy.change_freeze]",
                "  - line 11: unknown key `sistems`",
                "  - line 13: unknown key `adress` in [hosts.a]",
            ]
        );
        for hint in
            ["did you mean `label`?", "did you mean `starts`", "did you mean `systems`?", "`address`?"]
        {
            assert!(error.contains(hint), "{hint:?} is not in {error}");
        }
    }

    #[test]
    fn old_keys_work_and_are_reported() {
        let text = "[github]\nrepos = [\"e/t\"]\npace = \"2s\"\n[policy]\npatience = \"1h\"\n[hosts.a]\nlocal = true\n\
                    [systems.x]\nkind = \"y\"\nhosts = { main = \"a\" }\n";
        let config = read(text).unwrap();
        assert_eq!(config.github.write_interval.as_secs(), 2);
        assert_eq!(config.policy().approval_timeout.as_secs(), 3600);
        assert_eq!(config.systems["x"].system_type.as_ref().unwrap().as_str(), "y");
        let renamed: Vec<String> = config.renamed.iter().map(ToString::to_string).collect();
        assert_eq!(
            renamed,
            [
                "line 3: `pace` in [github] is now called `write_interval`",
                "line 5: `patience` in [policy] is now called `approval_timeout`",
                "line 9: `kind` in [systems.x] is now called `type`",
            ]
        );
        let both = read("[github]\nrepos = [\"e/t\"]\npace = \"2s\"\nwrite_interval = \"2s\"\n").unwrap_err();
        assert!(matches!(&both, ConfigError::BothNames { keys, .. } if keys.len() == 1), "{both}");
    }

    #[test]
    fn an_error_shows_the_line_as_it_was_written() {
        for (text, line, source) in [
            ("[github]\nrepos = [\"e/t\"]\npace = 5\n", "line 3", "pace = 5"),
            ("[github]\nrepos = [\"e/t\"]\nwrite_interval = 5\n", "line 3", "write_interval = 5"),
            ("[github]\nrepos = [\"e/t\"\n", "line 2", "repos"),
            ("[github]\nlabel = \"x\"\n", "", "missing field `repos`"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(line) && error.contains(source), "{error}");
        }
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
    fn a_journal_has_one_location_and_no_password_in_the_file() {
        let store = |entries: &str| read(&format!("[github]\nrepos = [\"e/t\"]\n[store]\n{entries}"));
        let location = |entries: &str| {
            let StoreEntry { path, url, url_env } = store(entries).unwrap().store;
            (path.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned())), url, url_env)
        };
        assert_eq!(location(""), (Some("fieldmedic.db".into()), None, None));
        assert_eq!(location("path = \"x.db\""), (Some("x.db".into()), None, None));
        let url = "postgres://medic@db.example.org/fm?sslmode=verify-full";
        assert_eq!(location(&format!("url = \"{url}\"")), (None, Some(url.into()), None));
        assert_eq!(location("url_env = \"X\""), (None, None, Some("X".into())));
        for (entries, expect) in [
            ("path = \"x.db\"\nurl_env = \"X\"", "keep one of them"),
            ("url = \"postgres://medic:hunter2@db/fm?sslmode=require\"", "url_env"),
            ("url = \"postgres:///fm?password=hunter2\"", "url_env"),
            ("url = \"medic:hunter2@db\"", "postgres://"),
        ] {
            let error = store(entries).unwrap_err().to_string();
            assert!(error.contains(expect) && !error.contains("hunter2"), "{entries}: {error}");
        }
    }

    #[test]
    fn alerts_have_a_format_a_secret_and_a_port() {
        let alerts = |entries: &str| {
            read(&format!(
                "[github]\nrepos = [\"e/t\"]\nmonitors = [\"upptime-bot\"]\n[webhook]\nlisten = \"127.0.0.1:0\"\n\
                 [alerts.kuma]\n{entries}"
            ))
        };
        let config =
            alerts("format = \"uptime-kuma\"\nsecret_env = \"X\"\nprevious_secret_env = \"Y\"").unwrap();
        assert_eq!(config.alerts["kuma"].variables().collect::<Vec<_>>(), ["X", "Y"]);
        assert_eq!(config.github.monitors, ["upptime-bot"]);
        for (entries, expect) in [
            ("format = \"nagios\"\nsecret_env = \"X\"", "unknown variant `nagios`"),
            ("format = \"gatus\"", "missing field `secret_env`"),
            ("format = \"gatus\"\nsecret_env = \" \"", "[alerts.kuma] secret_env is empty"),
            ("format = \"gatus\"\nsecret_env = \"X\"\nsystem = \"north\"", "there is no [systems.north]"),
        ] {
            let error = alerts(entries).unwrap_err().to_string();
            assert!(error.contains(expect), "{entries}: {error}");
        }
        let text = "[github]\nrepos = [\"e/t\"]\n[alerts.a]\nformat = \"generic\"\nsecret_env = \"X\"\n";
        assert!(read(text).unwrap_err().to_string().contains("needs [webhook]"));
    }

    #[test]
    fn reminders_can_be_switched_off() {
        let after = |entry: &str| {
            let config = read(&format!("[github]\nrepos = [\"e/t\"]\n{entry}")).unwrap();
            config.escalation.remind_after.map(|after| after.as_secs())
        };
        assert_eq!(after(""), Some(4 * 3600));
        assert_eq!(after("[escalation]\nremind_after = \"30m\""), Some(1800));
        assert_eq!(after("[escalation]\nremind_after = \"never\""), None);
    }

    #[test]
    fn the_default_mode_is_observe() {
        let config = read("[github]\nrepos = [\"example/tickets\"]\n").unwrap();
        assert_eq!(config.policy().mode, Mode::Observe, "nothing changes until the operator writes `act`");
    }
}
