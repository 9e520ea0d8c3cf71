//! Wiring: from a configuration to an engine with its adapters. This file alone names every adapter.

#![expect(clippy::disallowed_methods, reason = "reads secrets from the environment or from files")]

use crate::app::alerts::AlertSource;
use crate::app::playbooks::{files, load_once};
use crate::app::reading_forge::ReadingForge;
use crate::app::secrets::secret;
use crate::app::settings::LoadedConfig;
use crate::clock::SystemClock;
use crate::config::{AlertEntry, Config, HostEntry, NoticeEntry, SshConfigEntry, WebhookEntry};
use crate::console;
use crate::core::case::scheduled_run::ScheduledRun;
use crate::core::ids::HostName;
use crate::core::playbook::Library;
use crate::core::playbook::inventory::Inventory;
use crate::core::text::redact::Redactor;
use crate::engine::{Context, ForgeSettings, NoopObserver, ProbeRunner, SetAside};
use crate::github;
use crate::github::{GitHub, Identity, Pace};
use crate::library::Files;
use crate::ports::{Clock, Forge, Label, Store};
use crate::reader::{
    BuiltInReader, EmbeddingLimits, EmbeddingReader, Endpoint, EndpointError, EndpointOptions,
};
use crate::render::Prompts;
use crate::ssh::{
    HostRoute, Login, Remote, SYSTEM_KNOWN_HOSTS, SessionLimits, SshConfig, SshHosts, read_private,
};
use crate::store::{Address, AddressError, Postgres, Sqlite, worker_name};
use miette::{Diagnostic, Result};
use regex::Regex;
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A shorter path of an address is no secret, and may be a word.
const SHORTEST_PATH: usize = 12;

/// An engine with its adapters.
pub struct Application {
    /// What the engine works with. Its observer is [`NoopObserver`] until the caller sets another.
    pub context: Context,
    /// The forge of the context, for what is asked of GitHub alone.
    pub github: Arc<GitHub>,
    /// The playbooks that are run on a schedule.
    pub schedules: Vec<ScheduledRun>,
}

/// What the application is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    /// The configured journal and the configured policy are used.
    Live,
    /// Nothing is changed, published or stored.
    DryRun,
}

/// Why the application cannot be built. All of these are permanent, except for a journal that is down.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum AppError {
    /// The variable of `[github] token_env` is not set or is blank; holds its name.
    #[error("the GitHub token is missing: environment variable {0} is not set")]
    #[diagnostic(help(
        "make a fine-grained token with read and write access to issues, and put it into {0}"
    ))]
    NoToken(String),
    /// The App's private key is missing, or its file cannot be used; holds the reason.
    #[error("the private key of the GitHub App cannot be used: {0}")]
    #[diagnostic(help("GitHub makes one on the App's settings page; [github] private_key names its file"))]
    NoKey(String),
    /// A variable with a webhook secret is not set or is blank; holds its name.
    #[error("the webhook's secret is missing: environment variable {0} is not set")]
    #[diagnostic(help("set it to the secret that GitHub's webhook has; `openssl rand -hex 32` makes one"))]
    NoSecret(String),
    /// A variable with the secret of a monitor is not set or is blank.
    #[error("the secret of [alerts.{source_name}] is missing: environment variable {variable} is not set")]
    #[diagnostic(help("set it to the secret that the monitor sends; `openssl rand -hex 32` makes one"))]
    NoAlertSecret {
        /// The name of the monitor in the configuration.
        source_name: String,
        /// The name of the variable.
        variable: String,
    },
    /// The address or the credentials cannot be right, so no client of GitHub can be built.
    #[error("{0}")]
    #[diagnostic(help("see [github] base_url and the token's variable in the configuration"))]
    GitHub(#[from] github::OptionsError),
    /// The variable of `[reader] key_env` is not set or is blank; holds its name.
    #[error("the key of [reader] is missing: environment variable {0} is not set")]
    #[diagnostic(help("set it, or remove key_env if the endpoint needs no key"))]
    NoReaderKey(String),
    /// The endpoint of `[reader]` cannot be asked.
    #[error("[reader]: {0}")]
    Reader(#[from] EndpointError),
    /// The journal cannot be opened.
    #[error("{0}")]
    #[diagnostic(help("[store] in the configuration says where the journal is kept"))]
    Journal(#[from] crate::ports::JournalError),
    /// The variable of `[store] url_env` is not set or is blank; holds its name.
    #[error("the database URL is missing: environment variable {0} is not set")]
    #[diagnostic(help(
        "set it as [store] url_env says, for example: export {0}=postgres://user:password@host/database"
    ))]
    NoAddress(String),
    /// The URL of the database cannot be used.
    #[error("the database URL in {variable} is not valid: {error}")]
    BadAddress {
        /// Where the URL comes from: the name of a variable, or `[store] url`.
        variable: String,
        /// What is wrong with the URL. It does not contain the URL, which may hold a password.
        error: AddressError,
    },
}

