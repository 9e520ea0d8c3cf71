//! `fieldmedic host add`: a server of its own key, with what runs on it, in the configuration. `init` does it for the
//! first one.
//!
//! ```text
//! login.rs      the key, the host's key, the user on the server; ends when the login works
//! look.rs       asks the server what runs there; changes nothing
//! proposals.rs  a person confirms, changes or drops what was found
//! sections.rs   what is written into the configuration
//! target.rs     the server that is meant
//! ```
//!
//! Each step is written down when it is done, so a run that was stopped goes on there.

mod login;
mod look;
mod proposals;
mod sections;
mod target;

use crate::app::settings::{LoadedConfig, config_path, read_config};
use crate::cli::answers::{Answers, EXAMPLE, HostAnswers, Needs, host_address, host_name};
use crate::cli::config_file::Draft;
use crate::cli::host::target::{Target, ask_login};
use crate::cli::output::ExitStatus;
use crate::cli::prompt::{ask, ask_optional};
use crate::cli::{diagnose, doctor};
use crate::config::Config;
use crate::console::{eprint, print};
use crate::core::ids::{HostName, SystemName};
use crate::core::playbook::discovery::system_name;
use clap::{Args, Subcommand};
use miette::{Result, bail};
use std::path::{Path, PathBuf};

/// The command line of `fieldmedic host`.
#[derive(Debug, Subcommand)]
pub(super) enum Arguments {
    /// Add a server: a key, a login, and the systems that are found there. Changes nothing on the server without a yes.
    Add(Add),
}

/// The command line of `fieldmedic host add`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Add {
    /// Its name in the configuration. A host that is there already is looked at again.
    name: Option<String>,
    /// Ask nothing: the answers are in this file of TOML.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
}

/// Who says which server it is.
pub(super) enum Source {
    /// A file.
    Answers(HostAnswers),
    /// A person, who may have named it on the command line.
    Person {
        /// The name in the configuration.
        name: Option<HostName>,
        /// It can be done later.
        is_optional: bool,
    },
}

/// Adds a server to an existing configuration.
///
/// # Errors
/// If there is no valid configuration, an answer cannot be used, the server cannot be reached, or a file cannot be
/// written.
pub(super) async fn run(config: Option<PathBuf>, Arguments::Add(add): Arguments) -> Result<ExitStatus> {
    let path = config_path(config);
    if !path.exists() {
        bail!("there is no configuration at {}: `fieldmedic init` writes one", path.display());
    }
    let name = add.name.as_deref().map(host_name).transpose().map_err(miette::Report::msg)?;
    let source = match &add.answers {
        Some(file) => match Answers::read(file, Needs::Host)?.host {
            Some(answers) if name.as_ref().is_some_and(|name| *name != answers.name) => {
                bail!(
                    "the answers are about the host `{}`: leave the name out, or set `host.name`",
                    answers.name
                )
            }
            Some(answers) => Source::Answers(answers),
            None => bail!("the section [host] is missing in {}", file.display()),
        },
        None => Source::Person { name, is_optional: false },
    };
    add_host(&path, source).await
}

/// The whole way from an address to a first diagnosis.
///
/// # Errors
/// As [`run`].
pub(super) async fn add_host(path: &Path, source: Source) -> Result<ExitStatus> {
    let config = Config::read(path)?;
    let Some(target) = choose(&config, &source)? else {
        print("next: `fieldmedic host add` adds the first server");
        return Ok(ExitStatus::Done);
    };
    let answers = match &source {
        Source::Answers(answers) => Some(answers),
        Source::Person { .. } => None,
    };
    let (target, loaded) = login::open(path, target, answers).await?;
    let discovery = look::look(&loaded, &target.name).await?;
    let chosen = proposals::choose(&loaded, &target.name, discovery, answers)?;
    if chosen.is_empty() {
        print(&format!(
            "no system was added; `fieldmedic host add {}` looks again, and fieldmedic.example.toml shows how to write one",
            target.name
        ));
        return Ok(ExitStatus::Done);
    }
    let names: Vec<String> = chosen.iter().map(|proposal| format!("[systems.{}]", proposal.name)).collect();
    let text = sections::systems(&loaded, &target.name, &chosen)?;
    Draft::new(path, &text)?.write()?;
    print(&format!("written: {} in {}", names.join(", "), path.display()));
    finish(path, &chosen.iter().map(|proposal| proposal.name.clone()).collect::<Vec<_>>()).await
}

