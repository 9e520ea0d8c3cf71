//! Wiring: from a configuration to an agent. This file alone names every adapter.

use crate::cli::Setting;
use crate::clock::Wall;
use crate::config::{Config, Host};
use crate::core::name::HostName;
use crate::core::redact::Redactor;
use crate::engine::{Agent, Manners, Stop, Unwatched};
use crate::github::{self, GitHub};
use crate::library::{self, Files};
use crate::ports::{Clock, Journal};
use crate::render::Prompts;
use crate::ssh::{Hosts, Limits, Login, Reach, Remote};
use crate::store::{Sqlite, worker_name};
use miette::{Diagnostic, Result};
use regex::Regex;
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An agent with its configuration.
pub struct App {
    pub agent: Agent,
    pub hosts: Arc<Hosts>,
}

/// What the agent is put together for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Work,
    /// Nothing is changed, nothing is said, nothing is kept.
    Rehearse,
}

/// Why an agent cannot be put together.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum AppError {
    #[error("there is no GitHub token: the environment variable {0} is not set")]
    #[diagnostic(help("make a fine-grained token with read and write access to issues, then: export {0}=…"))]
    NoToken(String),
    #[error("{0}")]
    #[diagnostic(help("see [github] base_url and the token's variable in the configuration"))]
    GitHub(#[from] github::BadOptions),
    #[error("{0}")]
    #[diagnostic(help("[store] path in the configuration says where the journal is kept"))]
    Journal(#[from] crate::ports::JournalError),
}

impl App {
    pub async fn build(setting: &Setting, manner: Manner) -> Result<Self> {
        let config = &setting.config;
        let token = token(config)?;
        let redactor = redactor(config, [token.expose_secret().to_owned()]);
        let files = files(config)?;
        let library = library::load(&files)?;
        let inventory = config.inventory(&library, &setting.path)?;
        let clock: Arc<dyn Clock> = Arc::new(Wall);
        let hosts = Arc::new(hosts(config, &clock));
        let policy = config.policy();
        let options = github::Options {
            base_url: config.github.base_url.clone(),
            ..github::Options::new(token, redactor.clone())
        };
        let journal: Arc<dyn Journal> = match manner {
            Manner::Work => open_journal(setting).await?,
            Manner::Rehearse => Arc::new(Sqlite::in_memory().await.map_err(AppError::from)?),
        };
        let agent = Agent {
            forge: Arc::new(GitHub::new(options).map_err(AppError::from)?),
            shell: hosts.clone(),
            journal,
            clock,
            redactor: Arc::new(redactor),
            prompts: Arc::new(prompts(config)?),
            library: Arc::new(library),
            files: Arc::new(files.as_map().clone()),
            inventory: Arc::new(inventory),
            policy: Arc::new(match manner {
                Manner::Work => policy,
                Manner::Rehearse => policy.rehearsal(),
            }),
            manners: Arc::new(manners(config)),
            worker: worker_name(),
            watch: Arc::new(Unwatched),
        };
        Ok(Self { agent, hosts })
    }
}

/// The journal of a configuration.
pub async fn open_journal(setting: &Setting) -> Result<Arc<dyn Journal>, AppError> {
    Ok(Arc::new(Sqlite::open(&setting.config.store.path).await?))
}

/// The playbooks that a configuration names, or those in the binary.
pub fn files(config: &Config) -> Result<Files> {
    Ok(match &config.playbooks {
        Some(dir) => Files::from_dir(dir)?,
        None => Files::built_in(),
    })
}

pub fn prompts(config: &Config) -> Result<Prompts> {
    Ok(match &config.prompts {
        Some(dir) => Prompts::from_dir(dir)?,
        None => Prompts::built_in()?,
    })
}

/// The token, from the variable that the configuration names.
pub fn token(config: &Config) -> Result<SecretString, AppError> {
    secret(&config.github.token_env)
}

/// A secret from the environment.
pub fn secret(variable: &str) -> Result<SecretString, AppError> {
    match std::env::var(variable) {
        Ok(value) if !value.trim().is_empty() => Ok(value.trim().into()),
        _ => Err(AppError::NoToken(variable.into())),
    }
}

/// Hides the operator's patterns and every secret that the program itself holds. The patterns were
/// checked when the configuration was read.
pub fn redactor(config: &Config, secrets: impl IntoIterator<Item = String>) -> Redactor {
    let patterns = config.redact.patterns.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect();
    Redactor::new(secrets, patterns)
}

pub fn manners(config: &Config) -> Manners {
    Manners {
        repos: config.github.repos.clone(),
        label: config.github.label.clone(),
        command: config.github.command.clone(),
        on_call: config.github.on_call.clone(),
    }
}

/// The way to every host of a configuration.
pub fn hosts(config: &Config, clock: &Arc<dyn Clock>) -> Hosts {
    let reach = |(name, host): (&HostName, &Host)| (name.clone(), reach(host));
    Hosts::new(config.hosts.iter().map(reach).collect(), Limits::default(), clock.clone())
}

fn reach(host: &Host) -> Reach {
    let (Some(address), false) = (&host.address, host.local) else { return Reach::Local };
    let user = host.user.clone().unwrap_or_default();
    let agent = std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from);
    let login = |key: Option<&Path>| Login {
        user: user.clone(),
        keys: key.map(Path::to_owned).into_iter().collect(),
        agent: agent.clone(),
    };
    Reach::Ssh(Remote {
        address: address.clone(),
        port: host.port,
        known_hosts: host.known_hosts.clone(),
        probe: login(host.key.as_deref()),
        change: host.change_key.as_deref().map(|key| login(Some(key))),
    })
}

/// A stop that is pulled by the first Ctrl-C or SIGTERM; the second ends the process at once.
pub fn stop_on_signal() -> Stop {
    let (stop, pull) = Stop::new();
    tokio::spawn(async move {
        wait_for_signal().await;
        eprintln!("stopping at the next safe point; once more to stop at once");
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