/// What is needed to probe the configured systems. It needs no GitHub token.
pub struct ProbeSetup {
    /// Runs probes on `hosts`, and redacts their results.
    pub runner: ProbeRunner,
    /// The way to every configured host. No connection is open at first.
    pub hosts: Arc<SshHosts>,
    /// The files that `library` was loaded from.
    pub files: Files,
    /// The configured playbooks, or the built-in ones.
    pub library: Arc<Library>,
    /// The configured systems, hosts and groups, checked against `library`.
    pub inventory: Inventory,
    /// The configured schedules, checked against `library`.
    pub schedules: Vec<ScheduledRun>,
}

impl ProbeSetup {
    /// Loads the playbooks and checks the configuration against them. No host is contacted.
    ///
    /// # Errors
    /// If the playbooks cannot be loaded, or the configuration does not fit them.
    pub fn build(setting: &LoadedConfig) -> Result<Self> {
        let config = &setting.config;
        let files = files(config)?;
        let library = load_once(&files)?;
        let inventory = config.inventory(&library, &setting.path)?;
        let schedules = config.schedules(&library, &inventory, &setting.path)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let hosts = Arc::new(hosts(config, &clock));
        let runner = ProbeRunner { shell: hosts.clone(), clock, redactor: Arc::new(redactor(config)) };
        Ok(Self { runner, hosts, files, library, inventory, schedules })
    }
}

impl Application {
    /// Builds the adapters and the context. A dry run gets an empty journal in memory and a policy without
    /// permits. GitHub and the hosts are not contacted. It must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// [`AppError`] if a secret is missing or the journal cannot be opened; other errors if the playbooks,
    /// the inventory or the prompts cannot be loaded.
    pub async fn build(setting: &LoadedConfig, mode: RunMode) -> Result<Self> {
        let config = &setting.config;
        let setup = ProbeSetup::build(setting)?;
        let ProbeRunner { shell, clock, redactor } = setup.runner;
        let options = github::Options {
            base_url: config.github.base_url.clone(),
            pace: Pace { gap: config.github.write_interval, ..Pace::default() },
            ..github::Options::asking_as(identity(config)?, (*redactor).clone())
        };
        let (journal, policy): (Arc<dyn Store>, _) = match mode {
            RunMode::Live => (open_journal(setting).await?, config.policy()),
            RunMode::DryRun => {
                (Arc::new(Sqlite::in_memory().await.map_err(AppError::from)?), config.policy().dry_run())
            }
        };
        let github = Arc::new(GitHub::new(options).map_err(AppError::from)?);
        let forge: Arc<dyn Forge> = match mode {
            RunMode::Live => github.clone(),
            RunMode::DryRun => Arc::new(ReadingForge(github.clone())),
        };
        let context = Context {
            forge,
            shell,
            journal,
            clock,
            redactor,
            prompts: Arc::new(prompts(config)?),
            reader: Arc::new(BuiltInReader),
            library: setup.library,
            files: Arc::new(setup.files.as_map().clone()),
            inventory: Arc::new(setup.inventory),
            policy: Arc::new(policy),
            forge_settings: Arc::new(forge_settings(config)),
            measurements: config.measurements.policy(),
            worker: worker_name(0),
            observer: Arc::new(NoopObserver),
            set_aside: SetAside::default(),
            places: Arc::default(),
            library_stored: Arc::default(),
        };
        Ok(Self { context, github, schedules: setup.schedules })
    }
}

/// The reader with a second opinion; `None` without a section `[reader]`.
///
/// # Errors
/// [`AppError`] if the key is missing, or the endpoint cannot be asked.
pub fn embedding_reader(config: &Config) -> Result<Option<EmbeddingReader>, AppError> {
    let Some(entry) = &config.reader else { return Ok(None) };
    let key = match &entry.key_env {
        Some(variable) => Some(secret(variable).ok_or_else(|| AppError::NoReaderKey(variable.clone()))?),
        None => None,
    };
    let options =
        EndpointOptions { url: entry.url.clone(), model: entry.model.clone(), key, timeout: entry.timeout };
    let limits = EmbeddingLimits { examples: entry.examples, characters_per_day: entry.characters_per_day };
    let endpoint = Endpoint::new(options)?;
    Ok(Some(EmbeddingReader::new(endpoint, limits, redactor(config), Arc::new(SystemClock))))
}