/// The check-up, the first diagnosis, and what comes next.
async fn finish(path: &Path, added: &[SystemName]) -> Result<ExitStatus> {
    eprint("\n· the check-up of everything (`fieldmedic doctor`)");
    let healthy = doctor::run(Some(path.to_owned()), doctor::Arguments {}).await? == ExitStatus::Done;
    let loaded: LoadedConfig = read_config(Some(path.to_owned()))?;
    let Some(first) = added.first() else { return Ok(ExitStatus::Done) };
    eprint(&format!("\n· the first diagnosis (`fieldmedic diagnose {first}`)"));
    let found = diagnose::probe_and_show(&loaded, first.as_str()).await?;
    print("");
    if !healthy {
        print("next: mend what is marked with ✗ above, and run `fieldmedic doctor` again");
    }
    if found == ExitStatus::Unknown {
        print(
            "next: what is UNKNOWN needs rights on the server; `fieldmedic host-setup` prints them for each system",
        );
    }
    if let [_, more @ ..] = added
        && !more.is_empty()
    {
        let more: Vec<String> = more.iter().map(|name| format!("`fieldmedic diagnose {name}`")).collect();
        print(&format!("next: {}", more.join(", ")));
    }
    print("next: `fieldmedic resolve <issue> --dry-run` works on a ticket without writing anything");
    print("next: `fieldmedic serve` answers tickets; in mode observe it changes no server");
    print("next: `fieldmedic host add` adds another server");
    Ok(ExitStatus::Done)
}

/// Which server it is; `None` if a person wants to do it later.
fn choose(config: &Config, source: &Source) -> Result<Option<Target>> {
    let name = match source {
        Source::Answers(answers) => {
            let configured = configured(config, &answers.name);
            return Ok(Some(configured.unwrap_or_else(|| Target {
                name: answers.name.clone(),
                address: answers.address.clone(),
                port: answers.port,
                user: answers.user.clone(),
                is_configured: false,
            })));
        }
        Source::Person { name, is_optional } => {
            if let Some(target) = name.as_ref().and_then(|name| configured(config, name)) {
                return Ok(Some(target));
            }
            let question = match is_optional {
                true => "The address of the first server, a name or an IP address (empty: later)",
                false => "The address of the server, a name or an IP address",
            };
            let read = |answer: &str| match answer.is_empty() && *is_optional {
                true => Ok(None),
                false => host_address(answer).map(Some),
            };
            let address = match is_optional {
                true => ask_optional(question, read)?.flatten(),
                false => ask(question, "", read)?,
            };
            let Some(address) = address else { return Ok(None) };
            (name.clone(), address)
        }
    };
    let (name, address) = name;
    let name = match name {
        Some(name) => name,
        None => {
            let free = |name: &str| {
                let name = host_name(name)?;
                match config.hosts.contains_key(&name) {
                    true => Err(format!(
                        "there is a host `{name}` already; `fieldmedic host add {name}` looks at it again"
                    )),
                    false => Ok(name),
                }
            };
            ask("Its name in the configuration", &usual_name(config, &address), free)?
        }
    };
    let (port, user) = ask_login()?;
    Ok(Some(Target { name, address, port, user, is_configured: false }))
}

/// A host that has a section already.
fn configured(config: &Config, name: &HostName) -> Option<Target> {
    let entry = config.hosts.get(name)?;
    Some(Target {
        name: name.clone(),
        address: entry.address.clone().unwrap_or_default(),
        port: entry.port.unwrap_or(22),
        user: entry.user.clone().unwrap_or_default(),
        is_configured: true,
    })
}

/// `main` for the first server, and afterwards the first part of a name; none for an IP address.
fn usual_name(config: &Config, address: &str) -> String {
    if !config.hosts.values().any(|host| !host.local) && !config.hosts.contains_key("main") {
        return "main".to_owned();
    }
    let first = address.split('.').next().unwrap_or_default();
    let is_name = address.bytes().any(|b| b.is_ascii_alphabetic()) && !address.contains(':');
    let name = system_name(first).filter(|name| is_name && !config.hosts.contains_key(name.as_str()));
    name.map_or_else(|| format!("server-{}", config.hosts.len() + 1), |name| name.to_string())
}
