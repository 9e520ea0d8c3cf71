//! `fieldmedic host-setup`: what to put on a server so that the agent may do there what its playbooks
//! need, and nothing else.

mod script;

use crate::app;
use crate::app::settings::LoadedConfig;
use crate::cli::host_setup::script::{Gate, GateForm, SetupKey, SetupScript};
use crate::cli::output::ExitStatus;
use crate::config::HostEntry;
use crate::console::{eprint, print};
use crate::core::gate::sudoers::{Grants, PinnedFacts};
use crate::core::gate::{HostedSystem, KeyScope, RuleError, Rules};
use crate::core::ids::{HostName, Role, SystemName};
use crate::core::playbook::Library;
use crate::core::playbook::inventory::{Inventory, System};
use crate::library;
use clap::Args;
use miette::{Result, miette};
use serde_json::Value;
use std::path::Path;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The system, as the configuration names it.
    system: String,
    /// The host, by its name or its role [default: the system's only one].
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Write the gate as a shell script, for a host without the `fieldmedic` binary.
    #[arg(long)]
    sh: bool,
    /// A fact that never changes on this host, which makes its sudo rules narrower; may be repeated.
    #[arg(long, value_name = "PROBE.FACT=VALUE")]
    fact: Vec<String>,
}

/// The rules behind each login of a host.
pub(super) struct Gates {
    pub looks: Rules,
    /// `None`: one key does both.
    pub changes: Option<Rules>,
}

impl Gates {
    /// # Errors
    /// Every command that no gate could tell from others.
    pub fn new(
        name: &HostName,
        host: &HostEntry,
        standing: &[HostedSystem<'_>],
    ) -> Result<Self, Vec<RuleError>> {
        Ok(match &host.change_key {
            Some(key) if Some(key) != host.key.as_ref() => Self {
                looks: Rules::new(name, KeyScope::Probes, standing)?,
                changes: Some(Rules::new(name, KeyScope::Changes, standing)?),
            },
            _ => Self { looks: Rules::new(name, KeyScope::All, standing)?, changes: None },
        })
    }
}

/// Everything that stands on a host. A key admits all of it, since a host does not know for which system
/// it is asked.
pub(super) fn standing<'a>(
    library: &'a Library,
    inventory: &'a Inventory,
    host: &HostName,
) -> Vec<HostedSystem<'a>> {
    let sites = inventory.systems.values().filter(|site| site.hosts.values().any(|known| known == host));
    sites
        .filter_map(|site| {
            Some(HostedSystem { system_type: library.systems.get(&site.system_type)?, system: site })
        })
        .collect()
}

pub async fn run(setting: &LoadedConfig, arguments: Arguments) -> Result<ExitStatus> {
    let config = &setting.config;
    let library = library::load(&app::files(config)?)?;
    let inventory = config.inventory(&library, &setting.path)?;
    let site = inventory.systems.get(arguments.system.as_str()).ok_or_else(|| {
        let known: Vec<&str> = inventory.systems.keys().map(SystemName::as_str).collect();
        let help = format!("there is: {}", known.join(", "));
        miette!(help = help, "no system `{}` is configured", arguments.system)
    })?;
    let name = choose(site, config, arguments.host.as_deref())?;
    let host = &config.hosts[&name];
    let standing = standing(&library, &inventory, &name);
    let pinned = pin(&arguments.fact, &standing)?;
    let gates = Gates::new(&name, host, &standing).map_err(told)?;
    let grants = Grants::new(&name, &standing, &pinned).map_err(told)?;

    let form = if arguments.sh { GateForm::Script } else { GateForm::Rules };
    let gate = |word, rules: &Rules, key: Option<&Path>| Gate {
        word,
        text: form.write(rules),
        key: SetupKey::read(key),
    };
    let mut written = vec![gate("looks", &gates.looks, host.key.as_deref())];
    written.extend(gates.changes.as_ref().map(|rules| gate("changes", rules, host.change_key.as_deref())));
    let paper = SetupScript {
        host: &name,
        systems: standing.iter().map(|one| one.system.name.as_str()).collect(),
        user: user(&name, host)?,
        form,
        gates: written,
        grants: &grants,
    };
    print(paper.write().trim_end());
    hint(&paper, &gates, &grants, &name, host);
    Ok(ExitStatus::Done)
}