/// The journal of a configuration.
///
/// # Errors
/// [`AppError`] if the address of a PostgreSQL database is missing or not valid, or the journal cannot be
/// opened.
pub async fn open_journal(setting: &LoadedConfig) -> Result<Arc<dyn Store>, AppError> {
    Ok(match address(&setting.config)? {
        Some(address) => Arc::new(Postgres::open(&address).await?),
        None => Arc::new(Sqlite::open(&setting.config.store.path.clone().unwrap_or_default()).await?),
    })
}

/// The journal of a configuration, which must be there, to be read. The database refuses what would write.
///
/// # Errors
/// [`AppError`] as for [`open_journal`], and if there is no journal yet, or one of another version.
pub async fn open_journal_to_read(setting: &LoadedConfig) -> Result<Arc<dyn Store>, AppError> {
    Ok(match address(&setting.config)? {
        Some(address) => Arc::new(Postgres::open_to_read(&address).await?),
        None => Arc::new(Sqlite::open_to_read(&setting.config.store.path.clone().unwrap_or_default()).await?),
    })
}

/// Where the journal of a configuration is kept, for people.
/// The path of an SQLite file, or a text such as `database medic at db:5432`, without user and password.
///
/// # Errors
/// [`AppError`] if the address of a PostgreSQL database is missing or not valid.
pub fn journal_place(config: &Config) -> Result<String, AppError> {
    Ok(match (address(config)?, &config.store.path) {
        (Some(address), _) => address.place().to_owned(),
        (None, Some(path)) => path.display().to_string(),
        (None, None) => String::new(),
    })
}

