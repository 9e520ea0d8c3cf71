//! `fieldmedic host-setup`: what a server needs so that Fieldmedic may run there what its playbooks need, and
//! nothing else.

mod script;

use crate::app;
use crate::app::settings::LoadedConfig;
use crate::cli::host_setup::script::{Gate, GateForm, SetupKey, SetupScript};
use crate::cli::output::ExitStatus;
use crate::config::HostEntry;
use crate::console::{eprint, print_program};
use crate::core::gate::sudoers::Grants;
use crate::core::gate::{HostedSystem, KeyScope, RuleError, Rules};
use crate::core::ids::{HostName, Role, SystemName};
use crate::core::playbook::Library;
use crate::core::playbook::inventory::{Inventory, System};
use clap::Args;
use miette::{Result, miette};
use std::path::Path;

/// The command line of `fieldmedic host-setup`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The system, as the configuration names it.
    system: String,
    /// The host, by its name or its role [default: the system's only one].
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Write the gate as a shell script, for a host without the `fieldmedic` binary.
    #[arg(long)]
    sh: bool,
}

/// The rules behind each login of a host.
pub(super) struct Gates {
    pub probes: Rules,
    /// `None` if one key serves both.
    pub changes: Option<Rules>,
}

impl Gates {
    /// # Errors
    /// Every command that a gate could confuse with another.
    pub(super) fn new(
        name: &HostName,
        host: &HostEntry,
        hosted: &[HostedSystem<'_>],
    ) -> Result<Self, Vec<RuleError>> {
        Ok(match &host.change_key {
            Some(key) if Some(key) != host.key.as_ref() => Self {
                probes: Rules::new(name, KeyScope::Probes, hosted)?,
                changes: Some(Rules::new(name, KeyScope::Changes, hosted)?),
            },
            _ => Self { probes: Rules::new(name, KeyScope::All, hosted)?, changes: None },
        })
    }
}

/// Every system on a host. A key allows the commands of all of them, since the host does not know for which
/// system a command runs.
pub(super) fn hosted_systems<'a>(
    library: &'a Library,
    inventory: &'a Inventory,
    host: &HostName,
) -> Vec<HostedSystem<'a>> {
    let systems =
        inventory.systems.values().filter(|system| system.hosts.values().any(|known| known == host));
    systems
        .filter_map(|system| {
            Some(HostedSystem { system_type: library.systems.get(&system.system_type)?, system })
        })
        .collect()
}

/// Prints the setup script to stdout and hints for its reader to stderr. The host is not contacted.
///
/// # Errors
/// If the system or the host is not known, the host is local or has no user, or a gate could confuse two
/// commands.
pub(super) async fn run(loaded: &LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    let config = &loaded.config;
    let library = app::library(config)?;
    let inventory = config.inventory(&library, &loaded.path)?;
    let system = inventory.systems.get(arguments.system.as_str()).ok_or_else(|| {
        let known: Vec<&str> = inventory.systems.keys().map(SystemName::as_str).collect();
        let help = format!("known are: {}", known.join(", "));
        miette!(help = help, "no system `{}` is configured", arguments.system)
    })?;
    let name = choose(system, config, arguments.host.as_deref())?;
    let host = config.hosts.get(&name).ok_or_else(|| miette!("there is no [hosts.{name}]"))?;
    let hosted = hosted_systems(&library, &inventory, &name);
    let gates = Gates::new(&name, host, &hosted).map_err(indistinct)?;
    let grants = Grants::new(&name, &hosted).map_err(indistinct)?;

    let form = if arguments.sh { GateForm::Script } else { GateForm::Rules };
    let gate = |name, rules: &Rules, key: Option<&Path>| Gate {
        name,
        text: form.write(rules),
        key: SetupKey::read(key),
    };
    let mut written = vec![gate("probes", &gates.probes, host.key.as_deref())];
    written.extend(gates.changes.as_ref().map(|rules| gate("changes", rules, host.change_key.as_deref())));
    let setup = SetupScript {
        host: &name,
        systems: hosted.iter().map(|one| one.system.name.as_str()).collect(),
        user: user(&name, host)?,
        form,
        gates: written,
        grants: &grants,
    };
    print_program(setup.write().trim_end());
    print_hints(&setup, &gates, &name, host, &hosted);
    Ok(ExitStatus::Done)
}

