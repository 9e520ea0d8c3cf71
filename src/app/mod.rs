//! Wiring: from a configuration to an agent. This file alone names every adapter.

#![expect(
    clippy::disallowed_methods,
    reason = "reads secrets from the environment or files, and ends the process at a second signal"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "reads secrets from the environment or files, and ends the process at a second signal"
)]

pub mod inbox;
use crate::cli::{LoadedConfig, eprint};
use crate::clock::SystemClock;
use crate::config::{Config, HostEntry, WebhookEntry};
use crate::console;
use crate::core::ids::HostName;
use crate::core::playbook::Library;
use crate::core::playbook::inventory::Inventory;
use crate::core::text::redact::Redactor;
use crate::engine::{Context, ForgeSettings, NoopObserver, ProbeRunner, Shutdown};
use crate::github;
use crate::github::{GitHub, Identity, Pace};
use crate::library;
use crate::library::Files;
use crate::ports::{Clock, Store};
use crate::render::Prompts;
use crate::ssh::{HostRoute, Login, Remote, SessionLimits, SshHosts};
use crate::store::{Address, AddressError, Postgres, Sqlite, worker_name};
use miette::{Diagnostic, Result};
use regex::Regex;
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An agent with its configuration.
pub struct Application {
    pub context: Context,
}

/// What the agent is put together for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    Live,
    /// Nothing is changed, nothing is said, nothing is kept.
    DryRun,
}

/// Why an agent cannot be put together.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum AppError {
    #[error("the environment variable {0}, which should hold the GitHub token, is not set")]
    #[diagnostic(help(
        "make a fine-grained token with read and write access to issues, and put it into {0}"
    ))]
    NoToken(String),
    #[error("the private key of the GitHub App cannot be had: {0}")]
    #[diagnostic(help("GitHub makes one on the App's settings page; [github] private_key names its file"))]
    NoKey(String),
    #[error("the environment variable {0}, which should hold the webhook's secret, is not set")]
    #[diagnostic(help("set it to the secret that GitHub's webhook has; `openssl rand -hex 32` makes one"))]
    NoSecret(String),
    #[error("{0}")]
    #[diagnostic(help("see [github] base_url and the token's variable in the configuration"))]
    GitHub(#[from] github::OptionsError),
    #[error("{0}")]
    #[diagnostic(help("[store] in the configuration says where the journal is kept"))]
    Journal(#[from] crate::ports::JournalError),
    #[error("there is no address of the journal: the environment variable {0} is not set")]
    #[diagnostic(help(
        "set it as [store] url_env says, for example: export {0}=postgres://user:password@host/database"
    ))]
    NoAddress(String),
    #[error("the address of the journal in {variable} is not right: {error}")]
    BadAddress { variable: String, error: AddressError },
}

/// What is needed to look at the systems of a configuration; no token is.
pub struct ProbeSetup {
    pub runner: ProbeRunner,
    pub hosts: Arc<SshHosts>,
    pub files: Files,
    pub library: Library,
    pub inventory: Inventory,
}

impl ProbeSetup {
    pub fn build(setting: &LoadedConfig) -> Result<Self> {
        let config = &setting.config;
        let files = files(config)?;
        let library = library::load(&files)?;
        let inventory = config.inventory(&library, &setting.path)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let hosts = Arc::new(hosts(config, &clock));
        let eyes = ProbeRunner { shell: hosts.clone(), clock, redactor: Arc::new(redactor(config)) };
        Ok(Self { runner: eyes, hosts, files, library, inventory })
    }
}

impl Application {
    pub async fn build(setting: &LoadedConfig, manner: RunMode) -> Result<Self> {
        let config = &setting.config;
        let lookout = ProbeSetup::build(setting)?;
        let ProbeRunner { shell, clock, redactor } = lookout.runner;
        let options = github::Options {
            base_url: config.github.base_url.clone(),
            pace: Pace { gap: config.github.write_interval, ..Pace::default() },
            ..github::Options::asking_as(identity(config)?, (*redactor).clone())
        };
        let (journal, policy): (Arc<dyn Store>, _) = match manner {
            RunMode::Live => (open_journal(setting).await?, config.policy()),
            RunMode::DryRun => {
                (Arc::new(Sqlite::in_memory().await.map_err(AppError::from)?), config.policy().dry_run())
            }
        };
        let agent = Context {
            forge: Arc::new(GitHub::new(options).map_err(AppError::from)?),
            shell,
            journal,
            clock,
            redactor,
            prompts: Arc::new(prompts(config)?),
            library: Arc::new(lookout.library),
            files: Arc::new(lookout.files.as_map().clone()),
            inventory: Arc::new(lookout.inventory),
            policy: Arc::new(policy),
            forge_settings: Arc::new(manners(config)),
            worker: worker_name(),
            observer: Arc::new(NoopObserver),
        };
        Ok(Self { context: agent })
    }
}

/// The journal of a configuration.
pub async fn open_journal(setting: &LoadedConfig) -> Result<Arc<dyn Store>, AppError> {
    Ok(match address(&setting.config)? {
        Some(address) => Arc::new(Postgres::open(&address).await?),
        None => Arc::new(Sqlite::open(&setting.config.store.path.clone().unwrap_or_default()).await?),
    })
}

/// Where the journal of a configuration is kept, for people.
pub fn journal_place(config: &Config) -> Result<String, AppError> {
    Ok(match (address(config)?, &config.store.path) {
        (Some(address), _) => address.place().to_owned(),
        (None, Some(path)) => path.display().to_string(),
        (None, None) => String::new(),
    })
}

