//! The sections of the configuration that `host add` writes.

use crate::app;
use crate::app::settings::LoadedConfig;
use crate::cli::config_file::{key, list, quoted};
use crate::cli::host::target::Target;
use crate::config::Config;
use crate::core::expr::value_type::words;
use crate::core::ids::{HostName, Role};
use crate::core::playbook::discovery::Proposal;
use miette::Result;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The name of the key's file, beside the configuration.
const KEY: &str = "fieldmedic_ed25519";
/// The name of the file with the keys of hosts, beside the configuration.
const KNOWN_HOSTS: &str = "known_hosts";

/// The file of the key that all added servers have.
pub(super) fn key_file(path: &Path) -> PathBuf {
    path.with_file_name(KEY)
}

/// `[hosts.<name>]`.
pub(super) fn host(path: &Path, target: &Target) -> String {
    // Relative paths are read from the file's own folder, which is another one behind a link.
    let place = |name: &str| match path.is_symlink() {
        true => std::path::absolute(path.with_file_name(name)).unwrap_or_default().display().to_string(),
        false => name.to_owned(),
    };
    let mut text = format!("[hosts.{}]\naddress = {}\n", key(target.name.as_str()), quoted(&target.address));
    if target.port != 22 {
        let _ = writeln!(text, "port = {}", target.port);
    }
    let _ = writeln!(text, "user = {}", quoted(&target.user));
    let _ = writeln!(text, "key = {}", quoted(&place(KEY)));
    let _ = writeln!(text, "known_hosts = {}", quoted(&place(KNOWN_HOSTS)));
    text
}

/// `[systems.<name>]` for each, and the machine of Fieldmedic itself where a type looks from there.
///
/// # Errors
/// If the playbooks cannot be loaded.
pub(super) fn systems(loaded: &LoadedConfig, host: &HostName, chosen: &[Proposal]) -> Result<String> {
    let library = app::library(&loaded.config)?;
    let looks_from_here = |proposal: &Proposal| {
        let system_type = library.systems.get(&proposal.system_type);
        system_type.is_some_and(|found| found.probes.values().any(|probe| probe.host == Role::agent()))
    };
    let mut text = String::new();
    if chosen.iter().any(looks_from_here) && !loaded.config.hosts.values().any(|host| host.local) {
        let _ = writeln!(
            text,
            "# The machine of Fieldmedic: some systems are looked at from here too.\n[hosts.{}]\nlocal = true\n",
            free_name(&loaded.config)
        );
    }
    for proposal in chosen {
        let _ = writeln!(text, "[systems.{}]", key(proposal.name.as_str()));
        if proposal.name.as_str() != proposal.system_type.as_str() {
            let _ = writeln!(text, "type = {}", quoted(proposal.system_type.as_str()));
        }
        let _ = writeln!(text, "hosts = {{ main = {} }}", quoted(host.as_str()));
        let params: Vec<String> =
            proposal.params.iter().map(|(name, value)| format!("{name} = {}", toml(value))).collect();
        if !params.is_empty() {
            let _ = writeln!(text, "params = {{ {} }}", params.join(", "));
        }
        text.push('\n');
    }
    Ok(text)
}

fn free_name(config: &Config) -> String {
    let taken = |name: &str| config.hosts.contains_key(name);
    ["here", "this-machine"].into_iter().find(|name| !taken(name)).unwrap_or("fieldmedic-here").to_owned()
}

/// A checked value: a text, a number, or a list of texts.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(_) => list(&words(value)),
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}