/// What is good to know beside the text itself.
fn hint(paper: &SetupScript<'_>, gates: &Gates, grants: &Grants, name: &HostName, host: &HostEntry) {
    let address = host.address.as_deref().unwrap_or_default();
    eprint(&format!("hint: read it, then run it as root on {name}: … | ssh root@{address} sh"));
    if gates.changes.is_none() {
        eprint(&format!(
            "hint: one key looks and changes; give [hosts.{name}] a change_key, and a look cannot change anything"
        ));
    }
    for gate in paper.gates.iter().filter(|gate| gate.key.public.is_none()) {
        eprint(&format!(
            "hint: the public key for {} is not here, so its line is a comment: {}",
            gate.word, gate.key.advice
        ));
    }
    for fact in &grants.open {
        eprint(&format!("hint: sudo takes any value for {fact}; --fact {fact}=… would make that narrower"));
    }
}

/// The host that is meant: a role or a name of this system, or its only host.
fn choose(site: &System, config: &crate::config::Config, wanted: Option<&str>) -> Result<HostName> {
    let remote = |name: &&HostName| config.hosts.get(*name).is_some_and(|host| !host.local);
    let mut hosts: Vec<&HostName> = site.hosts.values().filter(remote).collect();
    hosts.sort();
    hosts.dedup();
    let of_role = wanted.and_then(|wanted| site.host(&Role::new(wanted).ok()?));
    let named = |wanted| site.hosts.values().find(|host| host.as_str() == wanted);
    let help = || {
        let known: Vec<String> =
            site.hosts.iter().map(|(role, host)| format!("{role} (the host {host})")).collect();
        format!("name one with --host; there is: {}", known.join(", "))
    };
    let chosen = match (wanted, &hosts[..]) {
        (Some(wanted), _) => of_role
            .or_else(|| named(wanted))
            .ok_or_else(|| miette!(help = help(), "`{}` has no host or role `{wanted}`", site.name))?,
        (None, [one]) => one,
        (None, _) => {
            return Err(miette!(help = help(), "`{}` has {} hosts behind SSH", site.name, hosts.len()));
        }
    };
    if !hosts.contains(&chosen) {
        return Err(miette!(
            "`{chosen}` is the machine that the agent runs on: no key and no gate lead there"
        ));
    }
    Ok(chosen.clone())
}

/// sudoers and shell text name this user, so it has to be a plain word.
fn user<'a>(name: &HostName, host: &'a HostEntry) -> Result<&'a str> {
    let user = host.user.as_deref().unwrap_or_default();
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    if user.is_empty() || user.starts_with('-') || !user.bytes().all(is_plain) {
        return Err(miette!("the user `{user}` of [hosts.{name}] is not a plain user name"));
    }
    Ok(user)
}

fn pin(facts: &[String], standing: &[HostedSystem<'_>]) -> Result<PinnedFacts> {
    let mut pinned = PinnedFacts::new();
    for entry in facts {
        let help = "for example --fact docker.root=/var/lib/docker";
        let (name, value) =
            entry.split_once('=').ok_or_else(|| miette!(help = help, "`{entry}` is not PROBE.FACT=VALUE"))?;
        let kind = standing
            .iter()
            .find_map(|one| {
                let (probe, fact) = name.split_once('.')?;
                let facts = &one.system_type.probes.get(probe)?.facts;
                facts.iter().find(|known| known.name.as_str() == fact)?.value_type
            })
            .ok_or_else(|| miette!(help = help, "`{name}` is no fact with a type"))?;
        let value = kind.check(&Value::String(value.to_owned())).map_err(|bad| miette!("`{name}`: {bad}"))?;
        pinned.insert(name.to_owned(), value);
    }
    Ok(pinned)
}

fn told(bad: Vec<RuleError>) -> miette::Report {
    let lines: Vec<String> = bad.iter().map(|bad| format!("- {bad}")).collect();
    miette!("a host could not tell these commands from others:\n{}", lines.join("\n"))
}