/// The bytes that are free beside the journal's file; `None` if a database keeps the journal.
pub fn free_space(config: &Config) -> Option<u64> {
    let directory = config.store.path.as_ref()?.parent()?;
    let disk = rustix::fs::statvfs(directory).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// The database of a configuration; `None` if its journal is a file.
fn address(config: &Config) -> Result<Option<Address>, AppError> {
    let (variable, url) = match (&config.store.url_env, &config.store.url) {
        (Some(variable), _) => {
            let url = secret(variable).ok_or_else(|| AppError::NoAddress(variable.clone()))?;
            (variable.clone(), url)
        }
        (None, Some(url)) => ("[store] url".to_owned(), url.as_str().into()),
        (None, None) => return Ok(None),
    };
    let address = Address::parse(url.expose_secret());
    address.map(Some).map_err(|error| AppError::BadAddress { variable, error })
}

/// The prompts that a configuration names, or those in the binary.
///
/// # Errors
/// If the configured folder cannot be read, or a prompt is not a valid template.
pub fn prompts(config: &Config) -> Result<Prompts> {
    Ok(match &config.prompts {
        Some(dir) => Prompts::from_dir(dir)?,
        None => Prompts::built_in()?,
    })
}

/// As whom the agent asks GitHub: as the App that the configuration names, or with a token.
///
/// # Errors
/// [`AppError::NoToken`] or [`AppError::NoKey`].
pub fn identity(config: &Config) -> Result<Identity, AppError> {
    let github = &config.github;
    let Some(id) = github.app_id else { return Ok(Identity::Token(token(config)?)) };
    let key = match (&github.private_key, &github.private_key_env) {
        (Some(path), _) => read_private(path).map_err(|error| AppError::NoKey(error.to_string()))?.into(),
        (None, variable) => {
            let variable = variable.as_deref().unwrap_or_default();
            secret(variable)
                .ok_or_else(|| AppError::NoKey(format!("the environment variable {variable} is not set")))?
        }
    };
    Ok(Identity::App { id, key })
}

/// The token, from the variable that the configuration names.
fn token(config: &Config) -> Result<SecretString, AppError> {
    let variable = &config.github.token_env;
    secret(variable).ok_or_else(|| AppError::NoToken(variable.clone()))
}

/// The webhook's secret, from the variable that the configuration names.
///
/// # Errors
/// [`AppError::NoSecret`] if the variable is not set or is blank.
pub fn webhook_secret(webhook: &WebhookEntry) -> Result<SecretString, AppError> {
    secret_in(&webhook.secret_env)
}

/// The same, and the one before it while GitHub still signs with that.
///
/// # Errors
/// [`AppError::NoSecret`] if a variable that the configuration names is not set or is blank.
pub fn webhook_secrets(webhook: &WebhookEntry) -> Result<Vec<SecretString>, AppError> {
    let names = [Some(&webhook.secret_env), webhook.previous_secret_env.as_ref()];
    names.into_iter().flatten().map(|name| secret_in(name)).collect()
}

/// The monitors that may send alerts.
///
/// # Errors
/// [`AppError::NoAlertSecret`] if a variable that the configuration names is not set or is blank.
pub fn alert_sources(config: &Config) -> Result<Vec<AlertSource>, AppError> {
    let sources = config.alerts.iter().map(|(name, entry)| {
        let secrets = entry.variables().map(|variable| {
            secret(variable).ok_or_else(|| AppError::NoAlertSecret {
                source_name: name.to_string(),
                variable: variable.clone(),
            })
        });
        Ok(AlertSource {
            name: name.clone(),
            format: entry.format,
            secrets: secrets.collect::<Result<_, _>>()?,
            system: entry.system.clone(),
        })
    });
    sources.collect()
}

/// The token in this variable; `None` if it is not set.
pub fn token_in(variable: &str) -> Option<SecretString> {
    secret(variable)
}

fn secret_in(variable: &str) -> Result<SecretString, AppError> {
    secret(variable).ok_or_else(|| AppError::NoSecret(variable.to_owned()))
}

/// Hides the operator's patterns and every secret that the program itself holds. The patterns were
/// checked when the configuration was read.
pub fn redactor(config: &Config) -> Redactor {
    let webhook = config.webhook.as_ref();
    let webhook = webhook.map(|webhook| [Some(&webhook.secret_env), webhook.previous_secret_env.as_ref()]);
    let reader_key = config.reader.as_ref().and_then(|reader| reader.key_env.as_ref());
    let others = [Some(&config.github.token_env), config.store.url_env.as_ref(), reader_key];
    let variables = others.into_iter().chain(webhook.into_iter().flatten()).flatten();
    let variables = variables.chain(config.dashboard.variables());
    let variables = variables.chain(config.alerts.values().flat_map(AlertEntry::variables));
    let variables = variables.chain(config.notices.values().flat_map(NoticeEntry::variables));
    let variables = variables.chain(config.heartbeat.iter().filter_map(|entry| entry.url_env.as_ref()));
    let variables = variables.chain(config.traces.iter().flat_map(|entry| entry.variables()));
    let secrets = variables.filter_map(|variable| secret(variable));
    let secrets = secrets.flat_map(|secret| with_path(secret.expose_secret()));
    let of_store = address(config).ok().flatten().map_or_else(Vec::new, |it| it.passwords().to_vec());
    let of_programs = secret("PGPASSWORD").map(|secret| secret.expose_secret().to_owned());
    let patterns = config.redact.patterns.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect();
    let redactor = Redactor::new(secrets.chain(of_store).chain(of_programs), patterns);
    console::add_secrets(&redactor);
    redactor
}

/// A secret; of an address, its path too, which is the secret part of it.
fn with_path(secret: &str) -> Vec<String> {
    let path = secret.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
    let path = path.filter(|path| path.len() >= SHORTEST_PATH);
    std::iter::once(secret).chain(path).map(str::to_owned).collect()
}

/// The label that makes an issue a ticket, as it is created where it is missing.
pub fn ticket_label(config: &Config) -> Label {
    Label {
        name: config.github.label.clone(),
        color: "0052cc",
        description: "Fieldmedic works on this ticket",
    }
}

fn forge_settings(config: &Config) -> ForgeSettings {
    ForgeSettings {
        repos: config.github.repos.clone(),
        label: config.github.label.clone(),
        monitors: config.github.monitors.clone(),
        command: config.github.command.clone(),
        on_call: config.github.on_call.clone(),
        remind_after: config.escalation.remind_after,
        roles: config.roles(),
    }
}

/// The way to every host of a configuration.
fn hosts(config: &Config, clock: &Arc<dyn Clock>) -> SshHosts {
    let named = |(name, host): (&HostName, &HostEntry)| (name.clone(), route(host));
    SshHosts::new(config.hosts.iter().map(named).collect(), SessionLimits::default(), clock.clone())
}

fn route(host: &HostEntry) -> HostRoute {
    let (Some(address), false) = (&host.address, host.local) else { return HostRoute::Local };
    let user = host.user.clone();
    let agent = std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from);
    let login = |key: Option<&Path>| Login {
        user: user.clone(),
        keys: key.map(Path::to_owned).into_iter().collect(),
        agent: agent.clone(),
    };
    let [known_hosts, usual_config] = host.usual.clone();
    let (ssh_config, known_hosts) = match &host.ssh_config {
        SshConfigEntry::Switch(false) => (SshConfig::Off, Some(known_hosts)),
        SshConfigEntry::Switch(true) => (SshConfig::Usual { config: usual_config, known_hosts }, None),
        SshConfigEntry::File(file) => (SshConfig::File(file.clone()), None),
    };
    HostRoute::Ssh(Remote {
        address: address.clone(),
        port: host.port,
        known_hosts: host.known_hosts.clone().or(known_hosts),
        system_known_hosts: SYSTEM_KNOWN_HOSTS.into(),
        ssh_config,
        probe: login(host.key.as_deref()),
        change: host.change_key.as_deref().map(|key| login(Some(key))),
    })
}