/// The database of a configuration; `None` if its journal is a file.
fn address(config: &Config) -> Result<Option<Address>, AppError> {
    let (variable, url) = match (&config.store.url_env, &config.store.url) {
        (Some(variable), _) => {
            let url = from_environment(variable).ok_or_else(|| AppError::NoAddress(variable.clone()))?;
            (variable.clone(), url)
        }
        (None, Some(url)) => ("[store] url".to_owned(), url.as_str().into()),
        (None, None) => return Ok(None),
    };
    let address = Address::parse(url.expose_secret());
    address.map(Some).map_err(|error| AppError::BadAddress { variable, error })
}

/// The playbooks that a configuration names, or those in the binary.
pub fn files(config: &Config) -> Result<Files> {
    Ok(match &config.playbooks {
        Some(dir) => Files::from_dir(dir)?,
        None => Files::built_in(),
    })
}

fn prompts(config: &Config) -> Result<Prompts> {
    Ok(match &config.prompts {
        Some(dir) => Prompts::from_dir(dir)?,
        None => Prompts::built_in()?,
    })
}

/// As whom the agent asks GitHub: as the App that the configuration names, or with a token.
pub fn identity(config: &Config) -> Result<Identity, AppError> {
    let github = &config.github;
    let Some(id) = github.app_id else { return Ok(Identity::Token(token(config)?)) };
    let key = match (&github.private_key, &github.private_key_env) {
        (Some(path), _) => std::fs::read_to_string(path)
            .map_err(|error| AppError::NoKey(format!("{}: {error}", path.display())))?
            .into(),
        (None, variable) => {
            let variable = variable.as_deref().unwrap_or_default();
            from_environment(variable)
                .ok_or_else(|| AppError::NoKey(format!("the environment variable {variable} is not set")))?
        }
    };
    Ok(Identity::App { id, key })
}

/// The token, from the variable that the configuration names.
fn token(config: &Config) -> Result<SecretString, AppError> {
    let variable = &config.github.token_env;
    from_environment(variable).ok_or_else(|| AppError::NoToken(variable.clone()))
}

/// The webhook's secret, from the variable that the configuration names.
pub fn webhook_secret(webhook: &WebhookEntry) -> Result<SecretString, AppError> {
    secret_in(&webhook.secret_env)
}

/// The same, and the one before it while GitHub still signs with that.
pub fn webhook_secrets(webhook: &WebhookEntry) -> Result<Vec<SecretString>, AppError> {
    let names = [Some(&webhook.secret_env), webhook.previous_secret_env.as_ref()];
    names.into_iter().flatten().map(|name| secret_in(name)).collect()
}

fn secret_in(variable: &str) -> Result<SecretString, AppError> {
    from_environment(variable).ok_or_else(|| AppError::NoSecret(variable.to_owned()))
}

fn from_environment(variable: &str) -> Option<SecretString> {
    let value = std::env::var(variable).ok()?;
    (!value.trim().is_empty()).then(|| value.trim().into())
}

/// Hides the operator's patterns and every secret that the program itself holds. The patterns were
/// checked when the configuration was read.
pub fn redactor(config: &Config) -> Redactor {
    let webhook = config.webhook.as_ref();
    let webhook = webhook.map(|webhook| [Some(&webhook.secret_env), webhook.previous_secret_env.as_ref()]);
    let others = [Some(&config.github.token_env), config.store.url_env.as_ref()];
    let variables = others.into_iter().chain(webhook.into_iter().flatten()).flatten();
    let secrets = variables.filter_map(|variable| from_environment(variable));
    let secrets = secrets.map(|secret| secret.expose_secret().to_owned());
    let of_store = address(config).ok().flatten().map_or_else(Vec::new, |it| it.passwords().to_vec());
    let of_programs = from_environment("PGPASSWORD").map(|secret| secret.expose_secret().to_owned());
    let patterns = config.redact.patterns.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect();
    let redactor = Redactor::new(secrets.chain(of_store).chain(of_programs), patterns);
    console::add_secrets(&redactor);
    redactor
}

fn manners(config: &Config) -> ForgeSettings {
    ForgeSettings {
        repos: config.github.repos.clone(),
        label: config.github.label.clone(),
        command: config.github.command.clone(),
        on_call: config.github.on_call.clone(),
        remind_after: config.escalation.remind_after,
        roles: config.roles(),
    }
}

/// The way to every host of a configuration.
fn hosts(config: &Config, clock: &Arc<dyn Clock>) -> SshHosts {
    let reach = |(name, host): (&HostName, &HostEntry)| (name.clone(), reach(host));
    SshHosts::new(config.hosts.iter().map(reach).collect(), SessionLimits::default(), clock.clone())
}

fn reach(host: &HostEntry) -> HostRoute {
    let (Some(address), false) = (&host.address, host.local) else { return HostRoute::Local };
    let user = host.user.clone().unwrap_or_default();
    let agent = std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from);
    let login = |key: Option<&Path>| Login {
        user: user.clone(),
        keys: key.map(Path::to_owned).into_iter().collect(),
        agent: agent.clone(),
    };
    HostRoute::Ssh(Remote {
        address: address.clone(),
        port: host.port,
        known_hosts: host.known_hosts.clone(),
        probe: login(host.key.as_deref()),
        change: host.change_key.as_deref().map(|key| login(Some(key))),
    })
}

/// A stop that is pulled by the first Ctrl-C or SIGTERM; the second ends the process at once.
pub fn stop_on_signal() -> Shutdown {
    let (stop, pull) = Shutdown::new();
    tokio::spawn(async move {
        wait_for_signal().await;
        eprint("stopping at the next safe point; once more to stop at once");
        let _ = pull.send(true);
        wait_for_signal().await;
        std::process::exit(130);
    });
    stop
}

async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