/// Prints what a person should know beside the script.
fn print_hints(
    setup: &SetupScript<'_>,
    gates: &Gates,
    name: &HostName,
    host: &HostEntry,
    hosted: &[HostedSystem<'_>],
) {
    let address = host.address.as_deref().unwrap_or_default();
    eprint(&format!("hint: read it, then run it as root on {name}: … | ssh root@{address} sh"));
    if gates.changes.is_none() {
        eprint(&format!(
            "hint: one key serves probes and changes; with a change_key in [hosts.{name}], a probe cannot change anything"
        ));
    }
    for gate in setup.gates.iter().filter(|gate| gate.key.public.is_none()) {
        eprint(&format!(
            "hint: the public key for {} was not found, so its line is a comment: {}",
            gate.name, gate.key.advice
        ));
    }
    let changes = Rules::new(name, KeyScope::Changes, hosted).map(|rules| rules.rules).unwrap_or_default();
    for rule in changes.iter().filter(|rule| rule.admits_any_path()) {
        eprint(&format!(
            "hint: the gate admits any path for the change `{}`; in system.yaml, the type `path below <parameter>` \
             restricts it",
            rule.of
        ));
    }
}

/// The chosen host: a role or a name of this system, or its only host.
fn choose(system: &System, config: &crate::config::Config, wanted: Option<&str>) -> Result<HostName> {
    let remote = |name: &&HostName| config.hosts.get(*name).is_some_and(|host| !host.local);
    let mut hosts: Vec<&HostName> = system.hosts.values().filter(remote).collect();
    hosts.sort();
    hosts.dedup();
    let of_role = wanted.and_then(|wanted| system.host(&Role::new(wanted).ok()?));
    let named = |wanted| system.hosts.values().find(|host| host.as_str() == wanted);
    let help = || {
        let known: Vec<String> =
            system.hosts.iter().map(|(role, host)| format!("{role} (the host {host})")).collect();
        format!("choose one with --host; known are: {}", known.join(", "))
    };
    let chosen = match (wanted, &hosts[..]) {
        (Some(wanted), _) => of_role
            .or_else(|| named(wanted))
            .ok_or_else(|| miette!(help = help(), "`{}` has no host or role `{wanted}`", system.name))?,
        (None, [one]) => one,
        (None, _) => {
            return Err(miette!(help = help(), "`{}` has {} hosts behind SSH", system.name, hosts.len()));
        }
    };
    if !hosts.contains(&chosen) {
        return Err(miette!(
            "`{chosen}` is the machine that Fieldmedic runs on, which needs no key and no gate"
        ));
    }
    Ok(chosen.clone())
}

/// The user's name is part of sudoers and of shell text, so it must be a plain word.
fn user<'a>(name: &HostName, host: &'a HostEntry) -> Result<&'a str> {
    let user = host
        .user
        .as_deref()
        .ok_or_else(|| miette!("[hosts.{name}] names no user, and the gate is made for one: add `user`"))?;
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    if user.is_empty() || user.starts_with('-') || !user.bytes().all(is_plain) {
        return Err(miette!("the user `{user}` of [hosts.{name}] is not a plain user name"));
    }
    Ok(user)
}

fn indistinct(errors: Vec<RuleError>) -> miette::Report {
    let lines: Vec<String> = errors.iter().map(|error| format!("- {error}")).collect();
    miette!("a gate on the host could confuse these commands with others:\n{}", lines.join("\n"))
}
